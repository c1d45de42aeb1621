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

/// What is worked on together: pixels of one strip or of several whole ones, which are neighbours
/// in N P Q, and a tile of blocks.
struct Run {
  std::int64_t strip;
  int strips;
  std::int64_t pixel;  // of each strip
  int pixels;          // of each strip
  std::int64_t block;
  int blocks;

  int size() const { return strips * pixels; }
};

std::int64_t pixels_of(const BitconvJob& job, std::int64_t strip) {
  return strip + 1 == job.strips ? job.last_strip_pixels : job.strip_pixels;
}

std::int64_t first_output(const BitconvJob& job, const Run& run) {
  return job.first_pixel + run.strip * job.strip_pixels + run.pixel;
}

/// The windows of a segment in the run's strip number `s`, and the rows of weights from the run's
/// first block on.
Windows windows_of(const BitconvJob& job, const SegmentJob& segment, const Run& run, int s) {
  const std::int64_t strip = run.strip + s;
  const BorderRows& border = job.rows[strip * job.row_step];
  const std::int64_t first_row = segment.windows_are_whole ? 0 : border.first;
  const std::int64_t end_row = segment.windows_are_whole ? segment.kernel_rows : border.end;
  const std::int64_t rows = (run.block - segment.first_block) * segment.weight_planes;
  return {
      .input = segment.input + (segment.origin + strip * segment.strip_pitch +
                                run.pixel * segment.pixel_pitch + first_row * segment.row_pitch),
      .pixels = run.pixels,
      .place = s * run.pixels,
      .pixel_pitch = segment.pixel_pitch,
      .row_pitch = segment.row_pitch,
      .row_words = segment.row_words,
      .left_words = segment.left_words,
      .right_words = segment.right_words,
      .at_left = run.pixel == 0,
      .at_right = run.pixel + run.pixels == pixels_of(job, strip),
      .skipped_words = first_row * segment.row_words,
      .kernel_rows = end_row - first_row,
      .weights = segment.weights + rows * segment.kernel_rows * segment.row_words * block_channels};
}

/// Sums of products of one row of weights, integers or floats.
struct RowTotals {
  alignas(64) std::uint32_t of[run_pixels][block_channels];
};
static_assert(sizeof(RowTotals) == run_pixels * block_channels * sizeof(std::uint32_t));

/// The totals of R rows and several tiles of P pixels from `pixel` on, of which `totals` is the
/// first one's place.
template <typename Step, int R, int P>
[[gnu::noinline]] void multiply_tiles(const Windows& windows, int pixel, int tiles,
                                      std::uint32_t* totals) {
  for (int part = 0; part < parts; ++part) {
    const std::uint32_t* weights = windows.weights + part * simd_lanes;
    const std::uint32_t* input = windows.input + pixel * windows.pixel_pitch;
    std::uint32_t* to = totals + part * simd_lanes;
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
          __builtin_memcpy(to + (r * run_pixels + p) * block_channels, &total, sizeof total);
        }
      }
      input += P * windows.pixel_pitch;
      to += P * block_channels;
    }
  }
}

/// The totals of R rows and all pixels of a strip.
template <typename Step, int R>
void multiply_strip(const Windows& windows, RowTotals* totals) {
  using Function = void(const Windows&, int, int, std::uint32_t*);
  static constexpr Function* by_width[tile_pixels] = {
      multiply_tiles<Step, R, 1>, multiply_tiles<Step, R, 2>, multiply_tiles<Step, R, 3>,
      multiply_tiles<Step, R, 4>, multiply_tiles<Step, R, 5>, multiply_tiles<Step, R, 6>,
      multiply_tiles<Step, R, 7>, multiply_tiles<Step, R, 8>};
  for_each_width(windows.pixels, [&](int width, int tiles, int first) {
    by_width[width - 1](windows, first, tiles, totals->of[windows.place + first]);
  });
}

