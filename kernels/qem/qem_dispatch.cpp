#include <cmath>

#include "kernels/common/check_view.h"
#include "kernels/common/dispatch.h"
#include "kernels/qem/qem.h"

namespace lq::kernels {

void qem_update(Stream& stream, ConstView<std::int64_t> counts, ConstView<double> sums,
                ConstView<std::uint8_t> codes, const QemOptions& options, const QemState& state) {
  constexpr std::string_view operation = "qem_update";
  const Shape& basis = state.basis.shape;
  check(basis.rank() == 2 && basis[1] >= 1 && basis[1] <= max_bits,
        "{}: basis is {}, expected R x K with K from 1 to {}", operation, basis, max_bits);
  const Shape table{basis[0], std::int64_t{1} << basis[1]};
  check_view(operation, "basis", stream, state.basis, basis);
  check_view(operation, "biased", stream, state.biased, basis);
  check_scalar(operation, "step", stream, state.step);
  check_view(operation, "counts", stream, counts, table);
  check_view(operation, "sums", stream, sums, table);
  check_view(operation, "codes", stream, codes, table);
  check(options.momentum >= 0.0 && options.momentum < 1.0,
        "{}: momentum {}, expected 0 <= momentum < 1", operation, options.momentum);
  check(std::isfinite(options.ridge) && options.ridge >= 0.0 &&
            std::isfinite(options.ridge_per_value) && options.ridge_per_value >= 0.0,
        "{}: ridge {} and {} per value, expected finite numbers, at least 0", operation,
        options.ridge, options.ridge_per_value);
  // K x K systems of at most 8 x 8: on the CPU the plain version is the fast one.
  choose<QemUpdate>(
      operation, stream,
      {reference::qem_update, reference::qem_update, LQNET_CUDA_KERNEL(cuda::qem_update)})(
      stream, counts, sums, codes, options, state);
}

}  // namespace lq::kernels
