#include <array>
#include <cmath>

#include "kernels/qem/qem_row.h"

namespace lq::kernels::reference {

void qem_update(Stream&, ConstView<std::int64_t> counts, ConstView<double> sums,
                ConstView<std::uint8_t> codes, const QemOptions& options, const QemState& state) {
  const std::int64_t rows = state.basis.shape[0];
  const int bits = static_cast<int>(state.basis.shape[1]);
  const int size = 1 << bits;
  const std::int64_t step = ++state.step[0];
  const double correction = 1.0 - std::pow(options.momentum, static_cast<double>(step));
  std::array<double, max_bits * max_bits> matrix{};
  std::array<double, max_bits> right{};
  for (std::int64_t r = 0; r < rows; ++r) {
    update_row({matrix.data(), right.data()},
               {counts.data + r * size, sums.data + r * size, codes.data + r * size,
                state.basis.data + r * bits, state.biased.data + r * bits},
               bits, options, correction);
  }
}

}  // namespace lq::kernels::reference
