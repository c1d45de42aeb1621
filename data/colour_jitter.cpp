#include "data/colour_jitter.h"

#include <algorithm>
#include <utility>

#include "data/image.h"
#include "data/wide_loops.h"

namespace lq {

namespace {

using Colour = std::array<double, 3>;

constexpr Colour luma_weights{0.299, 0.587, 0.114};

/// Principal components of ImageNet's colours, in columns, and their standard deviations in grey
/// levels (spec section 4.1).
constexpr std::array<Colour, 3> components = {
    {{-0.5675, 0.7192, 0.4009}, {-0.5808, -0.0045, -0.8140}, {-0.5836, -0.6948, 0.4203}}};
constexpr Colour deviations{0.2175 * 255, 0.0188 * 255, 0.0045 * 255};

double luma(const Colour& colour) {
  return luma_weights[0] * colour[0] + luma_weights[1] * colour[1] + luma_weights[2] * colour[2];
}

/// A whole number of pixels, and of vectors: loops over so many values at once vectorise.
constexpr std::size_t block = 48;

/// Adds the values of the three channels to `sums`.
LQNET_WIDE_LOOPS void add_channels(const std::uint8_t* values, std::size_t size,
                                   std::uint64_t* sums) {
  constexpr std::size_t most_blocks = 256;  // that 16 bits hold the sums of
  while (size >= block) {
    std::array<std::uint16_t, block> partial{};
    for (std::size_t blocks = std::min(size / block, most_blocks); blocks > 0; --blocks) {
      for (std::size_t i = 0; i < block; ++i) {
        partial[i] = static_cast<std::uint16_t>(partial[i] + values[i]);
      }
      values += block;
      size -= block;
    }
    for (std::size_t i = 0; i < block; ++i) sums[i % 3] += partial[i];
  }
  for (std::size_t i = 0; i < size; ++i) sums[i % 3] += values[i];
}

Colour mean_of(std::span<const std::uint8_t> pixels) {
  std::array<std::uint64_t, 3> sums{};
  add_channels(pixels.data(), pixels.size(), sums.data());
  Colour mean{};
  const auto count = static_cast<double>(pixels.size() / 3);
  for (std::size_t c = 0; c < 3; ++c) mean[c] = static_cast<double>(sums[c]) / count;
  return mean;
}

/// A linear map of colours. All steps of fb.resnet.torch are such maps as long as nothing is
/// clipped, and so is all of them together: the pixels are touched once.
class ColourMap {
 public:
  /// Colours are multiplied by the factor.
  void scale(double factor) {
    for (std::size_t c = 0; c < 3; ++c) {
      for (double& entry : matrix_[c]) entry *= factor;
      shift_[c] *= factor;
    }
  }
  void add(const Colour& colour) {
    for (std::size_t c = 0; c < 3; ++c) shift_[c] += colour[c];
  }
  /// Blends with the grey value of the colour itself.
  void saturate(double factor) {
    Colour grey_row{};
    for (std::size_t j = 0; j < 3; ++j) {
      grey_row[j] = luma({matrix_[0][j], matrix_[1][j], matrix_[2][j]});
    }
    const double grey_shift = luma(shift_);
    scale(factor);
    for (std::size_t c = 0; c < 3; ++c) {
      for (std::size_t j = 0; j < 3; ++j) matrix_[c][j] += (1 - factor) * grey_row[j];
      shift_[c] += (1 - factor) * grey_shift;
    }
  }
  Colour apply(const Colour& colour) const {
    Colour result = shift_;
    for (std::size_t c = 0; c < 3; ++c) {
      for (std::size_t j = 0; j < 3; ++j) result[c] += matrix_[c][j] * colour[j];
    }
    return result;
  }
  void apply(std::span<std::uint8_t> pixels) const;

