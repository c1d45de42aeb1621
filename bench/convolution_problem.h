// Convolutions with random codes, for benches.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/rng.h"
#include "kernels/bitconv/bitconv.h"
#include "kernels/common/aligned_vector.h"

namespace lq::bench {

struct BitWidths {
  int weights = 1;      ///< 1 to 4
  int activations = 1;  ///< 1 to 4

  /// "2/2".
  std::string to_string() const;

  friend bool operator==(const BitWidths&, const BitWidths&) = default;
};

/// Throws Error for anything but "W/A" with 1 to 4 bits each.
BitWidths parse_bit_widths(std::string_view text);

/// Whether levels of these widths are packed as bytes on an integer grid rather than as bits.
bool uses_grid(BitWidths widths);

/// Multiply-accumulates of bits for the geometry's images; of bytes where the grid is used.
double convolution_macs(const kernels::Conv2dGeometry& geometry, BitWidths widths);

/// Random codes and bases, and thresholds around the middle of the sums: repacking them costs what
/// it costs in a network.
class ConvolutionProblem {
 public:
  ConvolutionProblem(const kernels::Conv2dGeometry& geometry, BitWidths widths, std::uint64_t seed);

  const kernels::BitconvDescription& description() const { return description_; }

  /// Words of one image, in one plane, of inputs and of results.
  std::int64_t input_words() const;
  std::int64_t output_words() const;
  std::int64_t planes() const { return uses_grid(widths_) ? 1 : widths_.activations; }

  /// Random inputs that keep the rules of their layout.
  kernels::AlignedVector<std::uint32_t> inputs(std::int64_t batch);

  /// For one image.
  double macs() const { return convolution_macs(description_.geometry, widths_); }

 private:
  std::int64_t words(std::int64_t pixels, std::int64_t channels) const;
  void add_bits();
  void add_grid();
  void add_thresholds();

  Rng rng_;
  BitWidths widths_;
  kernels::BitconvDescription description_;
};

}  // namespace lq::bench
