// Random changes of colour for training (spec section 4.1).
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "core/rng.h"

namespace lq {

/// The two implementations that results were published with.
enum class AugmentationStyle : unsigned char {
  /// fb.resnet.torch's: brightness, contrast and saturation in random order, lighting behind them;
  /// contrast turns about the mean grey value of the image. Here values are rounded and clipped to
  /// bytes once, at the end; there they never are.
  fb_resnet,
  /// The official code's: the same with lighting as one of the four in random order; contrast turns
  /// each channel about its own mean, and saturation about grey values that are bytes; each step
  /// clips and truncates to bytes.
  official
};

struct ColourJitterOptions {
  /// Each factor is uniform in [1 - x, 1 + x].
  float brightness = 0.4F;
  float contrast = 0.4F;
  float saturation = 0.4F;
  /// Standard deviation of the factors of the principal components of ImageNet's colours.
  float lighting = 0.1F;
  AugmentationStyle style = AugmentationStyle::fb_resnet;
};

/// What is drawn for an image, in the order of the fields.
struct ColourChange {
  /// Numbers of the steps 0 brightness, 1 contrast, 2 saturation, 3 lighting as they follow.
  std::array<int, 4> order{0, 1, 2, 3};
  float brightness = 1.0F;
  float contrast = 1.0F;
  float saturation = 1.0F;
  /// What is added to red, green and blue.
  std::array<float, 3> lighting{};
};

/// Draws the numbers of an image.
ColourChange draw_colour_change(const ColourJitterOptions& options, Rng& rng);

/// Changes red-green-blue pixels in place.
void change_colours(AugmentationStyle style, const ColourChange& change,
                    std::span<std::uint8_t> pixels);

}  // namespace lq
