#include "data/augmentation.h"

#include <algorithm>

#include "core/error.h"

namespace lq {
namespace {

void check_normalization(const Normalization& normalization) {
  check(normalization.mean.defined() && normalization.mean.shape().rank() == 3,
        "normalization: the mean image is missing or not H W C");
  check(normalization.divisor > 0, "normalization: divisor is {}, expected more than 0",
        normalization.divisor);
}

void check_sizes(const Image& image, const Shape& expected, std::span<float> output) {
  check(image.shape() == expected, "transform: image is {}, expected {}", image.shape().to_string(),
        expected.to_string());
  check(static_cast<std::int64_t>(output.size()) == expected.elements(),
        "transform: room for {} values, expected {}", output.size(), expected.elements());
}

// (byte - mean) / divisor for runs of values. The loops are plain so that they vectorise.
class Normalizer {
 public:
  Normalizer(const Normalization& normalization, float* output)
      : mean_(normalization.mean.data<float>()),
        scale_(1.0F / normalization.divisor),
        output_(output) {}

  // Values [begin, end) of the output from as many bytes.
  void run(std::int64_t begin, std::int64_t end, const std::uint8_t* bytes) const {
    for (std::int64_t i = begin; i < end; ++i) {
      output_[i] = (static_cast<float>(bytes[i - begin]) - mean_[i]) * scale_;
    }
  }

  // Values [begin, end) of the output from zero bytes.
  void zeros(std::int64_t begin, std::int64_t end) const {
    for (std::int64_t i = begin; i < end; ++i) output_[i] = -mean_[i] * scale_;
  }

  // Pixels of `channels` values in [begin, end) of the output, from bytes in the reverse order of
  // pixels.
  void mirrored(std::int64_t begin, std::int64_t end, std::int64_t channels,
                const std::uint8_t* bytes) const {
    const std::uint8_t* pixel = bytes + (end - begin);
    for (std::int64_t i = begin; i < end; i += channels) {
      pixel -= channels;
      for (std::int64_t c = 0; c < channels; ++c) {
        output_[i + c] = (static_cast<float>(pixel[c]) - mean_[i + c]) * scale_;
      }
    }
  }

 private:
  const float* mean_;
  float scale_;
  float* output_;
};

}  // namespace

NormalizeTransform::NormalizeTransform(Normalization normalization)
    : normalization_(std::move(normalization)) {
  check_normalization(normalization_);
}

void NormalizeTransform::apply(const Image& image, Rng& /*rng*/, std::span<float> output) const {
  check_sizes(image, output_shape(), output);
  Normalizer(normalization_, output.data())
      .run(0, static_cast<std::int64_t>(output.size()), image.pixels.data());
}

PadCropFlipTransform::PadCropFlipTransform(Normalization normalization,
                                           const PadCropFlipOptions& options)
    : normalization_(std::move(normalization)), options_(options) {
  check_normalization(normalization_);
  constexpr int most = 1 << 20;
  check(options_.padding >= 0 && options_.padding <= most,
        "pad-crop-flip: padding is {}, expected 0 to {}", options_.padding, most);
}

// The numbers are drawn in the order that the header promises.
PadCropFlipTransform::Window PadCropFlipTransform::draw_window(Rng& rng) const {
  const auto offsets = static_cast<std::uint32_t>(2 * options_.padding + 1);
  Window window;
  window.top = static_cast<std::int64_t>(rng.below(offsets)) - options_.padding;
  window.left = static_cast<std::int64_t>(rng.below(offsets)) - options_.padding;
  window.mirrored = options_.flip && rng.below(2) == 1;
  return window;
}

void PadCropFlipTransform::apply(const Image& image, Rng& rng, std::span<float> output) const {
  check_sizes(image, output_shape(), output);
  const Window window = draw_window(rng);
  const std::int64_t height = image.height;
  const std::int64_t width = image.width;
  const std::int64_t channels = image.channels;

  // The columns of the window that show the image, before and after mirroring.
  const std::int64_t begin = std::clamp<std::int64_t>(-window.left, 0, width);
  const std::int64_t end = std::clamp<std::int64_t>(width - window.left, begin, width);
  const std::int64_t shown_begin = (window.mirrored ? width - end : begin) * channels;
  const std::int64_t shown_end = (window.mirrored ? width - begin : end) * channels;

  const Normalizer normalizer(normalization_, output.data());
  for (std::int64_t y = 0; y < height; ++y) {
    const std::int64_t row = y * width * channels;
    const std::int64_t row_end = row + width * channels;
    const std::int64_t source_row = y + window.top;
    if (source_row < 0 || source_row >= height || begin == end) {
      normalizer.zeros(row, row_end);
      continue;
    }
    const std::uint8_t* source =
        image.pixels.data() + (source_row * width + begin + window.left) * channels;
    normalizer.zeros(row, row + shown_begin);
    if (window.mirrored) {
      normalizer.mirrored(row + shown_begin, row + shown_end, channels, source);
    } else {
      normalizer.run(row + shown_begin, row + shown_end, source);
    }
    normalizer.zeros(row + shown_end, row_end);
  }
}

}  // namespace lq
