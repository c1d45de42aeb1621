// Sums of the columns of a matrix on the CPU.
#pragma once

#include "core/view.h"
#include "kernels/common/gradient_mode.h"

namespace lq::kernels::cpu {

/// sums[c] (+)= sum over rows of matrix[row, c]. `matrix` is any contiguous view whose innermost
/// extent is sums.elements(); the outer ones are its rows. Summed in double, in an order that does
/// not depend on the number of threads.
void column_sum(ConstView<float> matrix, View<float> sums, GradientMode mode);

}  // namespace lq::kernels::cpu
