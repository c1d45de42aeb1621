// What residual networks share.
#pragma once

#include "autograd/average_pool.h"
#include "autograd/channel_pad.h"
#include "layers/quantizers/quantizer.h"

namespace lq {

/// Whether a ReLU belongs in front of the activations' quantizers.
bool rectified(const Quantization& quantization);

/// The shortcut without weights (type A): averages, unless the windows are single pixels, and zero
/// channels.
Variable pooled_and_padded(const Variable& x, const autograd::PoolOptions& pool,
                           const autograd::ChannelPadOptions& channels);

}  // namespace lq
