// The weights of a packed layer as numbers.
#pragma once

#include <vector>

#include "deploy/packed_model.h"

namespace lq::deploy {

/// The weights that a layer of the model computes with, O R S C, the channels of its segments one
/// after another: those of all its convolutions, where it has several (layer_parts.h). Weights that
/// are kept as codes are added in double and rounded once. Empty for a convolution without
/// segments.
std::vector<float> decoded_weights(const PackedModel& model, const Convolution& layer);

}  // namespace lq::deploy
