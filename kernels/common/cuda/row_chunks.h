// Rows that are cut into chunks, with a block for each. For *_cuda.cu files.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

#include "core/error.h"
#include "kernels/common/cuda/launch.h"

namespace lq::kernels::cuda {

/// R rows of n values each. All blocks lie along one axis of the grid, since the others have no
/// room for more than 65,535.
class RowChunks {
 public:
  /// Throws Error naming the operation for 2^31 chunks or more.
  RowChunks(std::string_view operation, std::int64_t rows, std::int64_t n, std::int64_t chunk)
      : rows_(rows), chunks_(static_cast<unsigned>(ceil_divide(n, chunk))) {
    constexpr std::int64_t most_blocks = std::numeric_limits<std::int32_t>::max();
    const std::int64_t blocks = rows * ceil_divide(n, chunk);
    check(blocks <= most_blocks,
          "{}: {} x {} values are {} chunks of {}, expected at most {} on a GPU", operation, rows,
          n, blocks, chunk, most_blocks);
  }

  /// Of a row.
  std::int64_t count() const { return chunks_; }
  dim3 grid() const { return dim3(static_cast<unsigned>(rows_) * chunks_); }

  /// The row that this block owns a chunk of, and the number of that chunk.
  __device__ std::int64_t row_of_block(std::int64_t& chunk) const {
    const unsigned row = blockIdx.x / chunks_;
    chunk = blockIdx.x - row * chunks_;
    return row;
  }

 private:
  std::int64_t rows_;
  unsigned chunks_;
};

}  // namespace lq::kernels::cuda
