// CIFAR-10 and CIFAR-100, binary version.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace lq {

/// A file is a run of records: one byte per label level, then the planes R, G, B of
/// size x size bytes each. Every image is turned to H W C.
struct CifarFormat {
  /// Of the data set, for messages.
  std::string name;
  /// Where the files lie when they are not in the given folder itself.
  std::string subfolder;
  std::vector<std::string> train_files;
  std::string test_file;
  /// Records of one training file and of the test file.
  std::int64_t train_file_images;
  std::int64_t test_file_images;
  /// Number of classes at each label level, coarse to fine; the last level is the label.
  std::vector<int> label_levels;
  /// A text file with one class name per line, used when it is there.
  std::string names_file;
  /// The class names otherwise.
  std::vector<std::string> names;
  /// Height and width of the images.
  int size = 32;
};

/// data_batch_1.bin ... data_batch_5.bin with 10,000 images each and test_batch.bin.
CifarFormat cifar10_format();
/// train.bin with 50,000 images and test.bin; a coarse label (20 classes), then the fine one.
CifarFormat cifar100_format();

/// Reads all files from `folder` or its subfolder. Throws Error, in one line that names the file,
/// for missing files, sizes that do not fit and labels out of range.
DatasetSplits read_cifar(const CifarFormat& format, const std::filesystem::path& folder);

}  // namespace lq
