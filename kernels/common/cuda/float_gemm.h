// Matrix products in float: sums[m, n] = sum over k of rows[m, k] * columns[n, k]. The core of the
// convolutions and of the linear layer; where the operands come from and where the sums go is up to
// the sources (float_gemm_sources.h) and outputs (float_gemm_outputs.h). For *.cu files.
#pragma once

#include <algorithm>

#include "kernels/common/cuda/elementwise.h"

namespace lq::kernels::cuda {

/// Steps of k that a block stages at a time.
inline constexpr int gemm_depth = 16;
/// Of the operands, in shared memory.
inline constexpr int staged_copies = 2;
/// A warp's threads lie 8 x 4 in the tile.
inline constexpr int warp_rows = 8;
inline constexpr int warp_columns = 4;

/// A block owns rows x columns sums, a thread thread_rows x thread_columns of them.
template <int rows_, int columns_, int thread_rows_, int thread_columns_>
struct GemmTile {
  static constexpr int rows = rows_;
  static constexpr int columns = columns_;
  static constexpr int thread_rows = thread_rows_;
  static constexpr int thread_columns = thread_columns_;
  static constexpr int row_threads = rows / thread_rows;
  static constexpr int column_threads = columns / thread_columns;
  static constexpr int threads = row_threads * column_threads;
  /// Twelve warps of a multiprocessor, which leaves each thread 168 registers: no spills.
  static constexpr int resident_blocks = 384 / threads;
  static_assert(row_threads % warp_rows == 0 && column_threads % warp_columns == 0);
  static_assert(thread_rows == 4 || rows / (thread_rows / 4) % warp_threads == 0);
  static_assert(thread_columns == 4 || columns / (thread_columns / 4) % warp_threads == 0);
};

/// A staged operand: gemm_depth rows of k with `extent` lines each, lines next to one another.
/// Fours of lines trade places within 32 banks, differently from k to k, so that neither a warp
/// that stores the k of a few lines nor one that reads the lines of one k meets a bank twice.
template <int extent>
struct StagedOperand {
  static constexpr int swizzle_mask = (extent < warp_threads ? extent : warp_threads) - 1;

  __device__ static constexpr int swizzle(int k) {
    return (((k >> 2) * 2 + (k & 1)) * 4) & swizzle_mask;
  }
  __device__ static constexpr int place(int k, int line) {
    return k * extent + (line ^ swizzle(k));
  }

  alignas(128) float values[gemm_depth * extent];
};

/// Reads fours of lines out of one of two copies. Counts in bytes from the first, so that an
/// address takes one instruction for each of the eight swizzles, and the rest of it is in the
/// instruction.
template <int extent>
class StagedReader {
 public:
  __device__ StagedReader(const StagedOperand<extent>* copies, int copy, int first_line)
      : base_(reinterpret_cast<const char*>(copies)),
        first_(copy * static_cast<int>(sizeof(StagedOperand<extent>)) + first_line * 4) {}

  /// `distance` from the first line is a multiple of 32 or 0.
  __device__ Pack<float, 4> four(int k, int distance) const {
    const int at = first_ ^ (StagedOperand<extent>::swizzle(k) * 4);
    return *reinterpret_cast<const Pack<float, 4>*>(base_ + at + (k * extent + distance) * 4);
  }

 private:
  const char* base_;
  int first_;
};

/// Where a thread's sums lie in the block's tile: in parts of four consecutive lines.
template <typename Tile>
struct ThreadPlace {
  static constexpr int row_parts = Tile::thread_rows / 4;
  static constexpr int column_parts = Tile::thread_columns / 4;

  int first_row;
  int first_column;

  __device__ ThreadPlace() {
    const int lane = static_cast<int>(threadIdx.x) % warp_threads;
    const int warp = static_cast<int>(threadIdx.x) / warp_threads;
    constexpr int warps_along_rows = Tile::row_threads / warp_rows;
    first_row = (warp % warps_along_rows * warp_rows + lane % warp_rows) * 4;
    first_column = (warp / warps_along_rows * warp_columns + lane / warp_rows) * 4;
  }
  __device__ int row(int part) const { return first_row + part * (Tile::rows / row_parts); }
  __device__ int column(int part) const {
    return first_column + part * (Tile::columns / column_parts);
  }
};

template <typename Tile>
struct ThreadSums {
  float values[Tile::thread_rows][Tile::thread_columns] = {};

