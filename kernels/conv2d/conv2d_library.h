// Float convolutions on GPUs by a library.
#pragma once

#include "kernels/common/cuda/library_choice.h"
#include "kernels/conv2d/conv2d.h"

namespace lq::kernels::cuda {

/// As the public calls, for arguments that these have checked; none of them in ignore mode. They
/// return false, and do nothing, for convolutions that the library has no way to compute; ways
/// whose results vary from run to run on one device count where wants_determinism() is false.
struct Conv2dLibrary : FloatLibrary {
  bool (*forward)(Stream& stream, const Conv2dGeometry& geometry, ConstView<float> x,
                  ConstView<float> weight, ConstView<float> bias, View<float> y) = nullptr;
  bool (*backward_data)(Stream& stream, const Conv2dGeometry& geometry, ConstView<float> grad_y,
                        ConstView<float> weight, View<float> grad_x, GradientMode mode) = nullptr;
  bool (*backward_weights)(Stream& stream, const Conv2dGeometry& geometry, ConstView<float> grad_y,
                           ConstView<float> x, View<float> grad_weight,
                           GradientMode mode) = nullptr;
};

/// cuDNN, which the first call loads.
const Conv2dLibrary& conv2d_library();

}  // namespace lq::kernels::cuda
