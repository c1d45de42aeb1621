#include "convert/fused_layer.h"

#include "convert/maps.h"

namespace lq::convert {

kernels::Conv2dGeometry geometry_of(const Graph& graph, const Node& layer) {
  using Integers = std::vector<std::int64_t>;
  const Extents in = extents_of(graph, layer.inputs[0]);
  const Extents out = extents_of(graph, layer.output);
  kernels::Conv2dGeometry geometry{.n = 1,
                                   .h = in.h,
                                   .w = in.w,
                                   .c_in = in.c,
                                   .c_out = out.c,
                                   .kernel_h = in.h,
                                   .kernel_w = in.w,
                                   .out_h = out.h,
                                   .out_w = out.w};
  if (layer.operation == "linear") return geometry;
  const auto groups = layer.required<std::int64_t>("groups");
  check(groups == 1, "pack: conv2d at '{}' has {} groups, expected 1", layer.scope, groups);
  const auto& kernel = layer.required<Integers>("kernel");
  const auto& stride = layer.required<Integers>("stride");
  const auto& padding = layer.required<Integers>("padding");
  geometry.kernel_h = kernel.at(0);
  geometry.kernel_w = kernel.at(1);
  geometry.stride_h = stride.at(0);
  geometry.stride_w = stride.at(1);
  geometry.pad_top = padding.at(0);
  geometry.pad_bottom = padding.at(1);
  geometry.pad_left = padding.at(2);
  geometry.pad_right = padding.at(3);
  return geometry;
}

ChannelAffine affine_of(const Graph& graph, const FusedLayer& layer, std::int64_t channels) {
  ChannelAffine affine{.scale = std::vector<double>(channels, 1.0),
                       .shift = std::vector<double>(channels, 0.0)};
  if (layer.layer->inputs.size() > 2) {
    const std::vector<float> bias =
        host_elements<float>(graph.values[layer.layer->inputs[2]].constant);
    affine.shift.assign(bias.begin(), bias.end());
  }
  if (layer.batch_norm == nullptr) return affine;
  const ChannelAffine norm = batch_norm_affine(graph, *layer.batch_norm, channels);
  for (std::int64_t c = 0; c < channels; ++c) {
    affine.scale[c] = norm.scale[c];
    affine.shift[c] = affine.shift[c] * norm.scale[c] + norm.shift[c];
  }
  return affine;
}

}  // namespace lq::convert
