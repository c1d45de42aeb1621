#include "kernels/bitconv/bitconv_isa.h"
#include "kernels/bitconv/bitconv_multiply.h"
#include "kernels/bitconv/bitconv_results.h"

namespace lq::kernels::LQNET_ISA {

namespace {

using bitconv::Arithmetic;
using bitconv::blocks_per_tile;
using bitconv::BorderRows;
using bitconv::edge_kind;
using bitconv::rows_per_group;
using bitconv::SegmentJob;

/// Pixels of a strip that are worked on together: calls and thresholds are shared by several tiles,
/// and the sums stay in the first-level cache.
constexpr int run_pixels = 64;

struct RunSums {
  alignas(64) float sums[blocks_per_tile][run_pixels][block_channels];
};

/// Where the sums of a row's pixels come from and go to, 16 floats each. Constants, by kinds of
/// pixels, are where the first segment starts; null means the sums so far.
struct Sums {
  const float* const* constants;
  std::int64_t block;  // of the constants
  float* to;
};

/// The same for a tile, one vector wide.
struct TileSums {
  const float* from;  // of pixels that are neither first nor last of the tile
  std::int64_t pitch;
  const float* first_from;
  const float* last_from;
  float* to;

  const float* from_of(int pixel, int pixels) const {
    if (pixel == 0) return first_from;
    return pixel == pixels - 1 ? last_from : from + pixel * pitch;
  }
};

/// The sums of a tile of P pixels from `pixel` of the run on.
template <int P>
inline TileSums tile_sums(const Sums& sums, int pixel, int part, bool is_first, bool is_last) {
  const std::int64_t lane = part * simd_lanes;
  float* to = sums.to + pixel * block_channels + lane;
  if (sums.constants == nullptr) {
    return {to, block_channels, to, to + (P - 1) * block_channels, to};
  }
  const std::int64_t channel = sums.block * block_channels + lane;
  return {.from = sums.constants[0] + channel,
          .pitch = 0,
          .first_from = sums.constants[edge_kind(is_first, is_last && P == 1)] + channel,
          .last_from = sums.constants[edge_kind(is_first && P == 1, is_last)] + channel,
          .to = to};
}

/// Adds all planes to the sums of R rows and P pixels, one vector wide. Rows of one block
/// (`is_shared`) have the same sums, which then stay in registers; otherwise there are too many.
template <typename Step, int R, int P, bool is_shared>
inline void accumulate_tile(const Windows& windows, const std::uint32_t* input,
                            const std::uint32_t* weights, const float* coefficients,
                            TileSums (&sums)[R], bool is_first, bool is_last) {
  FloatVector shared[P];
  if constexpr (is_shared) {
    LQNET_UNROLL
    for (int p = 0; p < P; ++p) shared[p] = load(sums[0].from_of(p, P));
  }
  for (int plane = 0; plane < windows.planes; ++plane) {
    Accumulators<Step, R, P> accumulators;
    accumulators.clear();
    multiply_windows(accumulators, windows, input, weights, is_first, is_last);
    LQNET_UNROLL
    for (int r = 0; r < R; ++r) {
      FloatVector coefficient[Step::planes];
      LQNET_UNROLL
      for (int i = 0; i < Step::planes; ++i) {
        coefficient[i] = load(coefficients + (i * R + r) * block_channels);
      }
      LQNET_UNROLL
      for (int p = 0; p < P; ++p) {
        const auto total = accumulators.total(r, p);
        FloatVector product = coefficient[0] * Step::value(total, 0);
        if constexpr (Step::planes == 2) product += coefficient[1] * Step::value(total, 1);
        if constexpr (is_shared) {
          shared[p] += product;
        } else {
          store(sums[r].to + p * block_channels, load(sums[r].from_of(p, P)) + product);
        }
      }
      if constexpr (!is_shared) {
        float* to = sums[r].to;
        sums[r] = {to, block_channels, to, to + (P - 1) * block_channels, to};
      }
    }
    coefficients += Step::planes * R * block_channels;
    input += windows.plane_pitch;
  }
  if constexpr (is_shared) {
    LQNET_UNROLL
    for (int p = 0; p < P; ++p) store(sums[0].to + p * block_channels, shared[p]);
  }
}

/// The same for several tiles of P pixels. It is a function of its own so that nothing else
/// competes for registers.
template <typename Step, int R, int P, bool is_shared>
[[gnu::noinline]] void accumulate(const Windows& windows, const Sums (&row_sums)[R], int tiles) {
  for (int part = 0; part < parts; ++part) {
    const std::uint32_t* weights = windows.weights + part * simd_lanes;
    const float* coefficients = windows.coefficients + part * simd_lanes;
    const std::uint32_t* input = windows.input;
    for (int tile = 0; tile < tiles; ++tile) {
      const bool is_first = windows.at_left && tile == 0;
      const bool is_last = windows.at_right && tile == tiles - 1;
      TileSums sums[R];
      for (int r = 0; r < R; ++r) {
        sums[r] = tile_sums<P>(row_sums[r], tile * P, part, is_first, is_last);
      }
      accumulate_tile<Step, R, P, is_shared>(windows, input, weights, coefficients, sums, is_first,
                                             is_last);
      input += P * windows.pixel_pitch;
    }
  }
}

template <typename Step, int R, bool is_shared>
void accumulate_run(const Windows& windows, const Sums (&sums)[R], int pixels) {
  using Function = void(const Windows&, const Sums(&)[R], int);
  static constexpr Function* by_width[tile_pixels] = {
      accumulate<Step, R, 1, is_shared>, accumulate<Step, R, 2, is_shared>,
      accumulate<Step, R, 3, is_shared>, accumulate<Step, R, 4, is_shared>,
      accumulate<Step, R, 5, is_shared>, accumulate<Step, R, 6, is_shared>,
      accumulate<Step, R, 7, is_shared>, accumulate<Step, R, 8, is_shared>};
  for_each_width(pixels, [&](int width, int tiles, int first) {
    Sums own[R];
    for (int r = 0; r < R; ++r) {
      own[r] = sums[r];
      own[r].to += first * block_channels;
    }
    by_width[width - 1](part_of(windows, first, first + tiles * width, pixels), own, tiles);
  });
}

std::int64_t pixels_of(const BitconvJob& job, std::int64_t strip) {
  return strip + 1 == job.strips ? job.last_strip_pixels : job.strip_pixels;
}

/// The windows of a segment that belong to `pixels` pixels from `pixel` on, and the rows of weights
/// of blocks from `block` on.
Windows windows_of(const BitconvJob& job, const SegmentJob& segment, std::int64_t strip,
                   std::int64_t pixel, int pixels, std::int64_t block) {
  const BorderRows& border = job.rows[strip * job.row_step];
  const std::int64_t first_row = segment.windows_are_whole ? 0 : border.first;
  const std::int64_t end_row = segment.windows_are_whole ? segment.kernel_rows : border.end;
  const std::int64_t rows = block * segment.weight_planes;
  return {
      .input = segment.input + (segment.origin + strip * segment.strip_pitch +
                                pixel * segment.pixel_pitch + first_row * segment.row_pitch),
      .planes = segment.input_planes,
      .plane_pitch = segment.plane_pitch,
      .pixel_pitch = segment.pixel_pitch,
      .row_pitch = segment.row_pitch,
      .row_words = segment.row_words,
      .left_words = segment.left_words,
      .right_words = segment.right_words,
      .at_left = pixel == 0,
      .at_right = pixel + pixels == pixels_of(job, strip),
      .skipped_words = first_row * segment.row_words,
      .kernel_rows = end_row - first_row,
      .weights = segment.weights + rows * segment.kernel_rows * segment.row_words * block_channels,
      .coefficients = segment.coefficients + rows * segment.input_planes *
                                                 planes_per_word(segment.arithmetic) *
                                                 block_channels};
}

/// Adds a segment's part to a run: `blocks` blocks from `block` on, pixels from `pixel` on. The
/// first segment starts from the constants.
template <typename Step>
void add_segment(const BitconvJob& job, const SegmentJob& segment, std::int64_t strip,
                 std::int64_t pixel, int pixels, std::int64_t block, int blocks, bool is_first,
                 RunSums& run) {
  const int planes = segment.weight_planes;
  const int rows = planes * blocks;
  const float* const* constants = job.rows[strip * job.row_step].constants;
  const std::int64_t words = segment.kernel_rows * segment.row_words;
  Windows windows = windows_of(job, segment, strip, pixel, pixels, block);
  const auto sums_of = [&](int row) -> Sums {
    const int b = row < planes ? 0 : 1;
    const bool starts = is_first && row == b * planes;
    return {starts ? constants : nullptr, block + b, run.sums[b][0]};
  };
  for (int row = 0; row < rows; row += rows_per_group) {
    const int group = rows - row < rows_per_group ? rows - row : rows_per_group;
    const bool is_shared = row + 1 != planes;
    if (group == 1) {
      accumulate_run<Step, 1, true>(windows, {sums_of(row)}, pixels);
    } else if (is_shared) {
      accumulate_run<Step, 2, true>(windows, {sums_of(row), sums_of(row + 1)}, pixels);
    } else {
      accumulate_run<Step, 2, false>(windows, {sums_of(row), sums_of(row + 1)}, pixels);
    }
    windows.coefficients += group * windows.planes * Step::planes * block_channels;
    windows.weights += words * group * block_channels;
  }
}

/// All results of one block of a tile.
void finish(const BitconvJob& job, std::int64_t block, std::int64_t pixel, int pixels,
            float (*sums)[block_channels]) {
  const std::int64_t channel = block * block_channels;
  const std::int64_t left = job.output_channels - channel;
  const int channels = left < block_channels ? static_cast<int>(left) : block_channels;
  if (job.residual != nullptr) {
    add_residual(job.residual + pixel * job.output_channels + channel, job.output_channels, pixels,
                 channels, sums);
  }
  for (int i = 0; i < job.float_count; ++i) {
    store_floats(job.floats[i], channel, job.output_channels, pixel, pixels, channels, sums);
  }
  for (int i = 0; i < job.symbol_count; ++i) {
    store_symbols(block_of(job.symbols[i], job, block, pixel, channels), pixels, sums);
  }
}

/// A block of a one-bit result, and what decides its bits, by kinds of pixels: see BorderRows.
struct CountResult {
  const std::int32_t* const* limits;
  const std::uint32_t* const* flips;
  std::int64_t block;   // of these
  std::uint32_t exist;  // lanes that are channels
  std::uint8_t* to;     // first pixel
  std::int64_t pixel_pitch;
  bool ends_words;
};

/// The bits of R blocks by comparing counts, which never leave the registers.
template <int R, int P>
[[gnu::noinline]] void decide_bits(const Windows& windows, const CountResult (&results)[R],
                                   int tiles) {
  const std::uint32_t* input = windows.input;
  for (int tile = 0; tile < tiles; ++tile) {
    const bool is_first = windows.at_left && tile == 0;
    const bool is_last = windows.at_right && tile == tiles - 1;
    const int first_kind = edge_kind(is_first, is_last && P == 1);
    const int last_kind = edge_kind(is_first && P == 1, is_last);
    std::uint32_t bits[R][P] = {};
    for (int part = 0; part < parts; ++part) {
      Accumulators<Bits, R, P> accumulators;
      accumulators.clear();
      multiply_windows(accumulators, windows, input, windows.weights + part * simd_lanes, is_first,
                       is_last);
      LQNET_UNROLL
      for (int r = 0; r < R; ++r) {
        const std::int64_t channel = results[r].block * block_channels + part * simd_lanes;
        const IntVector first_limit = load_ints(results[r].limits[first_kind] + channel);
        const IntVector last_limit = load_ints(results[r].limits[last_kind] + channel);
        const IntVector middle_limit = load_ints(results[r].limits[0] + channel);
        LQNET_UNROLL
        for (int p = 0; p < P; ++p) {
          const IntVector limit = p == 0 ? first_limit : p == P - 1 ? last_limit : middle_limit;
          bits[r][p] |= lanes_less(accumulators.total(r, p), limit) << (part * simd_lanes);
        }
      }
    }
    LQNET_UNROLL
    for (int r = 0; r < R; ++r) {
      const CountResult& result = results[r];
      std::uint8_t* to = result.to + tile * P * result.pixel_pitch;
      const std::uint32_t first_flips = result.flips[first_kind][result.block];
      const std::uint32_t last_flips = result.flips[last_kind][result.block];
      const std::uint32_t middle_flips = result.flips[0][result.block];
      LQNET_UNROLL
      for (int p = 0; p < P; ++p) {
        const std::uint32_t flips = p == 0 ? first_flips : p == P - 1 ? last_flips : middle_flips;
        const std::uint32_t word = (bits[r][p] ^ flips) & result.exist;
        __builtin_memcpy(to, &word, 2);
        if (result.ends_words) __builtin_memcpy(to, &word, 4);
        to += result.pixel_pitch;
      }
    }
    input += P * windows.pixel_pitch;
  }
}

template <int R>
void decide_bits_of_run(const Windows& windows, const CountResult (&results)[R], int pixels) {
  using Function = void(const Windows&, const CountResult(&)[R], int);
  static constexpr Function* by_width[tile_pixels] = {
      decide_bits<R, 1>, decide_bits<R, 2>, decide_bits<R, 3>, decide_bits<R, 4>,
      decide_bits<R, 5>, decide_bits<R, 6>, decide_bits<R, 7>, decide_bits<R, 8>};
  for_each_width(pixels, [&](int width, int tiles, int first) {
    CountResult own[R];
    for (int r = 0; r < R; ++r) {
      own[r] = results[r];
      own[r].to += first * own[r].pixel_pitch;
    }
    by_width[width - 1](part_of(windows, first, first + tiles * width, pixels), own, tiles);
  });
}

/// Without segments (pointwise work) the sums are the constants.
void start(const float* constants, int pixels, int blocks, RunSums& run) {
  for (int b = 0; b < blocks; ++b) {
    for (int p = 0; p < pixels; ++p) {
      for (int i = 0; i < block_channels; ++i) {
        run.sums[b][p][i] = constants[b * block_channels + i];
      }
    }
  }
}

CountResult count_result(const BitconvJob& job, const BorderRows& border, std::int64_t block,
                         std::int64_t pixel) {
  const std::int64_t left = job.output_channels - block * block_channels;
  const int channels = left < block_channels ? static_cast<int>(left) : block_channels;
  const SymbolBlock symbols = block_of(job.symbols[0], job, block, pixel, channels);
  return {.limits = border.limits,
          .flips = border.flips,
          .block = block,
          .exist = (1U << channels) - 1U,
          .to = symbols.to,
          .pixel_pitch = symbols.pixel_pitch,
          .ends_words = symbols.ends_words};
}

void decide_pixels_of_strip(const BitconvJob& job, std::int64_t strip, std::int64_t pixel,
                            int pixels, std::int64_t block, int blocks) {
  const BorderRows& border = job.rows[strip * job.row_step];
  const Windows windows = windows_of(job, job.segments[0], strip, pixel, pixels, block);
  const std::int64_t output = job.first_pixel + strip * job.strip_pixels + pixel;
  const CountResult first = count_result(job, border, block, output);
  if (blocks == 1) {
    decide_bits_of_run<1>(windows, {first}, pixels);
  } else {
    decide_bits_of_run<2>(windows, {first, count_result(job, border, block + 1, output)}, pixels);
  }
}

void run_pixels_of_strip(const BitconvJob& job, std::int64_t strip, std::int64_t pixel, int pixels,
                         std::int64_t block, int blocks) {
  RunSums run;
  for (int s = 0; s < job.segment_count; ++s) {
    const SegmentJob& segment = job.segments[s];
    switch (segment.arithmetic) {
      case Arithmetic::bits:
        add_segment<Bits>(job, segment, strip, pixel, pixels, block, blocks, s == 0, run);
        break;
      case Arithmetic::halves:
        add_segment<Halves>(job, segment, strip, pixel, pixels, block, blocks, s == 0, run);
        break;
      case Arithmetic::int8:
        add_segment<Int8>(job, segment, strip, pixel, pixels, block, blocks, s == 0, run);
        break;
      case Arithmetic::float32:
        add_segment<Float32>(job, segment, strip, pixel, pixels, block, blocks, s == 0, run);
        break;
    }
  }
  if (job.segment_count == 0) {
    start(job.rows[strip * job.row_step].constants[0] + block * block_channels, pixels, blocks,
          run);
  }
  const std::int64_t output = job.first_pixel + strip * job.strip_pixels + pixel;
  for (int b = 0; b < blocks; ++b) finish(job, block + b, output, pixels, run.sums[b]);
}

/// Blocks are the outer loop: their weights stay close while the strips pass by.
void run(const BitconvJob& job) {
  for (std::int64_t block = job.first_block; block < job.end_block; block += blocks_per_tile) {
    const std::int64_t left = job.end_block - block;
    const int blocks = left < blocks_per_tile ? static_cast<int>(left) : blocks_per_tile;
    for (std::int64_t strip = 0; strip < job.strips; ++strip) {
      const std::int64_t width = pixels_of(job, strip);
      for (std::int64_t pixel = 0; pixel < width; pixel += run_pixels) {
        const std::int64_t rest = width - pixel;
        const int pixels = rest < run_pixels ? static_cast<int>(rest) : run_pixels;
        if (job.rows[0].limits[0] != nullptr) {
          decide_pixels_of_strip(job, strip, pixel, pixels, block, blocks);
        } else {
          run_pixels_of_strip(job, strip, pixel, pixels, block, blocks);
        }
      }
    }
  }
}

}  // namespace

extern const bitconv::BitconvKernels bitconv_kernels = {run};

}  // namespace lq::kernels::LQNET_ISA