  __device__ void add_products(const StagedOperand<Tile::rows>* rows,
                               const StagedOperand<Tile::columns>* columns, int copy,
                               const ThreadPlace<Tile>& place) {
    using Four = Pack<float, 4>;
    const StagedReader<Tile::rows> row_reader(rows, copy, place.first_row);
    const StagedReader<Tile::columns> column_reader(columns, copy, place.first_column);
#pragma unroll
    for (int k = 0; k < gemm_depth; ++k) {
      Four row[ThreadPlace<Tile>::row_parts];
      Four column[ThreadPlace<Tile>::column_parts];
#pragma unroll
      for (int part = 0; part < ThreadPlace<Tile>::row_parts; ++part) {
        row[part] = row_reader.four(k, place.row(part) - place.first_row);
      }
#pragma unroll
      for (int part = 0; part < ThreadPlace<Tile>::column_parts; ++part) {
        column[part] = column_reader.four(k, place.column(part) - place.first_column);
      }
#pragma unroll
      for (int i = 0; i < Tile::thread_rows; ++i) {
#pragma unroll
        for (int j = 0; j < Tile::thread_columns; ++j) {
          values[i][j] += row[i / 4].values[i % 4] * column[j / 4].values[j % 4];
        }
      }
    }
  }
};

/// How often k is split: each split is a sum of its own, and these are added in order.
struct GemmSplits {
  int count = 1;
  int depth_tiles = 0;  // all of k
  int tiles_each = 0;

  static GemmSplits in(int count, std::int64_t depth) {
    const auto tiles = static_cast<int>(ceil_divide<std::int64_t>(depth, gemm_depth));
    return {count, tiles, ceil_divide(tiles, count)};
  }

  /// Enough splits to keep a large device busy, each of at least eight tiles of k; by the shape
  /// alone, so that sums do not depend on the device.
  static GemmSplits for_blocks(std::int64_t blocks, std::int64_t depth) {
    constexpr std::int64_t wanted_blocks = 256;
    constexpr std::int64_t least_depth = 8 * gemm_depth;
    const std::int64_t useful = wanted_blocks / std::max<std::int64_t>(blocks, 1);
    const std::int64_t most = std::max<std::int64_t>(depth / least_depth, 1);
    return in(static_cast<int>(std::clamp<std::int64_t>(useful, 1, most)), depth);
  }
};

template <typename Pass>
struct GemmProblem {
  typename Pass::RowParameters rows;
  typename Pass::ColumnParameters columns;
  typename Pass::Output output;
  GemmSplits splits;
};

/// A block owns a tile of the sums (blockIdx.x, .y) of one group and split (blockIdx.z); warps of
/// 8 x 4 threads own parts of it, a thread 8 x 8 sums or fewer. Two copies of the operands' tiles
/// are in shared memory, (rows + columns) * 128 bytes: while one is multiplied, the next is on its
/// way from memory in registers. For each step of k an 8 x 8 thread reads 4 x 16 bytes for 64
/// multiply-adds, and each byte that the block reads serves 10 of its operations (128 x 64): bound
/// by arithmetic.
template <typename Tile, int width, typename Pass>
__global__ void __launch_bounds__(Tile::threads, Tile::resident_blocks)
    gemm_kernel(const __grid_constant__ GemmProblem<Pass> problem) {
  using Rows = typename Pass::template Rows<Tile::rows, width, Tile::threads>;
  using Columns = typename Pass::template Columns<Tile::columns, width, Tile::threads>;
  __shared__ StagedOperand<Tile::rows> staged_rows[staged_copies];
  __shared__ StagedOperand<Tile::columns> staged_columns[staged_copies];
  __shared__ typename Rows::Shared shared;

  const auto group = static_cast<int>(blockIdx.z) / problem.splits.count;
  const int split = static_cast<int>(blockIdx.z) - group * problem.splits.count;
  const int begin = split * problem.splits.tiles_each;
  const int end = min(begin + problem.splits.tiles_each, problem.splits.depth_tiles);
  const int first_row = static_cast<int>(blockIdx.x) * Tile::rows;
  const int first_column = static_cast<int>(blockIdx.y) * Tile::columns;

  const ThreadPlace<Tile> place;
  ThreadSums<Tile> sums;
  Rows rows(problem.rows, shared, group, first_row);
  Columns columns(problem.columns, group, first_column);
  rows.prepare(begin);
  rows.prepare(begin + 1);
  __syncthreads();
  if (begin < end) {
    rows.load(begin);
    columns.load(begin);
    rows.store(staged_rows[0]);
    columns.store(staged_columns[0]);
  }
  __syncthreads();
  for (int tile = begin; tile < end; ++tile) {
    const int current = (tile - begin) % staged_copies;
    const bool more = tile + 1 < end;
    if (more) {
      rows.load(tile + 1);
      columns.load(tile + 1);
      rows.prepare(tile + 2);
    }
    sums.add_products(staged_rows, staged_columns, current, place);
    if (more) {
      rows.store(staged_rows[1 - current]);
      columns.store(staged_columns[1 - current]);
    }
    __syncthreads();
  }
  // What was staged is no longer read: outputs may use its memory.
  problem.output.template write<Tile>(sums, place, group, split, first_row, first_column,
                                      staged_rows[0].values);
}

}  // namespace lq::kernels::cuda
