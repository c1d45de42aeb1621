// Maximum pooling behind quantizers instead of before them.
#pragma once

#include "convert/graph.h"

namespace lq::convert {

/// Lets every "max_pool" of floats that only a quantizer of activations sees, through batch
/// normalizations and ReLUs, run on the quantizer's codes instead. That is the same network: all of
/// these keep the order of values, unless a batch normalization has a channel of negative scale, in
/// front of which the pool stays where it is. A code takes K bits of memory instead of 32.
void move_pools_behind_quantizers(Graph& graph);

}  // namespace lq::convert
