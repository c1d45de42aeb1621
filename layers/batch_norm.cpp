#include "layers/batch_norm.h"

#include <cmath>

#include "autograd/relu.h"

namespace lq {

namespace {

bool tracing() { return autograd::record_mode() == autograd::RecordMode::trace; }

}  // namespace

BatchNorm2d::BatchNorm2d(std::int64_t channels, const BatchNorm2dOptions& options)
    : options_{.per_layer = options.per_layer} {
  if (!options.per_layer) {
    state_.gamma = add_parameter("gamma", {channels},
                                 options.zero_gamma ? Initializer::zeros() : Initializer::ones());
    state_.beta = add_parameter("beta", {channels}, Initializer::zeros());
  }
  const Shape statistics{options.per_layer ? 1 : channels};
  state_.running_mean = add_buffer("running_mean", Tensor::zeros(statistics));
  state_.running_variance = add_buffer("running_variance", Tensor::full(statistics, 1.0F));
}

Variable BatchNorm2d::fused(const Variable& x, const autograd::FusedActivation& activation) {
  const std::int64_t channels = options_.per_layer ? 1 : x.shape()[-1];
  // One value is its own mean: nothing of it would reach the result, nor a gradient the layers
  // below, and the running variance would fall to 0.
  const bool has_statistics = x.shape().elements() > channels;
  options_.training = training() && has_statistics;
  return autograd::batch_norm(x, state_, options_, activation);
}

void BatchNorm2d::set_passes_per_step(std::int64_t passes) {
  options_.decay = std::pow(autograd::BatchNormOptions{}.decay, 1.0 / static_cast<double>(passes));
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
    return bn_.fused(x, {.relu = relu,
                         .table = &table,
                         .statistics = &statistics,
                         .packs_codes = quant_->packs_codes()});
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
