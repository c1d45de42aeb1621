#include "models/resnet.h"

#include <array>

#include "autograd/add.h"
#include "autograd/global_average_pool.h"
#include "autograd/max_pool.h"
#include "autograd/relu.h"
#include "layers/sequence.h"
#include "models/residual.h"
#include "models/variants.h"

namespace lq {

namespace {

constexpr std::int64_t first_channels = 64;
constexpr int groups = 4;

struct Depth {
  int layers;
  bool bottleneck;
  std::array<int, groups> blocks;  ///< of each group
};

const Depth& depth_of(int layers) {
  static constexpr std::array<Depth, 5> depths = {{{18, false, {2, 2, 2, 2}},
                                                   {34, false, {3, 4, 6, 3}},
                                                   {50, true, {3, 4, 6, 3}},
                                                   {101, true, {3, 4, 23, 3}},
                                                   {152, true, {3, 8, 36, 3}}}};
  const auto found = std::ranges::find(depths, layers, &Depth::layers);
  check(found != depths.end(), "resnet: {} layers, expected 18, 34, 50, 101 or 152", layers);
  return *found;
}

ResNetForm form_of(std::string_view variant) {
  if (variant == variants::post_activation) return ResNetForm::post_activation;
  return variant == variants::type_a ? ResNetForm::type_a : ResNetForm::type_b;
}

}  // namespace

ResNetBlock::ResNetBlock(const ResNetBlockSpec& spec, const Quantization& quantization)
    : spec_(spec) {
  if (spec.form != ResNetForm::post_activation) {
    if (spec.input == BlockInput::raw) {
      branch_.push_back(&add<BatchNormReluQuant>("act1", spec.in, quantization));
    } else if (auto quantizer = spec.input == BlockInput::rectified
                                    ? make_activation_quantizer(quantization)
                                    : nullptr) {
      branch_.push_back(&adopt("act1", std::move(quantizer)));
    }
  }
  add_branch(quantization);
  if (spec.form != ResNetForm::type_a && spec.in != spec.out()) {
    const Conv2dSpec projection{.in = spec.in, .out = spec.out(), .kernel = 1};
    projection_ = {&add<QuantConv2d>("shortcut", projection.strided(spec.stride), quantization),
                   &add<BatchNorm2d>("shortcut_bn", spec.out())};
  }
}

void ResNetBlock::add_branch(const Quantization& quantization) {
  const std::int64_t width = spec_.width;
  std::vector<Conv2dSpec> convolutions;
  if (spec_.bottleneck) {
    convolutions = {{.in = spec_.in, .out = width, .kernel = 1},
                    Conv2dSpec{.in = width, .out = width}.strided(spec_.stride),
                    {.in = width, .out = spec_.out(), .kernel = 1}};
  } else {
    convolutions = {Conv2dSpec{.in = spec_.in, .out = width}.strided(spec_.stride),
                    {.in = width, .out = width}};
  }
  for (std::size_t i = 0; i < convolutions.size(); ++i) {
    if (i > 0) {
      branch_.push_back(&add<BatchNormReluQuant>(fmt::format("act{}", i + 1), width, quantization));
    }
    branch_.push_back(
        &add<QuantConv2d>(fmt::format("conv{}", i + 1), convolutions[i], quantization));
  }
  const BatchNorm2dOptions last{.zero_gamma = spec_.form == ResNetForm::post_activation};
  branch_.push_back(&add<BatchNorm2d>("bn", spec_.out(), last));
}

Variable ResNetBlock::forward(const Variable& x) {
  const Variable branch = run_sequence(branch_, x);
  const Variable sum = autograd::add(shortcut(x), branch);
  return spec_.form == ResNetForm::post_activation ? autograd::relu(sum) : sum;
}

Variable ResNetBlock::shortcut(const Variable& x) const {
  if (spec_.in == spec_.out()) return x;
  if (spec_.form == ResNetForm::type_a) {
    // SAME gives the windows of the branch on maps of every size; padding does not count.
    const autograd::PoolOptions pool{
        .kernel = spec_.stride, .stride = spec_.stride, .padding = autograd::Padding::same()};
    return pooled_and_padded(x, pool, {.after = spec_.out() - spec_.in});
  }
  return run_sequence(projection_, x);
}

ResNet::ResNet(int depth, const ModelOptions& options)
    : conv0_(add<Conv2d>(
          "conv0",
          Conv2dSpec{.in = options.input[2], .out = first_channels, .kernel = 7}.strided(2))),
      act0_(add<BatchNormRelu>("act0", first_channels, rectified(options.quantization()))) {
  ResNetBlockSpec spec{.form = form_of(options.variant),
                       .bottleneck = depth_of(depth).bottleneck,
                       .in = first_channels};
  for (int group = 0; group < groups; ++group) {
    add_group(group, depth_of(depth).blocks[group], spec, options.quantization());
  }
  fc_ = &add<Linear>("fc", spec.in, options.classes);
}

void ResNet::add_group(int group, int blocks, ResNetBlockSpec& spec,
                       const Quantization& quantization) {
  spec.width = first_channels << group;
  for (int block = 0; block < blocks; ++block) {
    const bool is_first = block == 0;
    spec.stride = is_first && group > 0 ? 2 : 1;
    // What comes into a group is pooled BN ReLU, or the end of the group before.
    const bool quantized_end = spec.form == ResNetForm::type_b && group > 0;
    const BlockInput first = quantized_end ? BlockInput::quantized : BlockInput::rectified;
    spec.input = is_first ? first : BlockInput::raw;
    body_.push_back(
        &add<ResNetBlock>(fmt::format("group{}_block{}", group, block), spec, quantization));
    spec.in = spec.out();
  }
  if (spec.form == ResNetForm::post_activation) return;
  const std::string end = fmt::format("group{}_end", group);
  const bool is_last = group + 1 == groups;
  if (spec.form == ResNetForm::type_b && !is_last) {
    body_.push_back(&add<BatchNormReluQuant>(end, spec.in, quantization));
  } else {
    body_.push_back(&add<BatchNormRelu>(end, spec.in, is_last || rectified(quantization)));
  }
}

Variable ResNet::forward(const Variable& x) {
  const Variable y = autograd::max_pool(
      act0_(conv0_(x)), {.kernel = 3, .stride = 2, .padding = autograd::Padding::same()});
  return (*fc_)(autograd::global_average_pool(run_sequence(body_, y)));
}

}  // namespace lq
