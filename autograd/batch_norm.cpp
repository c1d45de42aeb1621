#include "autograd/batch_norm.h"

#include "autograd/code_planes.h"
#include "core/stream.h"
#include "kernels/batch_norm/batch_norm.h"

namespace lq::autograd {

namespace {

/// Everything that the backward pass needs, by value.
struct Saved {
  Tensor x;  // M x C
  Tensor mean;
  Tensor variance;
  Tensor gamma;       // undefined: 1
  Tensor beta;        // undefined: 0
  Tensor pass_range;  // undefined: no quantizer
  double epsilon;
  bool relu;
  bool batch_statistics;

  kernels::BatchNormParameters parameters() const {
    kernels::BatchNormParameters views{
        .mean = mean.view<float>(), .variance = variance.view<float>(), .epsilon = epsilon};
    if (gamma.defined()) views.gamma = gamma.view<float>();
    if (beta.defined()) views.beta = beta.view<float>();
    return views;
  }
};

/// inputs: x, then gamma and beta if the normalization has them.
void backward(const Saved& saved, const Tensor& output_gradient, std::span<GradientSink> inputs) {
  kernels::BatchNormGradients gradients;
  auto take = [](GradientSink& sink, View<float>& view, GradientMode& mode, const Shape& shape) {
    mode = sink.mode();
    if (mode != GradientMode::ignore) view = sink.buffer().reshape(shape).view<float>();
  };
  take(inputs[0], gradients.x, gradients.x_mode, saved.x.shape());
  if (inputs.size() == 3) {
    take(inputs[1], gradients.gamma, gradients.gamma_mode, saved.gamma.shape());
    take(inputs[2], gradients.beta, gradients.beta_mode, saved.beta.shape());
  }
  kernels::BatchNormBackwardOptions options{.relu = saved.relu,
                                            .batch_statistics = saved.batch_statistics};
  if (saved.pass_range.defined()) options.pass_range = saved.pass_range.view<float>();
  kernels::batch_norm_backward(current_stream(saved.x.device()),
                               output_gradient.reshape(saved.x.shape()).view<float>(),
                               saved.x.view<float>(), saved.parameters(), options, gradients);
}

}  // namespace

Variable batch_norm(const Variable& x, BatchNormState& state, const BatchNormOptions& options,
                    const FusedActivation& activation) {
  check(x.shape().rank() >= 2 && x.value().elements() > 0,
        "batch_norm: input {}, expected N H W C or N C with at least one value", x.shape());
  check(state.gamma.defined() == state.beta.defined(),
        "batch_norm: gamma and beta are both needed, or neither");
  check(!options.per_layer || !state.gamma.defined(),
        "batch_norm: the per-layer form has no gamma and beta");
  const std::int64_t channels = options.per_layer ? 1 : x.shape()[-1];
  const Device device = x.device();
  Stream& stream = current_stream(device);

  Saved saved{.x = x.value().reshape({x.value().elements() / channels, channels}),
              .mean = state.running_mean,
              .variance = state.running_variance,
              .epsilon = options.epsilon,
              .relu = activation.relu,
              .batch_statistics = options.training};
  if (state.gamma.defined()) {
    saved.gamma = state.gamma.value();
    saved.beta = state.beta.value();
  }
  if (options.training) {
    saved.mean = Tensor({channels}, DType::f32, device);
    saved.variance = Tensor({channels}, DType::f32, device);
    kernels::batch_norm_statistics(stream, saved.x.view<float>(), saved.mean.view<float>(),
                                   saved.variance.view<float>());
    kernels::batch_norm_update_running(stream, std::as_const(saved.mean).view<float>(),
                                       std::as_const(saved.variance).view<float>(),
                                       {.mean = state.running_mean.view<float>(),
                                        .variance = state.running_variance.view<float>(),
                                        .decay = options.decay,
                                        .values = saved.x.shape()[0]});
  }

  kernels::BatchNormActivation fused{.relu = activation.relu};
  Tensor codes;
  if (activation.table != nullptr) {
    fused.table = activation.table->view();
    saved.pass_range = activation.table->pass_range;
    if (activation.statistics != nullptr) fused.statistics = activation.statistics->view();
    if (activation.packs_codes && !options.per_layer && has_packed_codes(*activation.table)) {
      codes = room_for_codes(*activation.table, x.shape());
      fused.planes = codes.view<std::int32_t>();
    }
  }
  Tensor y(x.shape(), DType::f32, device);
  kernels::batch_norm_forward(stream, saved.x.view<float>(), saved.parameters(), fused,
                              y.reshape(saved.x.shape()).view<float>());

  std::vector<Variable> inputs{x};
  if (state.gamma.defined()) {
    inputs.push_back(state.gamma);
    inputs.push_back(state.beta);
  }
  Variable result =
      record("batch_norm",
             {{"epsilon", options.epsilon},
              {"per_layer", std::int64_t{options.per_layer}},
              {"relu", std::int64_t{activation.relu}},
              {"quantize", std::int64_t{activation.table != nullptr}}},
             inputs, std::move(y),
             [saved = std::move(saved)](const Tensor& gradient, std::span<GradientSink> sinks) {
               backward(saved, gradient, sinks);
             },
             {{"running_mean", state.running_mean}, {"running_variance", state.running_variance}});
  if (activation.table != nullptr) {
    result.set_levels(std::make_shared<const LevelTable>(*activation.table));
    result.set_codes(std::move(codes));
  }
  return result;
}

}  // namespace lq::autograd
