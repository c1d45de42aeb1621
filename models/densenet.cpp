#include "models/densenet.h"

#include <array>

#include "autograd/average_pool.h"
#include "autograd/concat.h"
#include "autograd/global_average_pool.h"
#include "autograd/max_pool.h"
#include "layers/sequence.h"
#include "models/variants.h"

namespace lq {

namespace {

constexpr std::int64_t first_channels = 64;
constexpr std::int64_t growth = 32;
constexpr std::array<int, 4> layers_of_blocks = {6, 12, 24, 16};

Conv2dSpec spec_of(std::int64_t in, std::int64_t out, std::int64_t kernel) {
  return {.in = in, .out = out, .kernel = kernel, .fan = Fan::in};
}

}  // namespace

DenseLayer::DenseLayer(std::int64_t in, std::int64_t growth, DenseNetForm form,
                       const Quantization& quantization) {
  const std::int64_t wide = 4 * growth;
  const auto convolution = [&](const char* name, const Conv2dSpec& spec) {
    modules_.push_back(&add<QuantConv2d>(name, spec, quantization));
  };
  const auto activation = [&](const char* name, std::int64_t channels) {
    modules_.push_back(&add<BatchNormReluQuant>(name, channels, quantization));
  };
  const bool first = form == DenseNetForm::pre_activation;
  if (first) activation("act1", in);
  convolution("conv1", spec_of(in, wide, 1));
  activation(first ? "act2" : "act1", wide);
  convolution("conv2", spec_of(wide, growth, 3));
  if (!first) activation("act2", growth);
}

Variable DenseLayer::forward(const Variable& x) {
  const std::array<Variable, 2> parts = {run_sequence(modules_, x), x};
  return autograd::concat(parts);
}

DenseTransition::DenseTransition(std::int64_t in, DenseNetForm form,
                                 const Quantization& quantization) {
  if (form == DenseNetForm::pre_activation) {
    modules_.push_back(&add<BatchNormReluQuant>("act", in, quantization));
  }
  modules_.push_back(&add<QuantConv2d>("conv", spec_of(in, in / 2, 1), quantization));
}

Variable DenseTransition::forward(const Variable& x) {
  // On maps of even extents there is nothing to pad.
  return autograd::average_pool(run_sequence(modules_, x),
                                {.kernel = 2, .stride = 2, .padding = autograd::Padding::same()});
}

DenseNet121::DenseNet121(const ModelOptions& options)
    : conv0_(add<Conv2d>("conv0", spec_of(options.input[2], first_channels, 7).strided(2))),
      act0_(add<BatchNormRelu>("act0", first_channels)) {
  const Quantization quantization = options.quantization();
  const DenseNetForm form = options.variant == variants::pre_activation
                                ? DenseNetForm::pre_activation
                                : DenseNetForm::as_released;
  std::int64_t channels = first_channels;
  for (std::size_t block = 0; block < layers_of_blocks.size(); ++block) {
    if (block > 0) {
      body_.push_back(
          &add<DenseTransition>(fmt::format("transition{}", block), channels, form, quantization));
      channels /= 2;
    }
    for (int layer = 0; layer < layers_of_blocks[block]; ++layer) {
      body_.push_back(&add<DenseLayer>(fmt::format("block{}_layer{}", block + 1, layer + 1),
                                       channels, growth, form, quantization));
      channels += growth;
    }
  }
  act_last_ = &add<BatchNormRelu>("act_last", channels);
  fc_ = &add<Linear>("fc", channels, options.classes);
}

Variable DenseNet121::forward(const Variable& x) {
  const Variable y = run_sequence(
      body_, autograd::max_pool(act0_(conv0_(x)),
                                {.kernel = 3, .stride = 2, .padding = autograd::Padding::same()}));
  return (*fc_)(autograd::global_average_pool((*act_last_)(y)));
}

}  // namespace lq
