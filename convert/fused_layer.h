// The parts of a fused layer's convolution that its node tells.
#pragma once

#include "convert/fusion.h"
#include "convert/pointwise.h"
#include "kernels/common/conv2d_geometry.h"

namespace lq::convert {

/// Geometry for one image. A fully connected layer is a convolution with one window: the whole
/// map, whose features are in the order H W C. Throws Error for more than one group.
kernels::Conv2dGeometry geometry_of(const Graph& graph, const Node& layer);

/// Bias and batch normalization of a layer with `channels` output channels, as one map of its sums.
ChannelAffine affine_of(const Graph& graph, const FusedLayer& layer, std::int64_t channels);

}  // namespace lq::convert
