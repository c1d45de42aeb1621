#include "data/normalization.h"

#include <algorithm>

namespace lq {
namespace {

void add_images(const Dataset& dataset, std::span<std::uint64_t> sums) {
  Image image;
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    dataset.load(i, image);
    std::ranges::transform(image.pixels, sums, sums.begin(),
                           [](std::uint8_t pixel, std::uint64_t sum) { return sum + pixel; });
  }
}

}  // namespace

Normalization per_pixel_normalization(const DatasetSplits& splits, MeanSource source) {
  const Shape shape = splits.train->image_shape();
  check(shape.elements() > 0, "per-pixel mean: the images differ in size");
  std::vector<std::uint64_t> sums(static_cast<std::size_t>(shape.elements()));
  std::int64_t images = splits.train->size();
  add_images(*splits.train, sums);
  if (source == MeanSource::train_and_test) {
    check(splits.test->image_shape() == shape,
          "per-pixel mean: test images are {}, expected {} as in training",
          splits.test->image_shape().to_string(), shape.to_string());
    images += splits.test->size();
    add_images(*splits.test, sums);
  }
  check(images > 0, "per-pixel mean: the data set is empty");

  Normalization normalization{.mean = Tensor(shape)};
  std::ranges::transform(sums, normalization.mean.data<float>(), [images](std::uint64_t sum) {
    return static_cast<float>(static_cast<double>(sum) / static_cast<double>(images));
  });
  return normalization;
}

}  // namespace lq
