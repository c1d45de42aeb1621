// What a convolution's description says, made from its shorter forms.
#pragma once

#include <cstdint>
#include <vector>

#include "deploy/packed_model.h"

namespace lq::deploy {

/// Sets thresholds and signs of `output`: threshold = (level - shift) / |scale|, in double and then
/// rounded; the sign is that of the scale. Where the scale is zero, a level is crossed always or
/// never. A ReLU before the quantizer is the level -inf for each level below zero (spec section 8).
void set_thresholds(const FoldedThresholds& folded, kernels::BitconvSymbolOutput& output);

/// Weights of `channels` output channels on the integer grid. Throws Error for a sum of basis
/// elements that is not a whole number of 8 bits.
std::vector<std::int8_t> grid_weights(const CodedWeights& coded, std::int64_t channels);

}  // namespace lq::deploy
