// The convolution kernel that serves every device and every description.
#pragma once

#include "core/stream.h"
#include "kernels/bitconv/bitconv_cuda.h"

namespace lq::kernels::cuda {

/// Popcounts, dot products of bytes and multiply-adds on the ordinary units.
void run_direct(Stream& stream, const DeviceConvolution& conv);

}  // namespace lq::kernels::cuda
