#include "models/staged_network.h"

#include "autograd/relu.h"

namespace lq {

StagedNetwork::StagedNetwork(const ModelOptions& options)
    : quantization_(options.quantization()), map_(options.input) {}

void StagedNetwork::add_stage(const std::string& conv, const std::string& act, StageSpec spec) {
  spec.convolution.in = map_[2];
  const kernels::Conv2dGeometry geometry = kernels::conv2d_geometry(
      {1, map_[0], map_[1], map_[2]}, spec.convolution.weight_shape(), spec.convolution.options);
  map_ = Shape{geometry.out_h, geometry.out_w, geometry.c_out};
  if (spec.pool) {
    const Shape pooled =
        kernels::pool_output_shape("max_pool", {1, map_[0], map_[1], map_[2]}, *spec.pool);
    map_ = Shape{pooled[1], pooled[2], pooled[3]};
  }
  Module& convolution =
      spec.quantized_weights
          ? static_cast<Module&>(add<QuantConv2d>(conv, spec.convolution, quantization_))
          : add<Conv2d>(conv, spec.convolution);
  Module& activation = spec.quantized_result
                           ? static_cast<Module&>(add<BatchNormReluQuant>(
                                 act, map_[2], quantization_, spec.batch_norm))
                           : add<BatchNormRelu>(act, map_[2], /*relu=*/true, spec.batch_norm);
  stages_.push_back({&convolution, spec.relu, spec.pool, &activation});
}

void StagedNetwork::add_fully_connected_stage(const std::string& conv, const std::string& act,
                                              StageSpec spec) {
  spec.convolution.kernel = map_[0];
  spec.convolution.kernel_w = map_[1];
  spec.convolution.options.padding = autograd::Padding::valid();
  spec.convolution.bias = true;
  add_stage(conv, act, std::move(spec));
}

Variable StagedNetwork::run_stages(const Variable& x) const {
  Variable y = x;
  for (const Stage& stage : stages_) {
    y = (*stage.conv)(y);
    if (stage.relu) y = autograd::relu(y);
    if (stage.pool) y = autograd::max_pool(y, *stage.pool);
    y = (*stage.activation)(y);
  }
  return y;
}

}  // namespace lq
