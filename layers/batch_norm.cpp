#include "layers/batch_norm.h"

#include "autograd/relu.h"

namespace lq {

namespace {

bool tracing() { return autograd::record_mode() == autograd::RecordMode::trace; }

}  // namespace

BatchNorm2d::BatchNorm2d(std::int64_t channels, const BatchNorm2dOptions& options)
    : per_layer_(options.per_layer) {
  if (!per_layer_) {
    state_.gamma = add_parameter("gamma", {channels},
                                 options.zero_gamma ? Initializer::zeros() : Initializer::ones());
    state_.beta = add_parameter("beta", {channels}, Initializer::zeros());
  }
  const Shape statistics{per_layer_ ? 1 : channels};
  state_.running_mean = add_buffer("running_mean", Tensor::zeros(statistics));
  state_.running_variance = add_buffer("running_variance", Tensor::full(statistics, 1.0F));
}

Variable BatchNorm2d::fused(const Variable& x, const autograd::FusedActivation& activation) {
  return autograd::batch_norm(x, state_, {.training = training(), .per_layer = per_layer_},
                              activation);
}

BatchNormReluQuant::BatchNormReluQuant(std::int64_t channels, const Quantization& quantization,
                                       const BatchNorm2dOptions& options)
    : BatchNormReluQuant(channels, make_activation_quantizer(quantization), options) {}

BatchNormReluQuant::BatchNormReluQuant(std::int64_t channels,
                                       std::unique_ptr<ActivationQuantizer> quantizer,
                                       const BatchNorm2dOptions& options)
    : bn_(add<BatchNorm2d>("bn", channels, options)), quant_(quantizer.get()) {
  if (quantizer != nullptr) adopt("quant", std::move(quantizer));
}

Variable BatchNormReluQuant::forward(const Variable& x) {
  const bool relu = quant_ == nullptr || quant_->rectified();
  if (tracing()) {
    Variable y = bn_(x);
    if (relu) y = autograd::relu(y);
    return quant_ != nullptr ? (*quant_)(y) : y;
  }
  if (quant_ == nullptr) return bn_.fused(x, {.relu = relu});
  return quant_->quantize_by([&](const LevelTable& table, LevelStatistics& statistics) {
    return bn_.fused(x, {.relu = relu, .table = &table, .statistics = &statistics});
  });
}

BatchNormRelu::BatchNormRelu(std::int64_t channels, bool relu, const BatchNorm2dOptions& options)
    : bn_(add<BatchNorm2d>("bn", channels, options)), relu_(relu) {}

Variable BatchNormRelu::forward(const Variable& x) {
  if (!relu_) return bn_(x);
  if (tracing()) return autograd::relu(bn_(x));
  return bn_.fused(x, {.relu = true});
}

}  // namespace lq
