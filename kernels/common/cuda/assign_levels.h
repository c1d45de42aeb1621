// Assignment of values to levels on a GPU, with the statistics that QEM needs. For *_cuda.cu files.
#pragma once

#include <cstdint>
#include <limits>

#include "core/packed_layout.h"
#include "kernels/common/bitpack/bitpack.h"
#include "kernels/common/cuda/code_ballots.h"
#include "kernels/common/cuda/reduce.h"
#include "kernels/common/cuda/row_chunks.h"
#include "kernels/common/cuda/scratch.h"
#include "kernels/common/level_table_view.h"

namespace lq::kernels::cuda {

inline constexpr int assign_threads = 256;
inline constexpr int assign_values = 32;  // of a thread
inline constexpr int assign_reads = 8;    // of which so many are under way at a time
/// Of a multiprocessor, at least: 16 KiB of reads under way, more than what keeps an A100's
/// memory busy. Compilers that try to fit in more spill registers.
inline constexpr int assign_blocks = 2;
/// Values of a block. Sums are in float over the values of a thread, and then in double.
inline constexpr int assign_chunk = assign_threads * assign_values;

/// What a block hands on of its chunk: for each threshold, the values above it, and their sum; at
/// index 0, of all values.
struct AboveThreshold {
  double sum;
  std::int64_t count;
};

/// The table of one row.
struct AssignTable {
  const float* levels;
  const float* thresholds;
  const std::uint8_t* codes;
  int size;  // levels
};

/// Where the codes of values go, a bit to each of `count` planes: words of 32 channels, or of the
/// 16 that pixels have.
struct CodePlanes {
  std::int32_t* words = nullptr;  // null: nowhere
  std::int64_t pitch = 0;         // words from plane to plane
  int count = 0;
  bool has_halves = false;  // words have 16 channels, not 32
};

/// The words that a block makes of its chunk, in shared memory, so that whole lines of them are
/// written at last.
class ChunkCodes {
 public:
  static constexpr int fewest_channels = packed::bits_per_word / 2;
  static constexpr int most_words = assign_chunk / fewest_channels;
  struct Shared {
    unsigned codes[1 << max_packed_bits];
    // A few more, so that the planes of a word lie in banks of their own.
    unsigned words[max_packed_bits][most_words + max_packed_bits];
  };

  /// By all threads, with a barrier before the first store(). Among equal levels the last one
  /// counts, as in bitpack_forward().
  __device__ ChunkCodes(const CodePlanes& planes, const AssignTable& table, Shared& shared)
      : planes_(planes), shared_(shared) {
    const auto level = static_cast<int>(threadIdx.x);
    if (!wanted() || level >= table.size) return;
    int last = level;
    while (last + 1 < table.size && table.levels[last + 1] == table.levels[level]) ++last;
    shared_.codes[level] = table.codes[last];
  }

  __device__ bool wanted() const { return planes_.words != nullptr; }

  /// By a whole warp, whose lanes have positions of 32 values of the chunk, the first of which is
  /// `first`: a word, or two.
  __device__ void store(int first, int position) const {
    const int word = words_of(first);
    store_ballots(shared_.codes[position], planes_.count, [&](int plane, std::uint32_t bits) {
      if (planes_.has_halves) {
        shared_.words[plane][word + 1] = bits >> fewest_channels;
        bits &= 0xFFFFU;
      }
      shared_.words[plane][word] = bits;
    });
  }

  /// By all threads, behind a barrier: the words of chunk `chunk`, of which `values` values are
  /// there.
  __device__ void write(std::int64_t chunk, int values) const {
    const int count = words_of(values);
    const std::int64_t first = chunk * words_of(assign_chunk);
    for (int plane = 0; plane < planes_.count; ++plane) {
      for (auto word = static_cast<int>(threadIdx.x); word < count; word += assign_threads) {
        planes_.words[plane * planes_.pitch + first + word] =
            static_cast<std::int32_t>(shared_.words[plane][word]);
      }
    }
  }

 private:
  __device__ int words_of(int values) const {
    return planes_.has_halves ? values / fewest_channels : values / packed::bits_per_word;
  }