/// Where the sums of pixels start from, 16 floats for each.
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
Start start_of(const RunSums& sums, int pixels) {
  return {.inner = sums.of[0],
          .pitch = block_channels,
          .first = sums.of[0],
          .last = sums.of[pixels - 1]};
}

/// Input planes whose totals are added together, so that sums are loaded and stored less often.
constexpr int planes_per_pass = 2;

/// Totals of rows of one block (of planes, then rows of a group) and what they count for:
/// coefficients of planes, of planes of a word, and of rows of the group, of which there are
/// `group`.
struct WeightedRows {
  const RowTotals* totals;
  const float* coefficients;
  int group;
};

/// Adds N such rows of M planes for `pixels` pixels, which are at `place` in the run.
template <typename Step, int N, int M>
void add_rows(const WeightedRows& rows, int place, int pixels, const Start& start, RunSums& sums) {
  for (int lane = 0; lane < block_channels; lane += simd_lanes) {
    FloatVector coefficients[M][Step::planes][N];
    for (int m = 0; m < M; ++m) {
      for (int i = 0; i < Step::planes; ++i) {
        for (int n = 0; n < N; ++n) {
          const std::int64_t row = (m * Step::planes + i) * rows.group + n;
          coefficients[m][i][n] = load(rows.coefficients + row * block_channels + lane);
        }
      }
    }
    const std::uint32_t* totals = rows.totals->of[place] + lane;
    float* to = sums.of[place] + lane;
    const auto add = [&](const float* from) {
      FloatVector sum = load(from + lane);
      LQNET_UNROLL
      for (int row = 0; row < M * N; ++row) {
        const int m = row / N;
        const int n = row % N;
        typename Step::Accumulator total;
        __builtin_memcpy(&total, totals + (m * rows_per_group + n) * run_pixels * block_channels,
                         sizeof total);
        LQNET_UNROLL
        for (int i = 0; i < Step::planes; ++i) {
          sum += coefficients[m][i][n] * Step::value(total, i);
        }
      }
      store(to, sum);
      totals += block_channels;
      to += block_channels;
    };
    add(start.first);
    const float* from = start.inner;
    const std::int64_t pitch = start.pitch;
    for (int pixel = 1; pixel < pixels - 1; ++pixel) add(from += pitch);
    if (pixels > 1) add(start.last);
  }
}

/// One segment's part of a run's sums.
template <typename Step>
class SegmentSums {
 public:
  /// With `is_first` the sums start from the constants.
  SegmentSums(const BitconvJob& job, const SegmentJob& segment, const Run& run, bool is_first,
              RunSums* sums)
      : job_(job), segment_(segment), run_(run), is_first_(is_first), sums_(sums) {}

  void add() {
    const int planes = segment_.weight_planes;
    const int rows = planes * run_.blocks;
    const float* coefficients = segment_.coefficients + run_.block * planes *
                                                            segment_.input_planes * Step::planes *
                                                            block_channels;
    for (int row = 0; row < rows; row += rows_per_group) {
      const int group = rows - row < rows_per_group ? rows - row : rows_per_group;
      for (int plane = 0; plane < segment_.input_planes; plane += planes_per_pass) {
        const int left = segment_.input_planes - plane;
        const int pass = left < planes_per_pass ? left : planes_per_pass;
        for (int m = 0; m < pass; ++m) {
          if (group == 1) {
            multiply<1>(row, plane + m, totals_[m]);
          } else {
            multiply<2>(row, plane + m, totals_[m]);
          }
        }
        add_group(row, plane, pass, {totals_[0], coefficients, group});
        coefficients += pass * Step::planes * group * block_channels;
      }
    }
  }

 private:
  template <int R>
  void multiply(int row, int plane, RowTotals* totals) {
    for (int s = 0; s < run_.strips; ++s) {
      Windows windows = windows_of(job_, segment_, run_, s);
      windows.input += plane * segment_.plane_pitch;
      windows.weights += row * segment_.kernel_rows * segment_.row_words * block_channels;
      multiply_strip<Step, R>(windows, totals);
    }
  }

