// Data sets by name.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/dataset.h"
#include "data/synthetic.h"

namespace lq {

struct DatasetOptions {
  /// MNIST and Fashion-MNIST: zeros are put around the images until they have this height and
  /// width (28 grows to the 32 that the CIFAR networks expect); 0 leaves them as they are.
  int padded_size = 32;
  /// What "synthetic" is made of.
  SyntheticOptions synthetic = {};

  friend bool operator==(const DatasetOptions&, const DatasetOptions&) = default;
};

/// A row of the table of data sets.
struct DatasetInfo {
  std::string_view name;
  /// One line for help texts.
  std::string_view description;
  /// What a user who lacks the files should do; ends the message about a missing folder.
  std::string_view source;
  /// Where the files are looked for when no folder is given; empty when there is no such place.
  std::string_view default_folder;
  /// Whether there are files at all.
  bool needs_folder;
  /// Of the DatasetSplits.
  bool mirror_symmetric;
  DatasetSplits (*open)(const std::filesystem::path& folder, const DatasetOptions& options);
};

/// Every data set, in the order for help texts.
std::span<const DatasetInfo> datasets();

/// Their names, in the same order.
std::vector<std::string> dataset_names();

/// The row of `name`; throws Error that lists the known names when there is none.
const DatasetInfo& dataset_info(std::string_view name);

/// Reads data set `name` from `folder` (empty: its default folder). Throws Error, in one line that
/// names the file, what was found and what is expected, for an unknown name, a folder that is
/// needed but not given, one that is given but not needed, and missing or damaged files.
DatasetSplits open_dataset(std::string_view name, const std::filesystem::path& folder = {},
                           const DatasetOptions& options = {});

}  // namespace lq
