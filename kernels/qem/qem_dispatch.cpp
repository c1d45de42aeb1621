#include "kernels/common/dispatch.h"
#include "kernels/qem/qem.h"

namespace lq::kernels {

void qem_update(Stream& stream, ConstView<std::int64_t> counts, ConstView<double> sums,
                ConstView<std::uint8_t> codes, const QemOptions& options, const QemState& state) {
  const Shape& basis = state.basis.shape;
  check(basis.rank() == 2 && basis[1] >= 1 && basis[1] <= 8,
        "qem_update: basis {}, expected R x K with K from 1 to 8", basis.to_string());
  const Shape table{basis[0], std::int64_t{1} << basis[1]};
  check(counts.shape == table && sums.shape == table && codes.shape == table,
        "qem_update: counts {}, sums {}, codes {} for basis {}", counts.shape.to_string(),
        sums.shape.to_string(), codes.shape.to_string(), basis.to_string());
  check(state.biased.shape == basis && state.step.elements() == 1,
        "qem_update: biased {} and step {} for basis {}", state.biased.shape.to_string(),
        state.step.shape.to_string(), basis.to_string());
  check(options.momentum >= 0.0 && options.momentum < 1.0,
        "qem_update: momentum {}, expected 0 <= momentum < 1", options.momentum);
  // K x K systems of at most 8 x 8: on the CPU the plain version is the fast one.
  choose<QemUpdate>(
      "qem_update", stream,
      {reference::qem_update, reference::qem_update, LQNET_CUDA_KERNEL(cuda::qem_update)})(
      stream, counts, sums, codes, options, state);
}

}  // namespace lq::kernels
