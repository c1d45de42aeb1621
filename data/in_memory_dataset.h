// A data set that is held in memory, as bytes.
#pragma once

#include "data/dataset.h"

namespace lq {

/// Images of one size, decoded once when the data set is opened.
class InMemoryDataset final : public Dataset {
 public:
  /// image_shape is H W C; pixels are N H W C, labels N. Throws Error when the counts do not agree
  /// or a label is not an index into `classes`.
  InMemoryDataset(const Shape& image_shape, std::vector<std::uint8_t> pixels,
                  std::vector<std::int32_t> labels, std::vector<std::string> classes);

  std::int64_t size() const override { return static_cast<std::int64_t>(labels_.size()); }
  Shape image_shape() const override { return image_shape_; }
  std::span<const std::string> classes() const override { return classes_; }
  std::int32_t label(std::int64_t index) const override { return labels_[index]; }
  void load(std::int64_t index, Image& image) const override;

 private:
  Shape image_shape_;
  std::vector<std::uint8_t> pixels_;
  std::vector<std::int32_t> labels_;
  std::vector<std::string> classes_;
};

}  // namespace lq
