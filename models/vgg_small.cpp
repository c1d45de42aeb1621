#include "models/vgg_small.h"

#include <array>

#include "autograd/max_pool.h"
#include "layers/batch_norm.h"
#include "layers/conv2d.h"
#include "layers/linear.h"

namespace lq {

VggSmall::VggSmall(const ModelOptions& options) {
  check(options.input[0] % 8 == 0 && options.input[1] % 8 == 0,
        "vgg-small: input {}, expected height and width divisible by 8", options.input);
  struct Layer {
    std::int64_t out;
    bool pool;
  };
  constexpr std::array<Layer, 6> layers = {
      {{128, false}, {128, true}, {256, false}, {256, true}, {512, false}, {512, true}}};
  const Quantization quantization = options.quantization();

  std::int64_t channels = options.input[2];
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const Conv2dSpec spec{.in = channels, .out = layers[i].out, .fan = Fan::in};
    const bool first = i == 0;
    const bool last = i + 1 == layers.size();
    const std::string conv = fmt::format("conv{}", i);
    const std::string activation = fmt::format("act{}", i);
    Module& convolution = first ? add<Conv2d>(conv, spec)
                                : static_cast<Conv2d&>(add<QuantConv2d>(conv, spec, quantization));
    channels = layers[i].out;
    Module* after = last ? static_cast<Module*>(&add<BatchNormRelu>(activation, channels))
                         : &add<BatchNormReluQuant>(activation, channels, quantization);
    stages_.push_back({&convolution, layers[i].pool, after});
  }
  fc_ = &add<Linear>("fc", channels * (options.input[0] / 8) * (options.input[1] / 8),
                     options.classes);
}

Variable VggSmall::forward(const Variable& x) {
  Variable y = x;
  for (const Stage& stage : stages_) {
    y = (*stage.conv)(y);
    if (stage.pool) {
      y = autograd::max_pool(y, {.kernel = 2, .stride = 2});
    }
    y = (*stage.activation)(y);
  }
  return (*fc_)(y);
}

}  // namespace lq
