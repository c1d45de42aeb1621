// The inner loops of bitconv, compiled once per instruction set.
//
// All kinds of arithmetic see the same picture: an output is a sum over words of 32 bits, and a
// word holds 32 one-bit channels, 16 of them of two planes, 4 eight-bit ones or 1 float. A tile is
// 16 output channels (a block; with one weight plane two of them) times up to 8 neighbouring pixels
// of a strip. Every word of a pixel's window is broadcast against words of weights, one per output
// channel.
#pragma once

#include <cstdint>

namespace lq::kernels::bitconv {

/// How the products are formed.
enum class Arithmetic : unsigned char {
  bits,  ///< popcount of bit-planes: 32 channels per word
  /// The same for 16 channels of two planes of activations, one in each half of a word, against
  /// the same weights in both halves. At most max_halves_words words per window.
  halves,
  int8,    ///< unsigned activations times signed weights: 4 channels per word
  float32  ///< 1 channel per word
};

/// Sums of 16 bits fit a half.
inline constexpr int max_halves_words = 2047;

/// Planes of activations that share a word.
constexpr int planes_per_word(Arithmetic arithmetic) {
  return arithmetic == Arithmetic::halves ? 2 : 1;
}

inline constexpr int block_channels = 16;
inline constexpr int tile_pixels = 8;
/// Rows of weights that share the loads of a pixel's words. A row is one weight plane (or the
/// integers, or the floats) of one block.
inline constexpr int rows_per_group = 2;
/// Blocks that are computed side by side when each has one row.
inline constexpr int blocks_per_tile = 2;

/// Bits of coded weights for floats that are decoded while they are used.
inline constexpr int max_decoded_bits = 4;

/// Coded weights of a block. A weight is one of 2^(bits - 1) levels, or the negative of one.
struct CodedBlock {
  int bits;  ///< 1 to max_decoded_bits
  std::int64_t words;
  /// words x bits, a bit for each of 16 channels: the number of the level from its lowest bit
  /// on, then whether it is negative.
  const std::uint16_t* planes;
  const float* levels;  ///< 2^(bits - 1) x 16
};

/// Input channels with one quantizer: one convolution whose result adds to that of the others.
struct SegmentJob {
  Arithmetic arithmetic;
  int input_planes;   ///< of words: 1 unless bits or halves
  int weight_planes;  ///< the same: the rows of a block
  const std::uint32_t* input;
  std::int64_t origin;       ///< words from `input` to kernel row 0 of the first window; may be < 0
  std::int64_t plane_pitch;  ///< words from plane to plane
  std::int64_t strip_pitch;  ///< words from strip to strip
  std::int64_t pixel_pitch;  ///< words from one pixel's window to the next one's
  std::int64_t row_pitch;    ///< words from one row of a window to the next
  std::int64_t row_words;    ///< words of one row of a window
  std::int64_t kernel_rows;
  bool windows_are_whole;  ///< rows outside the image are there, as zeros
  /// Words of each row of a window that lie outside the image, to be left out: at its beginning for
  /// the first pixel of a strip, at its end for the last one.
  std::int64_t left_words;
  std::int64_t right_words;
  /// Tiles of blocks x groups of rows x kernel rows x words x rows x 16: see arrange_weights.
  const std::uint32_t* weights;
  std::int64_t first_block;  ///< with which `weights` begins
  /// Tiles of blocks x groups of rows x input planes (x planes per word) x rows x 16.
  const float* coefficients;
};

/// A float result: (sum + residual) * scale + shift.
struct FloatResult {
  float* to;           ///< N P Q O
  const float* scale;  ///< O rounded up to blocks; null for 1 and 0
  const float* shift;  ///< the same, with scale
  bool relu;
};

/// The position of sum + residual among thresholds, as a symbol.
struct SymbolResult {
  const float* thresholds;     ///< count x O rounded up to blocks, ascending
  const std::uint32_t* signs;  ///< O rounded up: the sign bit where -value is compared, else 0
  int threshold_count;         ///< 0 to 255
  /// threshold_count + 1, zeros up to at least 16: codes, or levels of the integer grid
  const std::uint8_t* symbols;
  /// planes x (threshold_count + 1), 0 or all ones: whether the plane's bit is set below all
  /// thresholds, and whether it flips at each of them
  const std::uint32_t* flips;
  int planes;                ///< of bits; 0 for one byte per channel
  void* to;                  ///< planes x N P Q words, or N P Q O bytes
  std::int64_t plane_pitch;  ///< words from plane to plane
  std::int64_t pixel_pitch;  ///< bytes from pixel to pixel
};

/// Kinds of pixels by where they are in their strip, because columns outside the image are left
/// out of the sums: in between, first, last, or both.
inline constexpr int edge_kinds = 4;
constexpr int edge_kind(bool is_first, bool is_last) {
  return (is_first ? 1 : 0) + (is_last ? 2 : 0);
}

/// The kernel rows of a strip that lie in the image, [first, end), and what belongs to them, for
/// each kind of pixel.
struct BorderRows {
  std::int64_t first;
  std::int64_t end;
  const float* constants[edge_kinds];  ///< O rounded up to blocks
  /// Where the only result is one bit per channel that follows from one count: the bit is
  /// (count < limit) != flip. O rounded up to blocks, and a bit of each 16 per block; null
  /// otherwise.
  const std::int32_t* limits[edge_kinds];
  const std::uint32_t* flips[edge_kinds];
};

/// The share of a convolution that one worker computes.
struct BitconvJob {
  const SegmentJob* segments;
  int segment_count;
  std::int64_t output_channels;
  std::int64_t blocks;             ///< ceil(output channels / 16)
  std::int64_t first_block;        ///< a multiple of blocks_per_tile
  std::int64_t end_block;          ///< the same, or `blocks`
  std::int64_t strips;             ///< of this job
  std::int64_t strip_pixels;       ///< outputs of a strip
  std::int64_t last_strip_pixels;  ///< of the last one
  std::int64_t first_pixel;        ///< index of the first output in N P Q
  /// What the border does to each strip; those of strip s are rows[s * row_step].
  const BorderRows* rows;
  std::int64_t row_step;
  const float* residual;  ///< N P Q O, or null
  const FloatResult* floats;
  int float_count;
  const SymbolResult* symbols;
  int symbol_count;
};

struct BitconvKernels {
  void (*run)(const BitconvJob& job);
  /// Writes the 16 floats of each word, `pitch` floats apart.
  void (*decode)(const CodedBlock& block, float* to, std::int64_t pitch);
};

}  // namespace lq::kernels::bitconv

namespace lq::kernels {
namespace portable {
extern const bitconv::BitconvKernels bitconv_kernels;
}
namespace neon {
extern const bitconv::BitconvKernels bitconv_kernels;
}
namespace avx2 {
extern const bitconv::BitconvKernels bitconv_kernels;
}
namespace avx512_vpopcnt {
extern const bitconv::BitconvKernels bitconv_kernels;
}
}  // namespace lq::kernels
