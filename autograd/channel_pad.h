// Zero channels around those of a map, on the tape.
#pragma once

#include "autograd/variable.h"
#include "kernels/channel_pad/channel_pad.h"

namespace lq::autograd {

using kernels::ChannelPadOptions;

/// x with zero channels before and after its own: the type-A shortcut (spec section 3.2).
/// Record "channel_pad" with before and after. Saves nothing.
Variable channel_pad(const Variable& x, const ChannelPadOptions& options);

}  // namespace lq::autograd
