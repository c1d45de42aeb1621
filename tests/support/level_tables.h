// Storage for kernels::LevelTableView and kernels::LevelStatistics in tests.
#pragma once

#include <limits>

#include "core/rng.h"
#include "core/tensor.h"
#include "kernels/level_table/level_table.h"

namespace lq::testing {

struct TableTensors {
  Tensor levels;
  Tensor thresholds;
  Tensor codes;
  Tensor pass_range;

  TableTensors(std::int64_t rows, std::int64_t size)
      : levels({rows, size}),
        thresholds({rows, size - 1}),
        codes({rows, size}, DType::u8),
        pass_range({rows, 2}) {}

  TableTensors to(Device device) const {
    TableTensors table = *this;
    for (Tensor* tensor : {&table.levels, &table.thresholds, &table.codes, &table.pass_range}) {
      *tensor = tensor->to(device);
    }
    return table;
  }
  kernels::LevelTableOutputs outputs() {
    return {levels.view<float>(), thresholds.view<float>(), codes.view<std::uint8_t>(),
            pass_range.view<float>()};
  }
  kernels::LevelTableView view() const {
    return {levels.view<float>(), thresholds.view<float>(), codes.view<std::uint8_t>(),
            pass_range.view<float>()};
  }
};

/// Full of values that no kernel should leave behind.
struct StatisticsTensors {
  Tensor counts;
  Tensor sums;
  Tensor non_finite;

  explicit StatisticsTensors(const Shape& levels)
      : counts(levels, DType::i64), sums(levels, DType::f64), non_finite({1}, DType::i32) {
    for (std::int64_t& count : counts.span<std::int64_t>()) count = -1;
    for (double& sum : sums.span<double>()) sum = std::numeric_limits<double>::quiet_NaN();
    non_finite.span<std::int32_t>()[0] = -1;
  }

  void move_to(Device device) {
    for (Tensor* tensor : {&counts, &sums, &non_finite}) tensor->move_to(device);
  }
  kernels::LevelStatistics view() {
    return {counts.view<std::int64_t>(), sums.view<double>(), non_finite.view<std::int32_t>()};
  }
};

/// The table of `basis` (R x K), by the reference.
inline TableTensors table_of(const Tensor& basis, kernels::CodeAlphabet alphabet) {
  TableTensors table(basis.shape()[0], std::int64_t{1} << basis.shape()[1]);
  Stream stream(Backend::reference);
  kernels::make_level_table(stream, basis.view<float>(), alphabet, table.outputs());
  return table;
}

/// R x K elements of magnitude 0.1 to 1 and any sign, in any order.
inline Tensor random_basis(std::int64_t rows, int bits, Rng& rng) {
  Tensor basis({rows, bits});
  for (float& element : basis.span<float>()) {
    element = rng.uniform(0.1F, 1.0F);
    if (rng.below(2) == 0) element = -element;
  }
  return basis;
}

}  // namespace lq::testing
