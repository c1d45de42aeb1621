#include "data/augmentation.h"

#include <algorithm>

#include "core/error.h"

namespace lq {
namespace {

void copy_pixels(const Image& image, const Shape& expected, std::span<std::uint8_t> pixels) {
  check(image.shape() == expected, "transform: image is {}, expected {}", image.shape().to_string(),
        expected.to_string());
  check(static_cast<std::int64_t>(pixels.size()) == expected.elements(),
        "transform: room for {} bytes, expected {}", pixels.size(), expected.elements());
  std::ranges::copy(image.pixels, pixels.begin());
}

}  // namespace

Transform::Transform(Normalization normalization) : normalization_(std::move(normalization)) {
  check(normalization_.mean.defined() && normalization_.mean.shape().rank() == 3,
        "normalization: the mean image is missing or not H W C");
  check(normalization_.divisor > 0, "normalization: divisor is {}, expected more than 0",
        normalization_.divisor);
}

NormalizeTransform::NormalizeTransform(Normalization normalization)
    : Transform(std::move(normalization)) {}

CropWindow NormalizeTransform::prepare(const Image& image, Rng& /*rng*/,
                                       std::span<std::uint8_t> pixels) const {
  copy_pixels(image, image_shape(), pixels);
  return {};
}

PadCropFlipTransform::PadCropFlipTransform(Normalization normalization,
                                           const PadCropFlipOptions& options)
    : Transform(std::move(normalization)), options_(options) {
  constexpr int most = 1 << 20;
  check(options_.padding >= 0 && options_.padding <= most,
        "pad-crop-flip: padding is {}, expected 0 to {}", options_.padding, most);
}

CropWindow PadCropFlipTransform::prepare(const Image& image, Rng& rng,
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
