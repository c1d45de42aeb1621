#include "models/googlenet_variant.h"

#include <array>

#include "autograd/concat.h"
#include "autograd/global_average_pool.h"
#include "layers/sequence.h"
#include "models/variants.h"

namespace lq {

namespace {

const autograd::PoolOptions pool_options{
    .kernel = 3, .stride = 2, .padding = autograd::Padding::same()};

constexpr std::array<InceptionSpec, 9> blocks = {{{"block3a", 96, 128, 32},
                                                  {"block3b", 192, 192, 96, true},
                                                  {"block4a", 256, 208, 48},
                                                  {"block4b", 224, 224, 64},
                                                  {"block4c", 192, 256, 64},
                                                  {"block4d", 176, 288, 64},
                                                  {"block4e", 384, 320, 128, true},
                                                  {"block5a", 384, 320, 128},
                                                  {"block5b", 512, 384, 128}}};

}  // namespace

InceptionBlock::InceptionBlock(std::int64_t in, const InceptionSpec& spec, End end,
                               const Quantization& quantization)
    : pool_(spec.pool) {
  const auto convolution = [&](std::string name, std::int64_t channels, std::int64_t out,
                               std::int64_t kernel) -> Module* {
    const Conv2dSpec conv{.in = channels, .out = out, .kernel = kernel, .fan = Fan::in};
    return &add<QuantConv2d>(std::move(name), conv, quantization);
  };
  const auto activation = [&](std::string name, std::int64_t channels) -> Module* {
    return &add<BatchNormReluQuant>(std::move(name), channels, quantization);
  };
  const auto reduced = [&](const std::string& name, std::int64_t out, std::int64_t kernel) {
    return std::vector<Module*>{convolution(name + "_reduce", in, out, 1),
                                activation(name + "_reduce_act", out),
                                convolution(name, out, out, kernel)};
  };
  branches_ = {{convolution("conv1x1", in, spec.conv1x1, 1)},
               reduced("conv3x3", spec.conv3x3, 3),
               reduced("conv5x5", spec.conv5x5, 5)};
  if (end == End::per_branch) {
    branch_ends_ = {activation("conv1x1_act", spec.conv1x1),
                    activation("conv3x3_act", spec.conv3x3),
                    activation("conv5x5_act", spec.conv5x5)};
  } else if (end == End::per_concat) {
    end_ = activation("act", spec.conv1x1 + spec.conv3x3 + spec.conv5x5);
  }
}

/// The pool, where the block has one, before BN ReLU Q.
Variable InceptionBlock::ended(const Variable& x, Module* activation) const {
  return (*activation)(pool_ ? autograd::max_pool(x, pool_options) : x);
}

Variable InceptionBlock::forward(const Variable& x) {
  std::vector<Variable> results;
  for (std::size_t i = 0; i < branches_.size(); ++i) {
    const Variable y = run_sequence(branches_[i], x);
    results.push_back(branch_ends_.empty() ? y : ended(y, branch_ends_[i]));
  }
  const Variable whole = autograd::concat(results);
  return end_ != nullptr ? ended(whole, end_) : whole;
}

GoogLeNetVariant::GoogLeNetVariant(const ModelOptions& options) : StagedNetwork(options) {
  add_stage("conv1", "act1",
            {.convolution = Conv2dSpec{.out = 64, .kernel = 7, .fan = Fan::in}.strided(2),
             .quantized_weights = false,
             .pool = pool_options});
  add_stage("conv2", "act2", {.convolution = {.out = 192, .kernel = 1, .fan = Fan::in}});
  add_stage("conv3", "act3", {.convolution = {.out = 192, .fan = Fan::in}, .pool = pool_options});

  const auto end = options.variant == variants::quantizer_per_concat
                       ? InceptionBlock::End::per_concat
                       : InceptionBlock::End::per_branch;
  std::int64_t channels = map()[2];
  for (const InceptionSpec& spec : blocks) {
    const bool is_last = &spec == &blocks.back();
    blocks_.push_back(&add<InceptionBlock>(std::string(spec.name), channels, spec,
                                           is_last ? InceptionBlock::End::none : end,
                                           quantization()));
    channels = spec.conv1x1 + spec.conv3x3 + spec.conv5x5;
  }
  act_last_ = &add<BatchNormRelu>("act_last", channels);
  fc_ = &add<Linear>("fc", channels, options.classes);
}

Variable GoogLeNetVariant::forward(const Variable& x) {
  const Variable y = run_sequence(blocks_, run_stages(x));
  return (*fc_)(autograd::global_average_pool((*act_last_)(y)));
}

}  // namespace lq
