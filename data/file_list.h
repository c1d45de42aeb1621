// The files of a data set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "data/encoded_dataset.h"
#include "data/name_list.h"

namespace lq {

/// Files below one folder, with a label each.
class FileList final : public ImageStore {
 public:
  explicit FileList(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// `name` is the path from the folder.
  void add(std::string_view name, std::int32_t label);
  /// Frees what add() has reserved.
  void shrink();

  std::int64_t size() const override { return static_cast<std::int64_t>(labels_.size()); }
  std::string_view name(std::int64_t index) const override { return names_[index]; }
  std::string path(std::int64_t index) const override;
  std::int32_t label(std::int64_t index) const override { return labels_[index]; }
  void read(std::int64_t index, std::vector<std::byte>& bytes) const override;

 private:
  std::filesystem::path folder_;
  NameList names_;
  std::vector<std::int32_t> labels_;
};

}  // namespace lq
