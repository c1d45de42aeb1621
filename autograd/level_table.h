// The table of a quantizer as tensors, and the statistics that it gathers.
#pragma once

#include <optional>

#include "core/tensor.h"
#include "kernels/common/level_table_view.h"

namespace lq::autograd {

/// Tensors behind kernels::LevelTableView. A quantizer that changes its table makes new tensors,
/// since the tape may still hold the old ones for the backward pass.
struct LevelTable {
  Tensor levels;      // f32 R x L
  Tensor thresholds;  // f32 R x (L-1)
  Tensor codes;       // u8 R x L
  Tensor pass_range;  // f32 R x 2
  /// The levels of each row are sums of a basis over codes in this alphabet (level_basis.h), but
  /// for float rounding: said by who makes the table, since on a device nobody looks. Not said:
  /// they may be any.
  std::optional<kernels::CodeAlphabet> alphabet;

  LevelTable() = default;
  /// Uninitialised tensors for `rows` quantizers of `size` levels.
  LevelTable(std::int64_t rows, std::int64_t size, Device device)
      : levels({rows, size}, DType::f32, device),
        thresholds({rows, size - 1}, DType::f32, device),
        codes({rows, size}, DType::u8, device),
        pass_range({rows, 2}, DType::f32, device) {}

  kernels::LevelTableView view() const {
    return {levels.view<float>(), thresholds.view<float>(), codes.view<std::uint8_t>(),
            pass_range.view<float>()};
  }
};

/// Tensors behind kernels::LevelStatistics.
struct LevelStatistics {
  Tensor counts;      // i64 R x L; undefined when only non_finite is wanted
  Tensor sums;        // f64 R x L; likewise
  Tensor non_finite;  // i32, 1 element

  /// For the table's rows and levels. Counts and sums cost time, so evaluation leaves them out.
  LevelStatistics(const LevelTable& table, bool counts_and_sums)
      : non_finite({1}, DType::i32, table.levels.device()) {
    if (counts_and_sums) {
      counts = Tensor(table.levels.shape(), DType::i64, table.levels.device());
      sums = Tensor(table.levels.shape(), DType::f64, table.levels.device());
    }
  }

  kernels::LevelStatistics view() {
    kernels::LevelStatistics views{.non_finite = non_finite.view<std::int32_t>()};
    if (counts.defined()) {
      views.counts = counts.view<std::int64_t>();
      views.sums = sums.view<double>();
    }
    return views;
  }
};

}  // namespace lq::autograd