  /// A group is one or two rows of one block, or one each of two blocks, of which the second then
  /// begins.
  void add_group(int row, int plane, int pass, const WeightedRows& rows) {
    const int planes = segment_.weight_planes;
    const int b = row < planes ? 0 : 1;
    const bool starts = is_first_ && plane == 0 && row == b * planes;
    if (rows.group == 1) {
      add_planes<1>(rows, pass, b, starts);
    } else if (row + 1 != planes) {
      add_planes<2>(rows, pass, b, starts);
    } else {
      add_planes<1>(rows, pass, b, starts);
      add_planes<1>({rows.totals + 1, rows.coefficients + block_channels, rows.group}, pass, b + 1,
                    is_first_ && plane == 0);
    }
  }

  template <int N>
  void add_planes(const WeightedRows& rows, int pass, int b, bool starts) {
    static_assert(planes_per_pass == 2);
    if (pass == 1) {
      add_to_block<N, 1>(rows, b, starts);
    } else {
      add_to_block<N, 2>(rows, b, starts);
    }
  }

  template <int N, int M>
  void add_to_block(const WeightedRows& rows, int b, bool starts) {
    if (!starts) {
      add_rows<Step, N, M>(rows, 0, run_.size(), start_of(sums_[b], run_.size()), sums_[b]);
      return;
    }
    for (int s = 0; s < run_.strips; ++s) {
      const Windows windows = windows_of(job_, segment_, run_, s);
      const BorderRows& border = job_.rows[(run_.strip + s) * job_.row_step];
      add_rows<Step, N, M>(rows, windows.place, windows.pixels,
                           start_of(border, run_.block + b, windows), sums_[b]);
    }
  }

  const BitconvJob& job_;
  const SegmentJob& segment_;
  const Run& run_;
  bool is_first_;
  RunSums* sums_;
  RowTotals totals_[planes_per_pass][rows_per_group];
};

/// All results of a run.
void finish(const BitconvJob& job, const Run& run, RunSums* sums) {
  const std::int64_t pixel = first_output(job, run);
  const int pixels = run.size();
  for (int b = 0; b < run.blocks; ++b) {
    const std::int64_t channel = (run.block + b) * block_channels;
    const int channels = channels_of(job, run.block + b);
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
    store_symbols(job, job.symbols[i], run.block, run.blocks, pixel, pixels, sums);
  }
}

/// The bits of a block of a one-bit result, by comparing counts with what BorderRows has. Lanes
/// that are no channels have limit 0 and no flip, and so bits of zero.
void decide_bits(const BorderRows& border, std::int64_t block, const Windows& windows,
                 const RowTotals& counts, std::uint16_t* bits) {
  const auto decide = [&](int pixel, int kind) {
    const std::int32_t* limits = border.limits[kind] + block * block_channels;
    const int place = windows.place + pixel;
    std::uint32_t lanes = border.flips[kind][block];
    for (int part = 0; part < parts; ++part) {
      const int lane = part * simd_lanes;
      lanes ^= lanes_less(load_words(counts.of[place] + lane), load_ints(limits + lane)) << lane;
    }
    bits[place] = static_cast<std::uint16_t>(lanes);
  };
  const int last = windows.pixels - 1;
  decide(0, edge_kind(windows.at_left, last == 0 && windows.at_right));
  for (int pixel = 1; pixel < last; ++pixel) decide(pixel, edge_kind(false, false));
  if (last > 0) decide(last, edge_kind(false, windows.at_right));
}

