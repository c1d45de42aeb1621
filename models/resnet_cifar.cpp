#include "models/resnet_cifar.h"

#include "autograd/add.h"
#include "autograd/global_average_pool.h"
#include "layers/sequence.h"
#include "models/residual.h"

namespace lq {

namespace {

constexpr std::int64_t first_channels = 16;

/// A block changes resolution exactly where it changes the number of channels.
std::int64_t stride_of(std::int64_t in, std::int64_t out) { return in == out ? 1 : 2; }

}  // namespace

PreactivationBlock::PreactivationBlock(std::int64_t in, std::int64_t out, bool first,
                                       const Quantization& quantization)
    : in_(in),
      out_(out),
      act1_([&]() -> Module* {
        if (!first) return &add<BatchNormReluQuant>("act1", in, quantization);
        auto quantizer = make_activation_quantizer(quantization);
        return quantizer ? &adopt("act1", std::move(quantizer)) : nullptr;
      }()),
      conv1_(add<QuantConv2d>("conv1", Conv2dSpec{.in = in, .out = out}.strided(stride_of(in, out)),
                              quantization)),
      act2_(add<BatchNormReluQuant>("act2", out, quantization)),
      conv2_(add<QuantConv2d>("conv2", Conv2dSpec{.in = out, .out = out}, quantization)) {}

Variable PreactivationBlock::forward(const Variable& x) {
  const Variable branch = conv2_(act2_(conv1_(act1_ != nullptr ? (*act1_)(x) : x)));
  return autograd::add(shortcut(x), branch);
}

Variable PreactivationBlock::shortcut(const Variable& x) const {
  if (in_ == out_) return x;
  const std::int64_t before = (out_ - in_) / 2;
  return pooled_and_padded(x, {.kernel = 2, .stride = 2},
                           {.before = before, .after = out_ - in_ - before});
}

ResNetCifar::ResNetCifar(int depth, const ModelOptions& options)
    : conv0_(add<Conv2d>("conv0", Conv2dSpec{.in = options.input[2], .out = first_channels})),
      act0_(add<BatchNormRelu>("act0", first_channels, rectified(options.quantization()))) {
  check(options.input[0] % 4 == 0 && options.input[1] % 4 == 0,
        "resnet{}: input {}, expected height and width divisible by 4", depth, options.input);
  const int blocks_per_stage = (depth - 2) / 6;
  std::int64_t channels = first_channels;
  for (int stage = 0; stage < 3; ++stage) {
    for (int block = 0; block < blocks_per_stage; ++block) {
      const std::int64_t in = channels;
      channels = first_channels << stage;
      blocks_.push_back(&add<PreactivationBlock>(fmt::format("stage{}_block{}", stage + 1, block),
                                                 in, channels, blocks_.empty(),
                                                 options.quantization()));
    }
  }
  act_last_ = &add<BatchNormRelu>("act_last", channels);
  fc_ = &add<Linear>("fc", channels, options.classes);
}

Variable ResNetCifar::forward(const Variable& x) {
  const Variable y = run_sequence(blocks_, act0_(conv0_(x)));
  return (*fc_)(autograd::global_average_pool((*act_last_)(y)));
}

}  // namespace lq
