// The least-squares step of QEM (quantization error minimisation) and the moving average.
#pragma once

#include "core/stream.h"
#include "kernels/common/level_table_view.h"

namespace lq::kernels {

/// momentum is in [0, 1), ridges are finite and at least 0: else Error.
struct QemOptions {
  CodeAlphabet alphabet = CodeAlphabet::zero_one;
  /// Share of the old basis in the moving average (spec section 2.2).
  double momentum = 0.9;
  /// TensorFlow's zero-debiased average, as the official code; false: plain average.
  bool debias = true;
  /// Proximal ridge of the solve: argmin |x - Bv|^2 + r |v - v_old|^2 with
  /// r = ridge + ridge_per_value * (number of values). Official: 1e-4 and 0 for weights, none
  /// for activations, where a singular system then ends the training (spec section 2.3).
  double ridge = 0.0;
  double ridge_per_value = 0.0;
};

/// The state of R quantizers with K basis elements each.
struct QemState {
  View<float> basis;        // R x K: v, as the next forward pass will use it
  View<float> biased;       // R x K: the running sum of the debiased average, which is the basis
                            // times 1 - momentum^step; starts at 0
  View<std::int64_t> step;  // 1 element: updates done so far; starts at 0
};

/// One update per row from level statistics (R x L, by position) and the codes of the table that
/// they were gathered with: B^T B and B^T x follow from counts and sums (spec section 2.1), the
/// K x K system is solved in double, and the result enters the moving average. A row whose system
/// is singular, or whose solution is not finite or has levels beyond a float, keeps its basis: it
/// enters the average in place of a solution.
using QemUpdate = void(Stream& stream, ConstView<std::int64_t> counts, ConstView<double> sums,
                       ConstView<std::uint8_t> codes, const QemOptions& options,
                       const QemState& state);

QemUpdate qem_update;

namespace reference {
QemUpdate qem_update;
}
namespace cuda {
QemUpdate qem_update;
}

}  // namespace lq::kernels
