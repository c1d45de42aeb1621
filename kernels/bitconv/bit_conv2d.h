// Convolution of values that are levels of quantizers on both sides, by counting bits: the forward
// pass of training, where weights and levels are others in each step and lie where the kernels
// run.
//
// Letters and layouts as in conv2d.h. Codes of the input have J bits and those of the weights I
// bits, 1 to 8 each.
#pragma once

#include <cstdint>

#include "core/stream.h"
#include "core/view.h"
#include "kernels/common/conv2d_geometry.h"
#include "kernels/common/level_table_view.h"

namespace lq::kernels {

/// An input as planes of codes, J x (N H W) x ceil(C/32) words in the layout of packed_layout.h,
/// and its table of 2^J levels in one row.
struct CodedInput {
  ConstView<std::int32_t> planes;
  LevelTableView table;
};

/// Weights, each a level of its table of 2^I levels: one row for all of them, or O rows. (A value
/// between two levels counts as the lower one, a value below all as the lowest; NaN likewise.)
struct LeveledWeights {
  ConstView<float> values;  // O R S C
  LevelTableView table;
};

/// y = conv2d_forward() of the levels of x, the weights and the bias, which may be empty, for one
/// group: sums over each window are exact for a pair of planes, and pairs are added in float.
/// Levels of x are sums of a basis over codes in {0,1}, those of each row of the weights' table of
/// one over codes in {-1,+1} (level_basis.h). On the CPU other levels are an Error; on a device,
/// where nobody looks at them, they count as the sums of the basis that single bits tell, and NaN
/// as NaN. On a device nothing waits for it: it is queued on the stream.
using BitConv2dForward = void(Stream& stream, const Conv2dGeometry& geometry, const CodedInput& x,
                              const LeveledWeights& weight, ConstView<float> bias, View<float> y);

/// Throws Error when views do not fit the geometry or one another.
BitConv2dForward bit_conv2d_forward;

/// Sums in double, of the levels themselves.
namespace reference {
BitConv2dForward bit_conv2d_forward;
}

/// By prepare_bitconv(), anew in each call.
namespace cpu {
BitConv2dForward bit_conv2d_forward;
}

/// Weights are arranged by a kernel, in the way of bitconv_plan_cuda.h that the environment names.
namespace cuda {
BitConv2dForward bit_conv2d_forward;
}

}  // namespace lq::kernels
