// The bias of layers whose products a library makes.
#pragma once

#include <string_view>

#include "core/stream.h"
#include "core/view.h"

namespace lq::kernels::cuda {

/// y[..., c] += bias[c]; c is the last axis of y. Does nothing for an empty bias.
void add_bias(std::string_view operation, Stream& stream, ConstView<float> bias, View<float> y);

}  // namespace lq::kernels::cuda
