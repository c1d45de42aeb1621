// Convolutions of floats in tiles, on the ordinary units.
#pragma once

#include <optional>

#include "core/stream.h"
#include "kernels/bitconv/bitconv_cuda.h"
#include "kernels/bitconv/bitconv_plan_cuda.h"

namespace lq::kernels::cuda {

/// The tile of a convolution whose pixels are known; none where it has other segments than one of
/// floats, more values than kernels can count, or, unless `at_any_size`, fewer tiles than keep a
/// device busy. By the shape alone.
std::optional<FloatTile> plan_float_tiles(const DeviceConvolution& conv, bool at_any_size);

/// The one segment is of floats, in Order::lanes. Results are those of run_direct(), bit by bit.
void run_float_tiles(Stream& stream, const DeviceConvolution& conv, const FloatTile& tile);

}  // namespace lq::kernels::cuda
