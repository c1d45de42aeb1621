#include "data/normalization.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"

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

std::vector<float> Normalization::scale() const {
  std::vector<float> scale(static_cast<std::size_t>(mean.shape()[2]));
  for (std::size_t c = 0; c < scale.size(); ++c) {
    scale[c] = 1.0F / divisor[divisor.size() == 1 ? 0 : c];
  }
  return scale;
}

bool operator==(const Normalization& a, const Normalization& b) {
  return a.divisor == b.divisor && a.mean.shape() == b.mean.shape() &&
         std::ranges::equal(a.mean.span<float>(), b.mean.span<float>());
}

void validate(const Normalization& normalization) {
  const Tensor& mean = normalization.mean;
  check(mean.defined() && mean.shape().rank() == 3 && mean.dtype() == DType::f32,
        "normalization: the mean image is missing or not H W C");
  const std::int64_t divisors = std::ssize(normalization.divisor), channels = mean.shape()[2];
  check(divisors == 1 || divisors == channels,
        "normalization: {} divisors for {} channels, expected one for all or one for each",
        divisors, channels);
  for (const float divisor : normalization.divisor) {
    check(divisor > 0 && std::isfinite(divisor),
          "normalization: divisor is {}, expected a finite number of more than 0", divisor);
  }
}

Normalization imagenet_normalization(ChannelOrder order) {
  std::array mean{0.485, 0.456, 0.406};
  std::array deviation{0.229, 0.224, 0.225};
  if (order == ChannelOrder::bgr) {
    std::ranges::reverse(mean);
    std::ranges::reverse(deviation);
  }
  Normalization normalization{.mean = Tensor({1, 1, 3}), .divisor = {}};
  const auto grey_levels = [](double part) { return static_cast<float>(255 * part); };
  std::ranges::transform(mean, normalization.mean.data<float>(), grey_levels);
  for (const double part : deviation) normalization.divisor.push_back(grey_levels(part));
  return normalization;
}

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