/// Where counts decide all there is.
void decide_run(const BitconvJob& job, const Run& run) {
  RowTotals counts[blocks_per_tile];
  PlaneBits bits;
  for (int s = 0; s < run.strips; ++s) {
    const Windows windows = windows_of(job, job.segments[0], run, s);
    if (run.blocks == 1) {
      multiply_strip<Bits, 1>(windows, counts);
    } else {
      multiply_strip<Bits, 2>(windows, counts);
    }
    const BorderRows& border = job.rows[(run.strip + s) * job.row_step];
    for (int b = 0; b < run.blocks; ++b) {
      decide_bits(border, run.block + b, windows, counts[b], bits.of[b]);
    }
  }
  bits.complete(run.blocks, run.size());
  const SymbolResult& result = job.symbols[0];
  bits.store(static_cast<std::uint8_t*>(result.to) + first_output(job, run) * result.pixel_pitch +
                 run.block * block_channels / 8,
             result.pixel_pitch, run.size());
}

/// Without segments (pointwise work) the sums are the constants.
void start(const float* constants, int pixels, RunSums& sums) {
  for (int p = 0; p < pixels; ++p) {
    __builtin_memcpy(sums.of[p], constants, sizeof sums.of[p]);
  }
}

void compute_run(const BitconvJob& job, const Run& run) {
  RunSums sums[blocks_per_tile];
  for (int s = 0; s < job.segment_count; ++s) {
    const SegmentJob& segment = job.segments[s];
    switch (segment.arithmetic) {
      case Arithmetic::bits:
        SegmentSums<Bits>(job, segment, run, s == 0, sums).add();
        break;
      case Arithmetic::halves:
        SegmentSums<Halves>(job, segment, run, s == 0, sums).add();
        break;
      case Arithmetic::int8:
        SegmentSums<Int8>(job, segment, run, s == 0, sums).add();
        break;
      case Arithmetic::float32:
        SegmentSums<Float32>(job, segment, run, s == 0, sums).add();
        break;
    }
  }
  if (job.segment_count == 0) {
    const float* constants =
        job.rows[run.strip * job.row_step].constants[0] + run.block * block_channels;
    for (int b = 0; b < run.blocks; ++b) {
      start(constants + b * block_channels, run.size(), sums[b]);
    }
  }
  finish(job, run, sums);
}

/// As many whole strips as a run has room for, or as much of one as there is room.
Run run_at(const BitconvJob& job, std::int64_t block, std::int64_t strip, std::int64_t pixel) {
  const std::int64_t blocks = job.end_block - block;
  const std::int64_t pixels = pixels_of(job, strip) - pixel;
  std::int64_t strips = 1;
  if (pixel == 0 && job.last_strip_pixels == job.strip_pixels && pixels < run_pixels) {
    const std::int64_t room = run_pixels / pixels;
    const std::int64_t left = job.strips - strip;
    strips = left < room ? left : room;
  }
  return {.strip = strip,
          .strips = static_cast<int>(strips),
          .pixel = pixel,
          .pixels = pixels < run_pixels ? static_cast<int>(pixels) : run_pixels,
          .block = block,
          .blocks = blocks < blocks_per_tile ? static_cast<int>(blocks) : blocks_per_tile};
}

/// Blocks are the outer loop: their weights stay close while the strips pass by.
void run(const BitconvJob& job) {
  const bool is_decided_by_counts = job.rows[0].limits[0] != nullptr;
  for (std::int64_t block = job.first_block; block < job.end_block; block += blocks_per_tile) {
    for (std::int64_t strip = 0, pixel = 0; strip < job.strips;) {
      const Run run = run_at(job, block, strip, pixel);
      if (is_decided_by_counts) {
        decide_run(job, run);
      } else {
        compute_run(job, run);
      }
      pixel += run.pixels;
      if (pixel < pixels_of(job, strip)) continue;
      pixel = 0;
      strip += run.strips;
    }
  }
}

}  // namespace

extern const bitconv::BitconvKernels bitconv_kernels = {run, decode};

}  // namespace lq::kernels::LQNET_ISA
