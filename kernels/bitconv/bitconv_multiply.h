// The hot loops of bitconv: words of windows against words of weights, in registers.
// Only for bitconv_cpu_bit_isa.cpp: see common/isa_variants.h.
#pragma once

#include "kernels/bitconv/bitconv_isa.h"
#include "kernels/common/bit_simd.h"

// Loops over registers must be unrolled for the arrays below to be registers.
#define LQNET_UNROLL _Pragma("GCC unroll 16")
// So must functions that work on them be part of their caller.
#define LQNET_INLINE [[gnu::always_inline]] inline

namespace lq::kernels::LQNET_ISA {

namespace {

using bitconv::block_channels;
using bitconv::planes_per_word;
using bitconv::tile_pixels;

/// Vectors that a block takes.
constexpr int parts = block_channels / simd_lanes;
static_assert(parts * simd_lanes == block_channels);

/// What an inner loop works on: windows of one plane against rows of weights.
struct Windows {
  const std::uint32_t* input;  // of the first pixel
  int pixels;
  int place;  // of the first pixel in what is worked on together
  std::int64_t pixel_pitch;
  std::int64_t row_pitch;
  std::int64_t row_words;
  std::int64_t left_words;     // left out where the first window is the first of its strip
  std::int64_t right_words;    // left out where the last window is the last of its strip
  bool at_left;                // the first window is the first of its strip
  bool at_right;               // the last window is the last of its strip
  std::int64_t skipped_words;  // of the weights: of kernel rows above the image
  std::int64_t kernel_rows;
  const std::uint32_t* weights;
};

// One step of each arithmetic: what accumulates, and how it becomes one number for each plane of a
// word.

struct Bits {
  using Accumulator = IntVector;
  static constexpr int planes = 1;
  static constexpr bool must_flush = !popcount_is_direct;
  static Accumulator add(Accumulator sum, IntVector input, IntVector weights) {
    return popcount_add(sum, input ^ weights);
  }
  static IntVector flush(Accumulator sum) { return popcount_flush(sum); }
  static FloatVector value(IntVector sum, int /*plane*/) { return to_floats(sum); }
};

struct Halves {
  using Accumulator = IntVector;
  static constexpr int planes = planes_per_word(bitconv::Arithmetic::halves);
  static constexpr bool must_flush = !popcount_is_direct;
  static Accumulator add(Accumulator sum, IntVector input, IntVector weights) {
    return halves_popcount_add(sum, input ^ weights);
  }
  static IntVector flush(Accumulator sum) { return halves_popcount_flush(sum); }
  static FloatVector value(IntVector sum, int plane) {
    return to_floats(plane == 0 ? sum & 0xffff : sum >> 16);
  }
};

struct Int8 {
  using Accumulator = IntVector;
  static constexpr int planes = 1;
  static constexpr bool must_flush = false;
  static Accumulator add(Accumulator sum, IntVector input, IntVector weights) {
    return dot_bytes(sum, input, weights);
  }
  static FloatVector value(Accumulator sum, int /*plane*/) { return to_floats(sum); }
};

struct Float32 {
  using Accumulator = FloatVector;
  static constexpr int planes = 1;
  static constexpr bool must_flush = false;
  static Accumulator add(Accumulator sum, IntVector input, IntVector weights) {
    return sum + (FloatVector)input * (FloatVector)weights;
  }
  static FloatVector value(Accumulator sum, int /*plane*/) { return sum; }
};

/// The accumulators of R rows and P pixels, one vector wide.
template <typename Step, int R, int P>
struct Accumulators {
  typename Step::Accumulator sums[R][P];
  /// What did not fit into the bytes of `sums` any more; not touched where nothing must be flushed.
  IntVector flushed[R][P];

  void clear() {
    LQNET_UNROLL
    for (int r = 0; r < R; ++r) {
      LQNET_UNROLL
      for (int p = 0; p < P; ++p) {
        sums[r][p] = typename Step::Accumulator{};
        flushed[r][p] = IntVector{};
      }
    }
  }

  void flush() {
    LQNET_UNROLL
    for (int r = 0; r < R; ++r) {
      LQNET_UNROLL
      for (int p = 0; p < P; ++p) {
        flushed[r][p] += Step::flush(sums[r][p]);
        sums[r][p] = typename Step::Accumulator{};
      }
    }
  }

  typename Step::Accumulator total(int r, int p) const {
    if constexpr (Step::must_flush) {
      return flushed[r][p] + Step::flush(sums[r][p]);
    } else {
      return sums[r][p];
    }
  }
};

/// The places of up to 8 pixels' words in four registers: in single ones, which compilers prefer,
/// they would push out what the loops around the hot one need.
struct PixelWords {
  const std::uint32_t* lower;
  const std::uint32_t* upper;  // four pixels on
  std::int64_t pitch;
  std::int64_t triple_pitch;