  CodePlanes planes_;
  Shared& shared_;
};

/// Kernels are compiled for so many thresholds, and for tables of any size.
inline constexpr int any_thresholds = 0;

/// The thresholds of a row, which lie in shared memory: a few are kept in registers. `find` tells
/// of each value how many of them lie below it.
template <int known_thresholds>
class Thresholds {
 public:
  __device__ Thresholds(const float* shared, int /*size*/) {
#pragma unroll
    for (int t = 0; t < known_thresholds; ++t) values_[t] = shared[t];
  }
  /// All are looked at, in the same order by all lanes.
  template <int n>
  __device__ void find(const float (&values)[n], int (&positions)[n]) const {
#pragma unroll
    for (int i = 0; i < n; ++i) {
      positions[i] = 0;
#pragma unroll
      for (int t = 0; t < known_thresholds; ++t) positions[i] += values[i] > values_[t] ? 1 : 0;
    }
  }

 private:
  float values_[known_thresholds];
};

template <>
class Thresholds<any_thresholds> {
 public:
  __device__ Thresholds(const float* shared, int size) : values_(shared), size_(size) {}
  /// They ascend: halves the ranges that values may be in.
  template <int n>
  __device__ void find(const float (&values)[n], int (&positions)[n]) const {
#pragma unroll
    for (int i = 0; i < n; ++i) positions[i] = 0;
    int step = size_ / 2;
#pragma unroll 1
    do {
#pragma unroll
      for (int i = 0; i < n; ++i) {
        positions[i] += values[i] > values_[positions[i] + step - 1] ? step : 0;
      }
      step /= 2;
    } while (step > 0);
  }

 private:
  const float* values_;
  int size_;
};

/// A block owns a chunk of a row of `n` values, a thread 32 values that are 256 apart.
/// `source.from(row, first)` gives what reads values of the row from that one on (see RowValues).
/// Each value is read once and written once, as its level; the table lies in shared memory, where
/// the levels of up to 5 bits are in banks of their own. Values stay in registers, and for each
/// threshold a thread adds up those above it, a warp by shuffles, the block in shared memory. Bound
/// by memory for 1 and 2 bits, else by comparisons.
template <int known_thresholds, bool with_statistics, typename Source>
__global__ void __launch_bounds__(assign_threads, assign_blocks)
    assign_levels_kernel(Source source, RowChunks chunks, std::int64_t n, AssignTable table,
                         float* y, CodePlanes planes, AboveThreshold* partial) {
  __shared__ ChunkCodes::Shared shared_codes;
  __shared__ float levels[1 << max_bits];
  __shared__ float thresholds[1 << max_bits];
  std::int64_t chunk = 0;
  const std::int64_t row = chunks.row_of_block(chunk);
  const auto thread = static_cast<int>(threadIdx.x);
#pragma unroll 1
  for (int l = thread; l < table.size; l += assign_threads) {
    levels[l] = table.levels[row * table.size + l];
    if (l + 1 < table.size) thresholds[l] = table.thresholds[row * (table.size - 1) + l];
  }
  const ChunkCodes codes(planes, table, shared_codes);
  __syncthreads();

  const std::int64_t first = chunk * assign_chunk + thread;
  const auto left = static_cast<int>(min(n - first, std::int64_t{assign_chunk}));
  const auto reader = source.from(row, first);
  const Thresholds<known_thresholds> own_thresholds(thresholds, table.size);
  float* const to = y + row * n + first;
  float values[assign_values];
  float total = 0;
#pragma unroll
  for (int k = 0; k < assign_values; k += assign_reads) {
#pragma unroll
    for (int j = 0; j < assign_reads; ++j) {
      values[k + j] = -std::numeric_limits<float>::infinity();  // above no threshold
    }
    if (k * assign_threads >= left) continue;  // rows may be short
    // There are no branches around single reads, or each would wait for that before it.
    float group[assign_reads];
    int positions[assign_reads];
#pragma unroll
    for (int j = 0; j < assign_reads; ++j) {
      const int offset = (k + j) * assign_threads;
      group[j] = offset < left ? reader.read(offset) : 0.0F;
    }
#pragma unroll
    for (int j = 0; j < assign_reads; ++j) {
      group[j] = reader.value(group[j], (k + j) * assign_threads);
    }
    own_thresholds.find(group, positions);
#pragma unroll
    for (int j = 0; j < assign_reads; ++j) {
      const int offset = (k + j) * assign_threads;
      const bool is_valid = offset < left;
      const float level = levels[positions[j]];
      if (is_valid) to[offset] = level;
      // All lanes of a warp have a value, or none.
      if (codes.wanted() && is_valid) {
        codes.store(offset + thread - thread % warp_threads, positions[j]);
      }
      total += is_valid ? group[j] : 0.0F;
      if (is_valid) values[k + j] = group[j];
    }
  }
  if (codes.wanted()) {
    __syncthreads();
    // There is one row, so that blocks are chunks: `chunk` need not stay in a register.
    const std::int64_t values_left = n - std::int64_t{blockIdx.x} * assign_chunk;
    codes.write(blockIdx.x, static_cast<int>(min(values_left, std::int64_t{assign_chunk})));
  }
  if constexpr (with_statistics) {
    __shared__ double sums[assign_threads / warp_threads];
    __shared__ int counts[assign_threads / warp_threads];
    int valid = left > 0 ? (left + assign_threads - 1) / assign_threads : 0;
    AboveThreshold* const parts = partial + static_cast<std::int64_t>(blockIdx.x) * table.size;
#pragma unroll 1
    for (int t = 0;; ++t) {
      const double sum = block_sum<assign_threads>(static_cast<double>(total), sums);
      const int above = block_sum<assign_threads>(valid, counts);
      if (threadIdx.x == 0) parts[t] = {sum, above};
      if (t + 1 == table.size) break;
      const float threshold = thresholds[t];
      total = 0;
      valid = 0;
#pragma unroll
      for (int k = 0; k < assign_values; k += assign_reads) {
        if (k * assign_threads < left) {  // rows may be short
#pragma unroll
          for (int j = k; j < k + assign_reads; ++j) {
            const bool is_above = values[j] > threshold;
            total += is_above ? values[j] : 0.0F;
            valid += is_above ? 1 : 0;
          }
        }
      }
      __syncthreads();  // the sums have been read
    }
  }
}

/// That for tables of `size` levels.
template <bool with_statistics, typename Source>
auto choose_assign_levels_kernel(int size) {
  switch (size) {
    case 2:
      return assign_levels_kernel<1, with_statistics, Source>;
    case 4:
      return assign_levels_kernel<3, with_statistics, Source>;
    case 8:
      return assign_levels_kernel<7, with_statistics, Source>;
    default:
      return assign_levels_kernel<any_thresholds, with_statistics, Source>;
  }
}

/// R x n values in memory, and what readers are.
struct RowValues {
  struct Reader {
    const float* x;
    /// What is in memory behind the first value.
    __device__ float read(int offset) const { return x[offset]; }
    /// The value that this stands for. Asked for behind the end of the row as well.
    __device__ float value(float at_offset, int /*offset*/) const { return at_offset; }
  };

