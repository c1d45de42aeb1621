// Convolution for inference on packed operands, with everything that follows it fused.
//
// Letters and layouts as in conv2d.h: N images, H W C input, O R S C weights, P Q output. The
// input comes in one or more segments of channels, each with a quantizer of its own (a
// concatenation of quantized branches); their convolutions add up. For each segment one of three
// arithmetics:
//
// - bits: weights sum_i v_i s_i with s_i in {-1,+1}, inputs sum_j u_j b_j with b_j in {0,1} (spec
//   sections 1 and 8). With the bits W_i (set for +1) and B_j of a window,
//     sum over the window of s_i b_j = popc(W_i) - popc(W_i xor B_j),
//   so that the result is a constant per channel minus sum_ij v_i u_j popc(W_i xor B_j). A zero bit
//   is the value zero: padding needs no correction.
// - int8: weights scale[o] * integer, inputs scale * (byte - zero point), both exact (the grid of
//   spec section 8).
// - float32: inputs as they are, and weights as they are or sum_i v_i s_i. The latter stay bits
//   until shortly before they are multiplied.
//
// After the sums, for every output channel: affine map (batch norm, bias), residual, then any
// number of results: floats (with a further affine map and ReLU) and symbols: the position among
// thresholds, as a code in bit-planes or as a byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <variant>
#include <vector>

#include "core/stream.h"
#include "kernels/common/conv2d_geometry.h"

namespace lq::kernels {

/// Segments of a convolution.
inline constexpr std::size_t max_bitconv_segments = 8;
/// Float outputs of a convolution, and as many symbol outputs.
inline constexpr std::size_t max_bitconv_outputs = 4;
/// Pairs of a plane of weights and one of inputs up to which counting bits is faster than
/// multiplying bytes.
inline constexpr int max_plane_pairs = 5;

/// 1 to 4 bits on each side are fast; up to 8 are correct.
struct BitSegment {
  std::int64_t channels = 0;
  int weight_bits = 0;
  int input_bits = 0;
  std::vector<std::uint8_t> weight_codes;  ///< O R S C: bit i is the sign of v_i
  std::vector<float> weight_basis;         ///< O x weight_bits: v
  std::vector<float> input_basis;          ///< input_bits: u
};

/// Products stay exact when the sum of |weights| * 255 of a window fits 31 bits.
struct GridSegment {
  std::int64_t channels = 0;
  std::vector<std::int8_t> weights;  ///< O R S C
  std::vector<float> weight_scale;   ///< O
  float input_scale = 1.0F;
  /// Byte that stands for zero. Bytes are at most 127, so that every instruction set is exact.
  std::uint8_t zero_point = 0;
};

struct FloatSegment {
  std::int64_t channels = 0;
  std::vector<float> weights;  ///< O R S C
};

/// Weights sum_i v_i s_i for inputs that are floats: added in double from the first element to the
/// last, then rounded. Results are those of a FloatSegment with these weights. 1 to 4 bits stay
/// bits in memory; up to 8 are correct.
struct CodedFloatSegment {
  std::int64_t channels = 0;
  int weight_bits = 0;
  std::vector<std::uint8_t> weight_codes;  ///< O R S C: bit i is the sign of v_i
  std::vector<float> weight_basis;         ///< O x weight_bits: v
};

using BitconvSegment = std::variant<BitSegment, GridSegment, FloatSegment, CodedFloatSegment>;

/// (value * scale + shift), then max(0, .) if relu. Empty vectors stand for 1 and 0.
struct BitconvFloatOutput {
  std::vector<float> scale;  ///< O
  std::vector<float> shift;  ///< O
  bool relu = false;
};

/// symbols[#{t : signs[o] * value > thresholds[t, o]}].
struct BitconvSymbolOutput {
  /// count x O, ascending per channel; -inf is always crossed, +inf never.
  std::vector<float> thresholds;
  std::vector<float> signs;           ///< O: +1 or -1
  std::vector<std::uint8_t> symbols;  ///< count + 1
  int planes = 0;                     ///< bit-planes of a code, or 0 for bytes
};

struct BitconvDescription {
  /// With n = 1 and groups = 1. c_in is the sum over the segments. Without segments the sums are 0:
  /// pointwise work on the residual.
  Conv2dGeometry geometry;
  std::vector<BitconvSegment> segments;
  std::vector<float> scale;  ///< O: of the sums
  std::vector<float> shift;  ///< O
  bool has_residual = false;
  std::vector<BitconvFloatOutput> float_outputs;
  std::vector<BitconvSymbolOutput> symbol_outputs;
};

/// Elements of an input or a symbol result: bit-planes in the layout of packed_layout.h, bytes or
/// floats in N H W C order, by what the description says.
template <typename Pointer>
struct BitconvBuffer {
  Pointer data = nullptr;
  std::int64_t plane_words = 0;  ///< of bit-planes: words from one plane to the next
};

/// Where a run finds its operands: one entry per segment or output of the description, in order.
/// Nothing may overlap, but for the residual with a float output that has neither scale nor ReLU.
struct BitconvOperands {
  std::int64_t batch = 1;  ///< images
  std::span<const BitconvBuffer<const void*>> inputs;
  const float* residual = nullptr;  ///< N P Q O
  std::span<float* const> floats;   ///< N P Q O each
  std::span<const BitconvBuffer<void*>> symbols;
};

/// The share of one of several workers that call together.
struct Slice {
  int index = 0;
  int count = 1;
};

/// A convolution that is ready to run: weights are arranged for the machine. Immutable: threads may
/// run it at the same time. On a device operands and scratch memory lie there, a run has one slice
/// and is queued on the stream that the convolution was prepared with, which must outlive it.
class Bitconv {
 public:
  virtual ~Bitconv() = default;

  /// Scratch memory that each worker needs, aligned to 64 bytes. On a device it is zero at first,
  /// and only convolutions write to it: each finds what it needs as the last one has left it.
  virtual std::size_t scratch_bytes() const = 0;

  /// Memory that the weights take, in the form in which they are kept.
  virtual std::size_t weight_bytes() const = 0;

  /// Computes a share of all results; they are complete when every worker's call has returned.
  /// Allocates nothing; does not throw on the CPU, and throws Error on a device that refuses the
  /// work, or for a batch of 2^31 input pixels or more. Results do not depend on the number of
  /// workers.
  virtual void run(const BitconvOperands& operands, Slice slice,
                   std::span<std::byte> scratch) const = 0;
};

/// Throws Error, naming what was given, for a description whose parts do not fit one another.
/// Whether the extents of the geometry fit together is for conv2d_geometry() to say.
void check_description(const BitconvDescription& description);

/// Throws Error as check_description() does.
using PrepareBitconv = std::unique_ptr<Bitconv>(Stream& stream,
                                                const BitconvDescription& description);

PrepareBitconv prepare_bitconv;

/// Sums in double, straight from the definitions above.
namespace reference {
PrepareBitconv prepare_bitconv;
}

/// Popcounts by the instruction set that is active now.
namespace cpu {
PrepareBitconv prepare_bitconv;
}

/// The arithmetic of each segment as above, but that weights of a CodedFloatSegment are decoded at
/// once. Integer sums are exact; segments are added in float.
namespace cuda {
PrepareBitconv prepare_bitconv;
}

}  // namespace lq::kernels
