#include "kernels/bitconv/bitconv_decode.h"
#include "kernels/bitconv/bitconv_isa.h"
#include "kernels/bitconv/bitconv_multiply.h"
#include "kernels/bitconv/bitconv_results.h"

namespace lq::kernels::LQNET_ISA {

namespace {

using bitconv::Arithmetic;
using bitconv::BorderRows;
using bitconv::edge_kind;
using bitconv::rows_per_group;
using bitconv::SegmentJob;

/// Sums of products of one row of weights, integers or floats.
struct RowTotals {
  alignas(64) std::uint32_t of[run_pixels][block_channels];
};

/// The totals of R rows and several tiles of P pixels from `pixel` on.
template <typename Step, int R, int P>
[[gnu::noinline]] void multiply_tiles(const Windows& windows, int pixel, int tiles,
                                      RowTotals* totals) {
  for (int part = 0; part < parts; ++part) {
    const std::uint32_t* weights = windows.weights + part * simd_lanes;
    const std::uint32_t* input = windows.input + pixel * windows.pixel_pitch;
    for (int tile = 0; tile < tiles; ++tile) {
      Accumulators<Step, R, P> accumulators;
      accumulators.clear();
      multiply_windows(accumulators, windows, input, weights,
                       windows.at_left && pixel == 0 && tile == 0,
                       windows.at_right && pixel + (tile + 1) * P == windows.pixels);
      LQNET_UNROLL
      for (int r = 0; r < R; ++r) {
        LQNET_UNROLL
        for (int p = 0; p < P; ++p) {
          const auto total = accumulators.total(r, p);
          std::uint32_t* to = totals[r].of[pixel + tile * P + p] + part * simd_lanes;
          __builtin_memcpy(to, &total, sizeof total);
        }
      }
      input += P * windows.pixel_pitch;
    }
  }
}

/// The totals of R rows and all pixels of a run.
template <typename Step, int R>
void multiply_run(const Windows& windows, RowTotals* totals) {
  using Function = void(const Windows&, int, int, RowTotals*);
  static constexpr Function* by_width[tile_pixels] = {
      multiply_tiles<Step, R, 1>, multiply_tiles<Step, R, 2>, multiply_tiles<Step, R, 3>,
      multiply_tiles<Step, R, 4>, multiply_tiles<Step, R, 5>, multiply_tiles<Step, R, 6>,
      multiply_tiles<Step, R, 7>, multiply_tiles<Step, R, 8>};
  for_each_width(windows.pixels, [&](int width, int tiles, int first) {
    by_width[width - 1](windows, first, tiles, totals);
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
  const std::int64_t rows = (block - segment.first_block) * segment.weight_planes;
  return {
      .input = segment.input + (segment.origin + strip * segment.strip_pitch +
                                pixel * segment.pixel_pitch + first_row * segment.row_pitch),
      .pixels = pixels,
      .pixel_pitch = segment.pixel_pitch,
      .row_pitch = segment.row_pitch,
      .row_words = segment.row_words,
      .left_words = segment.left_words,
      .right_words = segment.right_words,
      .at_left = pixel == 0,
      .at_right = pixel + pixels == pixels_of(job, strip),
      .skipped_words = first_row * segment.row_words,
      .kernel_rows = end_row - first_row,
      .weights = segment.weights + rows * segment.kernel_rows * segment.row_words * block_channels};
}

/// Where the sums of a run start from, 16 floats for each pixel.
struct Start {
  const float* inner;  // of pixel 0, though that one has its own
  std::int64_t pitch;
  const float* first;
  const float* last;
};

/// The constants of a block.
Start start_of(const BorderRows& border, std::int64_t block, const Windows& windows) {
  const auto constants = [&](bool is_first, bool is_last) {
    return border.constants[edge_kind(is_first, is_last)] + block * block_channels;
  };
  const bool is_one = windows.pixels == 1;
  return {.inner = constants(false, false),
          .pitch = 0,
          .first = constants(windows.at_left, is_one && windows.at_right),
          .last = constants(is_one && windows.at_left, windows.at_right)};
}

/// What is there already.
Start start_of(const RunSums& sums, const Windows& windows) {
  return {.inner = sums.of[0],
          .pitch = block_channels,
          .first = sums.of[0],
          .last = sums.of[windows.pixels - 1]};
}

/// Adds the totals of N rows of one block, times their coefficients (of planes of a word, then rows
/// of the group, of which there are `group`).
template <typename Step, int N>
void add_rows(const RowTotals* totals, const float* coefficients, int group, int pixels,
              const Start& start, RunSums& sums) {
  for (int lane = 0; lane < block_channels; lane += simd_lanes) {
    FloatVector coefficient[N][Step::planes];
    for (int n = 0; n < N; ++n) {
      for (int i = 0; i < Step::planes; ++i) {
        coefficient[n][i] = load(coefficients + (i * group + n) * block_channels + lane);
      }
    }
    const auto add = [&](int pixel, const float* from) {
      FloatVector sum = load(from + lane);
      LQNET_UNROLL
      for (int n = 0; n < N; ++n) {
        typename Step::Accumulator total;
        __builtin_memcpy(&total, totals[n].of[pixel] + lane, sizeof total);
        LQNET_UNROLL
        for (int i = 0; i < Step::planes; ++i) sum += coefficient[n][i] * Step::value(total, i);
      }
      store(sums.of[pixel] + lane, sum);
    };
    add(0, start.first);
    for (int pixel = 1; pixel < pixels - 1; ++pixel) add(pixel, start.inner + pixel * start.pitch);
    if (pixels > 1) add(pixels - 1, start.last);
  }
}

/// Adds the part of a group of rows: one or two of one block, or one each of two blocks, of which
/// the second then begins.
template <typename Step>
void add_group(const RowTotals (&totals)[rows_per_group], const float* coefficients, int group,
               bool are_of_one_block, const Windows& windows, const Start (&starts)[2],
               RunSums* sums) {
  if (group == 1) {
    add_rows<Step, 1>(totals, coefficients, group, windows.pixels, starts[0], sums[0]);
  } else if (are_of_one_block) {
    add_rows<Step, 2>(totals, coefficients, group, windows.pixels, starts[0], sums[0]);
  } else {
    add_rows<Step, 1>(totals, coefficients, group, windows.pixels, starts[0], sums[0]);
    add_rows<Step, 1>(totals + 1, coefficients + block_channels, group, windows.pixels, starts[1],
                      sums[1]);
  }
}

/// Adds a segment's part to a run: `blocks` blocks from `block` on, pixels from `pixel` on. The
/// first segment starts from the constants.
template <typename Step>
void add_segment(const BitconvJob& job, const SegmentJob& segment, std::int64_t strip,
                 std::int64_t pixel, int pixels, std::int64_t block, int blocks, bool is_first,
                 RunSums (&sums)[blocks_per_tile]) {
  const int planes = segment.weight_planes;
  const int rows = planes * blocks;
  const BorderRows& border = job.rows[strip * job.row_step];
  Windows windows = windows_of(job, segment, strip, pixel, pixels, block);
  const std::uint32_t* input = windows.input;
  const float* coefficients =
      segment.coefficients + block * planes * segment.input_planes * Step::planes * block_channels;
  RowTotals totals[rows_per_group];
  for (int row = 0; row < rows; row += rows_per_group) {
    const int group = rows - row < rows_per_group ? rows - row : rows_per_group;
    const int b = row < planes ? 0 : 1;
    windows.input = input;
    for (int plane = 0; plane < segment.input_planes; ++plane) {
      if (group == 1) {
        multiply_run<Step, 1>(windows, totals);
      } else {
        multiply_run<Step, 2>(windows, totals);
      }
      const auto start = [&](int block_of_tile, bool is_first_row) {
        return is_first && is_first_row && plane == 0
                   ? start_of(border, block + block_of_tile, windows)
                   : start_of(sums[block_of_tile], windows);
      };
      const Start starts[2] = {start(b, row == b * planes), start(blocks - 1, true)};
      add_group<Step>(totals, coefficients, group, /*are_of_one_block=*/row + 1 != planes, windows,
                      starts, sums + b);
      coefficients += Step::planes * group * block_channels;
      windows.input += segment.plane_pitch;
    }
    windows.weights += segment.kernel_rows * segment.row_words * group * block_channels;
  }
}

/// All results of a tile: `blocks` blocks from `block` on, `pixels` pixels from `pixel` on.
void finish(const BitconvJob& job, std::int64_t block, int blocks, std::int64_t pixel, int pixels,
            RunSums* sums) {
  for (int b = 0; b < blocks; ++b) {
    const std::int64_t channel = (block + b) * block_channels;
    const int channels = channels_of(job, block + b);
    if (job.residual != nullptr) {
      add_residual(job.residual + pixel * job.output_channels + channel, job.output_channels,
                   pixels, channels, sums[b].of);
    }
    for (int i = 0; i < job.float_count; ++i) {
      store_floats(job.floats[i], channel, job.output_channels, pixel, pixels, channels,
                   sums[b].of);
    }
  }
  for (int i = 0; i < job.symbol_count; ++i) {
    store_symbols(job, job.symbols[i], block, blocks, pixel, pixels, sums);
  }
}

/// The bits of a block of a one-bit result, by comparing counts with what BorderRows has. Lanes
/// that are no channels have limit 0 and no flip, and so bits of zero.
void decide_bits(const BorderRows& border, std::int64_t block, const Windows& windows,
                 const RowTotals& counts, std::uint16_t* bits) {
  const auto decide = [&](int pixel, int kind) {
    const std::int32_t* limits = border.limits[kind] + block * block_channels;
    std::uint32_t lanes = border.flips[kind][block];
    for (int part = 0; part < parts; ++part) {
      const int lane = part * simd_lanes;
      lanes ^= lanes_less(load_words(counts.of[pixel] + lane), load_ints(limits + lane)) << lane;
    }
    bits[pixel] = static_cast<std::uint16_t>(lanes);
  };
  const int last = windows.pixels - 1;
  decide(0, edge_kind(windows.at_left, last == 0 && windows.at_right));
  for (int pixel = 1; pixel < last; ++pixel) decide(pixel, edge_kind(false, false));
  if (last > 0) decide(last, edge_kind(false, windows.at_right));
}

/// Without segments (pointwise work) the sums are the constants.
void start(const float* constants, int pixels, RunSums& sums) {
  for (int p = 0; p < pixels; ++p) {
    __builtin_memcpy(sums.of[p], constants, sizeof sums.of[p]);
  }
}

/// Where counts decide all there is.
void decide_pixels_of_strip(const BitconvJob& job, std::int64_t strip, std::int64_t pixel,
                            int pixels, std::int64_t block, int blocks) {
  const BorderRows& border = job.rows[strip * job.row_step];
  const Windows windows = windows_of(job, job.segments[0], strip, pixel, pixels, block);
  RowTotals counts[blocks_per_tile];
  if (blocks == 1) {
    multiply_run<Bits, 1>(windows, counts);
  } else {
    multiply_run<Bits, 2>(windows, counts);
  }
  PlaneBits bits;
  for (int b = 0; b < blocks; ++b) decide_bits(border, block + b, windows, counts[b], bits.of[b]);
  bits.complete(blocks, pixels);
  const SymbolResult& result = job.symbols[0];
  const std::int64_t output = job.first_pixel + strip * job.strip_pixels + pixel;
  bits.store(static_cast<std::uint8_t*>(result.to) + output * result.pixel_pitch +
                 block * block_channels / 8,
             result.pixel_pitch, pixels);
}

void run_pixels_of_strip(const BitconvJob& job, std::int64_t strip, std::int64_t pixel, int pixels,
                         std::int64_t block, int blocks) {
  RunSums sums[blocks_per_tile];
  for (int s = 0; s < job.segment_count; ++s) {
    const SegmentJob& segment = job.segments[s];
    switch (segment.arithmetic) {
      case Arithmetic::bits:
        add_segment<Bits>(job, segment, strip, pixel, pixels, block, blocks, s == 0, sums);
        break;
      case Arithmetic::halves:
        add_segment<Halves>(job, segment, strip, pixel, pixels, block, blocks, s == 0, sums);
        break;
      case Arithmetic::int8:
        add_segment<Int8>(job, segment, strip, pixel, pixels, block, blocks, s == 0, sums);
        break;
      case Arithmetic::float32:
        add_segment<Float32>(job, segment, strip, pixel, pixels, block, blocks, s == 0, sums);
        break;
    }
  }
  if (job.segment_count == 0) {
    const float* constants = job.rows[strip * job.row_step].constants[0] + block * block_channels;
    for (int b = 0; b < blocks; ++b) start(constants + b * block_channels, pixels, sums[b]);
  }
  const std::int64_t output = job.first_pixel + strip * job.strip_pixels + pixel;
  finish(job, block, blocks, output, pixels, sums);
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

extern const bitconv::BitconvKernels bitconv_kernels = {run, decode};

}  // namespace lq::kernels::LQNET_ISA