 private:
  std::array<Colour, 3> matrix_{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
  Colour shift_{};
};

/// Columns of a matrix, and a shift.
struct MapLanes {
  PixelLanes red, green, blue, shift;
};

/// At most a block of values.
LQNET_WIDE_INLINE void map_some_pixels(const MapLanes& map, std::uint8_t* pixels,
                                       std::size_t size) {
  std::array<float, block + 1> mapped;  // pixels are written one lane further than they go
  for (std::size_t i = 0; i < size; i += 3) {
    store_lanes(map.shift + map.red * static_cast<float>(pixels[i]) +
                    map.green * static_cast<float>(pixels[i + 1]) +
                    map.blue * static_cast<float>(pixels[i + 2]),
                &mapped[i]);
  }
  round_to_bytes(mapped.data(), size, pixels);
}

LQNET_WIDE_LOOPS void map_pixels(const MapLanes& map, std::uint8_t* pixels, std::size_t size) {
  for (; size >= block; pixels += block, size -= block) map_some_pixels(map, pixels, block);
  map_some_pixels(map, pixels, size);
}

void ColourMap::apply(std::span<std::uint8_t> pixels) const {
  const auto lanes = [](double red, double green, double blue) {
    return PixelLanes{static_cast<float>(red), static_cast<float>(green), static_cast<float>(blue)};
  };
  const auto column = [&](std::size_t j) {
    return lanes(matrix_[0][j], matrix_[1][j], matrix_[2][j]);
  };
  map_pixels({column(0), column(1), column(2), lanes(shift_[0], shift_[1], shift_[2])},
             pixels.data(), pixels.size());
}

void change_as_fb_resnet(const ColourChange& change, std::span<std::uint8_t> pixels) {
  const Colour mean = mean_of(pixels);
  ColourMap map;
  for (const int step : change.order) {
    if (step == 0) map.scale(change.brightness);
    if (step == 1) {
      const double grey = (1 - change.contrast) * luma(map.apply(mean));
      map.scale(change.contrast);
      map.add({grey, grey, grey});
    }
    if (step == 2) map.saturate(change.saturation);
    if (step == 3) map.add({change.lighting[0], change.lighting[1], change.lighting[2]});
  }
  map.apply(pixels);
}

/// value = value x factor + shift, of each channel, truncated to bytes.
LQNET_WIDE_LOOPS void scale_channels(std::uint8_t* values, std::size_t size, float factor,
                                     const std::array<float, 3>& shift) {
  std::array<float, block> shifts;
  for (std::size_t i = 0; i < block; ++i) shifts[i] = shift[i % 3];
  for (; size >= block; values += block, size -= block) {
    for (std::size_t i = 0; i < block; ++i) {
      values[i] = clipped(static_cast<float>(values[i]) * factor + shifts[i]);
    }
  }
  for (std::size_t i = 0; i < size; ++i) {
    values[i] = clipped(static_cast<float>(values[i]) * factor + shifts[i]);
  }
}

/// Blends pixels with their grey values, which are bytes; at most a block of values.
LQNET_WIDE_INLINE void saturate_some(std::uint8_t* values, std::size_t size, float factor) {
  std::array<float, block> shifts;
  for (std::size_t i = 0; i < size; i += 3) {
    const float shift = (1 - factor) * static_cast<float>(luma_byte(values + i));
    shifts[i] = shifts[i + 1] = shifts[i + 2] = shift;
  }
  for (std::size_t i = 0; i < size; ++i) {
    values[i] = clipped(static_cast<float>(values[i]) * factor + shifts[i]);
  }
}

LQNET_WIDE_LOOPS void saturate(std::uint8_t* values, std::size_t size, float factor) {
  for (; size >= block; values += block, size -= block) saturate_some(values, block, factor);
  saturate_some(values, size, factor);
}

void change_as_official(const ColourChange& change, std::span<std::uint8_t> pixels) {
  for (const int step : change.order) {
    if (step == 0) scale_channels(pixels.data(), pixels.size(), change.brightness, {});
    if (step == 1) {
      std::array<float, 3> shift{};
      const Colour mean = mean_of(pixels);
      for (std::size_t c = 0; c < 3; ++c) {
        shift[c] = static_cast<float>(mean[c]) * (1 - change.contrast);
      }
      scale_channels(pixels.data(), pixels.size(), change.contrast, shift);
    }
    if (step == 2) saturate(pixels.data(), pixels.size(), change.saturation);
    if (step == 3) scale_channels(pixels.data(), pixels.size(), 1.0F, change.lighting);
  }
}

}  // namespace

ColourChange draw_colour_change(const ColourJitterOptions& options, Rng& rng) {
  ColourChange change;
  const std::uint32_t shuffled = options.style == AugmentationStyle::official ? 4 : 3;
  for (std::uint32_t i = shuffled - 1; i > 0; --i) {
    std::swap(change.order[i], change.order[rng.below(i + 1)]);
  }
  const auto factor = [&rng](float spread) { return rng.uniform(1 - spread, 1 + spread); };
  change.brightness = factor(options.brightness);
  change.contrast = factor(options.contrast);
  change.saturation = factor(options.saturation);
  for (std::size_t k = 0; k < 3; ++k) {
    const double amount = options.lighting * rng.normal() * deviations[k];
    for (std::size_t c = 0; c < 3; ++c) {
      change.lighting[c] += static_cast<float>(components[c][k] * amount);
    }
  }
  return change;
}

void change_colours(AugmentationStyle style, const ColourChange& change,
                    std::span<std::uint8_t> pixels) {
  if (style == AugmentationStyle::official) {
    change_as_official(change, pixels);
  } else {
    change_as_fb_resnet(change, pixels);
  }
}

}  // namespace lq
