#include "data/in_memory_dataset.h"

#include <algorithm>

#include "core/error.h"

namespace lq {

InMemoryDataset::InMemoryDataset(const Shape& image_shape, std::vector<std::uint8_t> pixels,
                                 std::vector<std::int32_t> labels, std::vector<std::string> classes)
    : image_shape_(image_shape),
      pixels_(std::move(pixels)),
      labels_(std::move(labels)),
      classes_(std::move(classes)) {
  check(image_shape_.rank() == 3 && image_shape_.elements() > 0,
        "data set: images of shape {}, expected H W C", image_shape_.to_string());
  check(static_cast<std::int64_t>(pixels_.size()) == size() * image_shape_.elements(),
        "data set: {} bytes of pixels, expected {} images of {}", pixels_.size(), size(),
        image_shape_.to_string());
  for (std::size_t i = 0; i < labels_.size(); ++i) {
    check(labels_[i] >= 0 && labels_[i] < static_cast<std::int64_t>(classes_.size()),
          "data set: image {} has label {}, expected 0 to {}", i, labels_[i],
          static_cast<std::int64_t>(classes_.size()) - 1);
  }
}

void InMemoryDataset::load(std::int64_t index, Image& image) const {
  image.resize(static_cast<int>(image_shape_[0]), static_cast<int>(image_shape_[1]),
               static_cast<int>(image_shape_[2]));
  const std::int64_t bytes = image_shape_.elements();
  std::copy_n(pixels_.begin() + index * bytes, bytes, image.pixels.begin());
}

}  // namespace lq
