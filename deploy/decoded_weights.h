// The weights of a packed layer as numbers.
#pragma once

#include <vector>

#include "deploy/packed_model.h"

namespace lq::deploy {

/// The weights that the layer computes with, O R S C, the channels of its segments one after
/// another. Those that are kept as codes are added in double and rounded once. Empty for a
/// convolution without segments.
std::vector<float> decoded_weights(const Convolution& convolution);

}  // namespace lq::deploy
