#include "data/augmentation.h"

#include <algorithm>

#include "core/error.h"

namespace lq {
namespace {

void copy_pixels(SourceImage& source, const Shape& expected, std::span<std::uint8_t> pixels) {
  const Image& image = source.whole();
  check(image.shape() == expected, "transform: image is {}, expected {}", image.shape().to_string(),
        expected.to_string());
  check(static_cast<std::int64_t>(pixels.size()) == expected.elements(),
        "transform: room for {} bytes, expected {}", pixels.size(), expected.elements());
  std::ranges::copy(image.pixels, pixels.begin());
}

Shape shape_of_mean(const Normalization& normalization) {
  validate(normalization);
  return normalization.mean.shape();
}

}  // namespace

Transform::Transform(const Shape& image_shape, Normalization normalization)
    : image_shape_(image_shape), normalization_(std::move(normalization)) {
  validate(normalization_);
  const Shape& mean = normalization_.mean.shape();
  check(image_shape_.rank() == 3 && image_shape_.elements() > 0,
        "transform: images of {}, expected H x W x C", image_shape_);
  check(mean == image_shape_ || mean == Shape{1, 1, image_shape_[2]},
        "normalization: mean is {}, expected {} or 1x1x{}", mean, image_shape_, image_shape_[2]);
}

Transform::Transform(const Normalization& normalization)
    : Transform(shape_of_mean(normalization), normalization) {}

NormalizeTransform::NormalizeTransform(const Normalization& normalization)
    : Transform(normalization) {}

CropWindow NormalizeTransform::prepare(SourceImage& image, Rng& /*rng*/,
                                       std::span<std::uint8_t> pixels) const {
  copy_pixels(image, image_shape(), pixels);
  return {};
}

PadCropFlipTransform::PadCropFlipTransform(const Normalization& normalization,
                                           const PadCropFlipOptions& options)
    : Transform(normalization), options_(options) {
  constexpr int most = 1 << 20;
  check(options_.padding >= 0 && options_.padding <= most,
        "pad-crop-flip: padding is {}, expected 0 to {}", options_.padding, most);
}

CropWindow PadCropFlipTransform::prepare(SourceImage& image, Rng& rng,
                                         std::span<std::uint8_t> pixels) const {
  copy_pixels(image, image_shape(), pixels);
  // The numbers are drawn in the order that the header promises.
  const auto offsets = static_cast<std::uint32_t>(2 * options_.padding + 1);
  CropWindow window;
  window.top = static_cast<std::int32_t>(rng.below(offsets)) - options_.padding;
  window.left = static_cast<std::int32_t>(rng.below(offsets)) - options_.padding;
  window.mirrored = options_.flip && rng.below(2) == 1;
  return window;
}

}  // namespace lq
