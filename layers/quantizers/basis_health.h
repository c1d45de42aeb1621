// Whether a learned basis makes use of its bits.
#pragma once

#include <string>

#include "autograd/level_table.h"
#include "kernels/qem/qem.h"

namespace lq {

/// One line about a step of QEM, from the table it assigned with, the counts of the values at its
/// levels (R x 2^K) and the options of the solve; empty when all is well. It tells where
/// - levels are not in use,
/// - adjacent levels coincide: are closer than a hundredth of an even spacing,
/// - the codes in use do not determine the basis: in some direction the sum of squares is at most
///   the ridge, so that the solve keeps what the basis was (spec section 2.3).
/// With several rows, each part counts the rows that it concerns and gives the worst of them.
std::string basis_health(const autograd::LevelTable& table, const Tensor& counts,
                         const kernels::QemOptions& options);

}  // namespace lq