  const float* x;
  std::int64_t n;
  /// From a value on, which may lie behind the end of the row.
  __device__ Reader from(std::int64_t row, std::int64_t first) const {
    return {x + row * n + first};
  }
};

void finish_statistics(std::string_view operation, Stream& stream, const AboveThreshold* partial,
                       std::int64_t rows, std::int64_t chunks, const LevelTableView& table,
                       const LevelStatistics& statistics);

/// y = the levels of what `source` gives, R x n, the statistics that are wanted, and the codes of y
/// as planes if they are, for one row: where words do not straddle pixels they are made in the same
/// pass.
template <typename Source>
void assign_levels(std::string_view operation, Stream& stream, const Source& source,
                   std::int64_t rows, std::int64_t n, const LevelTableView& table, View<float> y,
                   const LevelStatistics& statistics, View<std::int32_t> planes) {
  const Shape pixels = pixels_of_planes(n, planes);
  CodePlanes codes;
  // A warp's 32 values are then whole words.
  const bool is_half = pixels[1] == ChunkCodes::fewest_channels && n % packed::bits_per_word == 0;
  if (planes && (is_half || pixels[1] % packed::bits_per_word == 0)) {
    codes = {planes.data, planes.shape[1] * planes.shape[2], static_cast<int>(planes.shape[0]),
             is_half};
  }
  const RowChunks chunks(operation, rows, n, assign_chunk);
  const LaunchShape shape{chunks.grid(), dim3(assign_threads)};
  const AssignTable from{table.levels.data, table.thresholds.data, table.codes.data,
                         static_cast<int>(table.size())};
  if (!statistics.counts && !statistics.sums && !statistics.non_finite) {
    launch(operation, choose_assign_levels_kernel<false, Source>(from.size), shape, stream, source,
           chunks, n, from, y.data, codes, static_cast<AboveThreshold*>(nullptr));
  } else {
    Scratch<AboveThreshold> partial(stream, rows * chunks.count() * table.size());
    launch(operation, choose_assign_levels_kernel<true, Source>(from.size), shape, stream, source,
           chunks, n, from, y.data, codes, partial.data());
    finish_statistics(operation, stream, partial.data(), rows, chunks.count(), table, statistics);
  }
  if (planes && codes.words == nullptr) {
    cuda::bitpack_forward(stream, {y.data, pixels, y.device}, table, planes);
  }
}

}  // namespace lq::kernels::cuda