  PixelWords(const std::uint32_t* input, std::int64_t pixel_pitch)
      : lower(input),
        upper(input + 4 * pixel_pitch),
        pitch(pixel_pitch),
        triple_pitch(3 * pixel_pitch) {
    asm("" : "+r"(upper), "+r"(triple_pitch));  // what they are made of is nobody's business
  }
  const std::uint32_t* of(int pixel) const {
    const std::uint32_t* base = pixel < 4 ? lower : upper;
    return base + (pixel % 4 == 3 ? triple_pitch : pixel % 4 * pitch);
  }
  void advance() {
    ++lower;
    ++upper;
  }
};

/// The hot loop: `words` words of the windows of pixels [First, End) against R rows of weights.
/// The accumulators are registers.
template <typename Step, int R, int P, int First, int End>
LQNET_INLINE void multiply(Accumulators<Step, R, P>& accumulators, const std::uint32_t* input,
                           std::int64_t pixel_pitch, const std::uint32_t* weights,
                           std::int64_t words) {
  PixelWords pixels(input, pixel_pitch);
#pragma GCC unroll 1
  for (; words > 0; --words) {
    IntVector weight[R];
    LQNET_UNROLL
    for (int r = 0; r < R; ++r) weight[r] = load_words(weights + r * block_channels);
    LQNET_UNROLL
    for (int p = First; p < End; ++p) {
      const IntVector word = broadcast_word(pixels.of(p));
      LQNET_UNROLL
      for (int r = 0; r < R; ++r) {
        accumulators.sums[r][p] = Step::add(accumulators.sums[r][p], word, weight[r]);
      }
    }
    pixels.advance();
    weights += R * block_channels;
  }
}

/// One plane's windows against R rows of weights. Popcounts in bytes are flushed before they
/// overflow.
template <typename Step, int R, int P>
struct WindowProduct {
  Accumulators<Step, R, P>& accumulators;
  const std::uint32_t* input;
  std::int64_t pixel_pitch;
  const std::uint32_t* weights;
  std::int64_t room = popcount_capacity;

  /// The next words of the row, for pixels [First, End).
  template <int First, int End>
  LQNET_INLINE void add(std::int64_t words) {
    if constexpr (First < End && Step::must_flush) {
      for (std::int64_t at = 0; at < words;) {
        if (room == 0) {
          accumulators.flush();
          room = popcount_capacity;
        }
        const std::int64_t left = words - at;
        const std::int64_t run = left < room ? left : room;
        multiply<Step, R, P, First, End>(accumulators, input + at, pixel_pitch,
                                         weights + at * R * block_channels, run);
        at += run;
        room -= run;
      }
    } else if constexpr (First < End) {
      multiply<Step, R, P, First, End>(accumulators, input, pixel_pitch, weights, words);
    }
    input += words;
    weights += words * R * block_channels;
  }
};

/// All words of one plane's windows but for the columns outside the image.
template <typename Step, int R, int P>
LQNET_INLINE void multiply_windows(Accumulators<Step, R, P>& accumulators, const Windows& windows,
                                   const std::uint32_t* input, const std::uint32_t* weights,
                                   bool is_first, bool is_last) {
  WindowProduct<Step, R, P> product{accumulators, input, windows.pixel_pitch,
                                    weights + windows.skipped_words * R * block_channels};
  const std::int64_t left = is_first ? windows.left_words : 0;
  const std::int64_t right = is_last ? windows.right_words : 0;
  const std::int64_t to_next_row = windows.row_pitch - windows.row_words;
  for (std::int64_t row = 0; row < windows.kernel_rows; ++row) {
    if (left > 0) product.template add<1, P>(left);
    product.template add<0, P>(windows.row_words - left - right);
    if (right > 0) product.template add<0, P - 1>(right);
    product.input += to_next_row;
  }
}

/// A run of pixels is split into tiles of two neighbouring widths: a narrow last one would be slow.
/// Calls work(width, tiles of that width, first pixel) for each width that occurs.
template <typename Work>
inline void for_each_width(int pixels, Work&& work) {
  const int tiles = (pixels + tile_pixels - 1) / tile_pixels;
  const int width = pixels / tiles;
  const int wider_tiles = pixels - width * tiles;
  if (wider_tiles > 0) work(width + 1, wider_tiles, 0);
  work(width, tiles - wider_tiles, wider_tiles * (width + 1));
}

}  // namespace

}  // namespace lq::kernels::LQNET_ISA
