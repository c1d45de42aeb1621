// Layers with more segments than one convolution can have are several convolutions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "deploy/packed_model.h"

namespace lq::deploy {

/// Name of the convolution that ends with segment `segments` of a layer that has more of them:
/// "conv.first8". Its sums, and nothing else, are what the next one takes as its residual. The one
/// with the last segments has the layer's name.
std::string partial_name(std::string_view layer, std::size_t segments);

/// Whether partial_name() gives such names.
bool is_partial_name(std::string_view name);

/// The convolutions of a layer in the order of their segments, from the one that has its name:
/// `last`, an operation of `model`, alone or behind those that are named by partial_name().
std::vector<const Convolution*> layer_parts(const PackedModel& model, const Convolution& last);

}  // namespace lq::deploy
