#include "convert/pack.h"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "autograd/add.h"
#include "autograd/average_pool.h"
#include "autograd/channel_pad.h"
#include "autograd/concat.h"
#include "autograd/global_average_pool.h"
#include "autograd/max_pool.h"
#include "autograd/relu.h"
#include "autograd/reshape.h"
#include "autograd/tanh_normalize.h"
#include "deploy/validate.h"
#include "layers/batch_norm.h"
#include "layers/conv2d.h"
#include "layers/evaluation_scope.h"
#include "layers/linear.h"
#include "layers/quantizers/lq.h"
#include "models/model.h"
#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/graph_builder.h"
#include "tests/support/packed_interpreter.h"
#include "tests/support/random.h"

namespace lq::testing {
namespace {

using convert::Int8Grid;
using deploy::Convolution;
using deploy::PackedModel;
using deploy::ValueKind;

const Quantization two_bits{.kind = "lq", .w_bits = 2, .a_bits = 2};

/// A network that a test puts together.
class Network final : public Module {
 public:
  using Module::add;
  std::function<Variable(const Variable&)> body;

 protected:
  Variable forward(const Variable& x) override { return body(x); }
};

/// Weights, and batch normalizations of both signs.
void randomise(Module& model) {
  model.initialize(3);
  std::uint64_t seed = 10;
  for (const Parameter& parameter : model.parameters()) {
    Tensor values = parameter.variable.value();
    if (parameter.name.ends_with("gamma") || parameter.name.ends_with("beta") ||
        parameter.name.ends_with("bias")) {
      values.copy_from(random_normal(values.shape(), ++seed, 0.3, 0.7));
    }
  }
  for (const Buffer& buffer : model.buffers()) {
    Tensor values = buffer.tensor;
    if (buffer.name.ends_with("running_mean")) {
      values.copy_from(random_normal(values.shape(), ++seed, 0.0, 0.3));
    } else if (buffer.name.ends_with("running_variance")) {
      values.copy_from(random_uniform(values.shape(), ++seed, 0.5F, 2.0F));
    }
  }
}

std::string kind_of(const deploy::Operation& operation) {
  static constexpr std::array<const char*, 7> names = {
      "conv",       "max_pool",    "average_pool", "global_average_pool",
      "dequantize", "channel_pad", "concat"};
  return names[operation.index()];
}

std::vector<std::string> kinds_of(const PackedModel& model) {
  std::vector<std::string> kinds;
  for (const deploy::Operation& operation : model.operations) kinds.push_back(kind_of(operation));
  return kinds;
}

const Convolution& convolution(const PackedModel& model, std::string_view name) {
  for (const deploy::Operation& operation : model.operations) {
    const auto* found = std::get_if<Convolution>(&operation);
    if (found != nullptr && found->name == name) return *found;
  }
  throw Error("no convolution " + std::string(name));
}

/// Packs the model; the result computes what the model computes.
PackedModel pack_and_compare(Module& model, const Shape& input,
                             const convert::PackOptions& options = {}) {
  randomise(model);
  PackedModel packed = convert::pack(model, input, options);
  deploy::validate(packed);
  const Tensor image = random_normal({1, input[0], input[1], input[2]}, 42);
  const EvaluationScope evaluation(model);
  const autograd::NoGradScope no_gradients;
  const std::vector<double> expected = to_double(model(Variable(image)).value());
  PackedInterpreter interpreter(packed);
  EXPECT_TRUE(all_close(interpreter.run(image.span<float>()), expected, 1e-4, 1e-4));
  return packed;
}

TEST(PackTest, SmallCnnIsFiveOperations) {
  const auto model = make_model("small-cnn", {.w_bits = 1, .a_bits = 2, .input = {8, 8, 3}});
  const PackedModel packed = pack_and_compare(*model, {8, 8, 3}, {.name = "small-cnn"});
  EXPECT_EQ(packed.name, "small-cnn");
  EXPECT_EQ(kinds_of(packed),
            (std::vector<std::string>{"conv", "conv", "conv", "global_average_pool", "conv"}));
  const Convolution& first = convolution(packed, "conv0");
  EXPECT_TRUE(std::holds_alternative<kernels::FloatSegment>(first.description.segments[0]));
  EXPECT_TRUE(first.float_outputs.empty());
  ASSERT_EQ(first.symbol_outputs.size(), 1U);
  EXPECT_EQ(packed.values[first.symbol_outputs[0]].kind, ValueKind::planes);
  EXPECT_EQ(packed.values[first.symbol_outputs[0]].planes, 2);
  // The batch normalization is in the thresholds, for the file as scale and shift.
  EXPECT_EQ(first.description.scale, std::vector<float>(8, 1.0F));
  EXPECT_EQ(first.folded_thresholds[0].scale.size(), 8U);

  const Convolution& second = convolution(packed, "conv1");
  EXPECT_EQ(second.description.geometry.stride_h, 2);
  EXPECT_EQ(second.description.geometry.pad_top, 0);
  EXPECT_EQ(second.description.geometry.pad_bottom, 1);
  const auto& bits = std::get<kernels::BitSegment>(second.description.segments[0]);
  EXPECT_EQ(bits.weight_bits, 1);
  EXPECT_EQ(bits.input_bits, 2);
  EXPECT_EQ(second.inputs, first.symbol_outputs);

  const Convolution& last = convolution(packed, "conv2");
  ASSERT_EQ(last.description.float_outputs.size(), 1U);
  EXPECT_TRUE(last.description.float_outputs[0].relu);
  EXPECT_EQ(last.description.float_outputs[0].scale.size(), 32U);
}

TEST(PackTest, ResidualBlocksNeedNoOperationsBesidesTheirLayers) {
  const auto model = make_model("resnet20", {.input = {8, 8, 3}});
  const PackedModel packed = pack_and_compare(*model, {8, 8, 3});
  std::vector<std::string> expected = {"conv"};
  for (int stage = 0; stage < 3; ++stage) {
    for (int block = 0; block < 3; ++block) {
      expected.emplace_back("conv");
      // The shortcut of a stage's first block.
      if (stage > 0 && block == 0) {
        expected.emplace_back("average_pool");
        expected.emplace_back("channel_pad");
      }
      expected.emplace_back("conv");
    }
  }
  expected.emplace_back("global_average_pool");
  expected.emplace_back("conv");
  EXPECT_EQ(kinds_of(packed), expected);
  // The sum goes on as floats, for the next sum, and as codes, for the next layer.
  const Convolution& block = convolution(packed, "stage1_block0.conv2");
  EXPECT_TRUE(block.residual.has_value());
  EXPECT_EQ(block.float_outputs.size(), 1U);
  EXPECT_TRUE(block.description.float_outputs[0].scale.empty());
  EXPECT_EQ(block.symbol_outputs.size(), 1U);
}

TEST(PackTest, PoolsRunOnCodesUnlessAScaleIsNegative) {
  const auto pools = [](float sign) {
    const auto model = make_model("vgg-small", {.input = {8, 8, 3}});
    randomise(*model);
    for (const Parameter& parameter : model->parameters()) {
      Tensor values = parameter.variable.value();
      if (!parameter.name.ends_with("gamma")) continue;
      for (float& value : values.span<float>()) value = std::abs(value);
      values.data<float>()[5] *= sign;
    }
    const PackedModel packed = convert::pack(*model, {8, 8, 3});
    std::vector<ValueKind> kinds;
    for (const deploy::Operation& operation : packed.operations) {
      if (const auto* pool = std::get_if<deploy::MaxPool>(&operation)) {
        kinds.push_back(packed.values[pool->input].kind);
      }
    }
    return kinds;
  };
  // The last pool has no quantizer behind it.
  EXPECT_EQ(pools(1.0F),
            (std::vector<ValueKind>{ValueKind::planes, ValueKind::planes, ValueKind::floats}));
  EXPECT_EQ(pools(-1.0F), std::vector<ValueKind>(3, ValueKind::floats));
}

/// Three branches with quantizers of their own, side by side, as in GoogLeNet.
class BranchNetwork {
 public:
  BranchNetwork() {
    std::vector<Module*> convolutions;
    std::vector<Module*> activations;
    for (std::int64_t i = 0; i < 3; ++i) {
      const std::string number = std::to_string(i);
      convolutions.push_back(&network.add<Conv2d>(
          "conv" + number, Conv2dSpec{.in = 2, .out = 3 + i, .kernel = 2 * i + 1}));
      activations.push_back(&network.add<BatchNormReluQuant>(
          "act" + number, 3 + i, Quantization{.w_bits = 2, .a_bits = static_cast<int>(1 + i)}));
    }
    auto& joined = network.add<QuantConv2d>("joined", Conv2dSpec{.in = 12, .out = 5}, two_bits);
    network.body = [=, &joined](const Variable& x) {
      std::vector<Variable> branches;
      for (std::size_t i = 0; i < 3; ++i)
        branches.push_back((*activations[i])((*convolutions[i])(x)));
      return autograd::global_average_pool(joined(autograd::concat(branches)));
    };
  }
  Network network;
};

TEST(PackTest, ConcatenatedCodesAreSegments) {
  BranchNetwork branches;
  const PackedModel packed =
      pack_and_compare(branches.network, {6, 7, 2}, {.int8_grid = Int8Grid::never});
  const Convolution& joined = convolution(packed, "joined");
  ASSERT_EQ(joined.description.segments.size(), 3U);
  for (int i = 0; i < 3; ++i) {
    const auto& segment = std::get<kernels::BitSegment>(joined.description.segments[i]);
    EXPECT_EQ(segment.channels, 3 + i);
    EXPECT_EQ(segment.input_bits, 1 + i);
  }
  EXPECT_EQ(joined.description.geometry.c_in, 12);
}

TEST(PackTest, EachSegmentChoosesItsArithmetic) {
  BranchNetwork branches;
  randomise(branches.network);
  const PackedModel packed = convert::pack(branches.network, {6, 7, 2});
  const Convolution& joined = convolution(packed, "joined");
  // 2/1 and 2/2 count bits, 2/3 has six pairs of planes.
  EXPECT_TRUE(std::holds_alternative<kernels::BitSegment>(joined.description.segments[0]));
  EXPECT_TRUE(std::holds_alternative<kernels::BitSegment>(joined.description.segments[1]));
  EXPECT_TRUE(std::holds_alternative<kernels::GridSegment>(joined.description.segments[2]));
  EXPECT_EQ(packed.values[joined.inputs[2]].kind, ValueKind::bytes);
}

TEST(PackTest, CodesBesideFloatsAreSegmentsToo) {
  Network network;
  auto& conv = network.add<Conv2d>("conv", Conv2dSpec{.in = 3, .out = 4});
  auto& act = network.add<BatchNormReluQuant>("act", 4, two_bits);
  auto& joined = network.add<QuantConv2d>("joined", Conv2dSpec{.in = 7, .out = 5}, two_bits);
  network.body = [&](const Variable& x) {
    const std::vector<Variable> parts = {x, act(conv(x))};
    return autograd::global_average_pool(joined(autograd::concat(parts)));
  };
  const PackedModel packed = pack_and_compare(network, {5, 5, 3});
  const Convolution& layer = convolution(packed, "joined");
  ASSERT_EQ(layer.description.segments.size(), 2U);
  const auto& floats = std::get<kernels::CodedFloatSegment>(layer.description.segments[0]);
  EXPECT_EQ(floats.weight_bits, 2);
  EXPECT_TRUE(std::holds_alternative<kernels::BitSegment>(layer.description.segments[1]));
  EXPECT_EQ(layer.inputs[0], packed.input);
}

TEST(PackTest, MoreSegmentsThanAKernelTakesAreAddedOneConvolutionAfterTheOther) {
  constexpr std::int64_t parts = 2 * kernels::max_bitconv_segments + 3;
  Network network;
  auto& first = network.add<Conv2d>("first", Conv2dSpec{.in = 3, .out = 5});
  std::vector<BatchNormReluQuant*> activations;
  for (int i = 0; i < parts; ++i) {
    activations.push_back(&network.add<BatchNormReluQuant>(
        "act" + std::to_string(i), 2, Quantization{.w_bits = 2, .a_bits = 1 + i % 3}));
  }
  auto& shortcut = network.add<Conv2d>("shortcut", Conv2dSpec{.in = 3, .out = 5});
  auto& joined =
      network.add<QuantConv2d>("joined", Conv2dSpec{.in = 2 * parts + 5, .out = 5}, two_bits);
  auto& norm = network.add<BatchNorm2d>("norm", 5);
  std::vector<QuantConv2d*> narrow;
  for (int i = 0; i < parts; ++i) {
    narrow.push_back(&network.add<QuantConv2d>("narrow" + std::to_string(i),
                                               Conv2dSpec{.in = 3, .out = 2}, two_bits));
  }
  network.body = [&](const Variable& x) {
    std::vector<Variable> inputs;
    for (int i = 0; i < parts; ++i) inputs.push_back((*activations[i])((*narrow[i])(x)));
    inputs.push_back(first(x));
    const Variable y = shortcut(x);
    return autograd::global_average_pool(autograd::add(y, norm(joined(autograd::concat(inputs)))));
  };
  const PackedModel packed = pack_and_compare(network, {5, 6, 3}, {.int8_grid = Int8Grid::never});
  const Convolution& last = convolution(packed, "joined");
  const Convolution& second = convolution(packed, "joined.first16");
  const Convolution& start = convolution(packed, "joined.first8");
  EXPECT_EQ(start.inputs.size(), 8U);
  EXPECT_EQ(second.inputs.size(), 8U);
  EXPECT_EQ(last.inputs.size(), 4U);  // the floats, too
  EXPECT_EQ(last.description.geometry.c_in, 2 * 3 + 5);
  EXPECT_EQ(second.residual, start.float_outputs.at(0));
  EXPECT_EQ(last.residual, second.float_outputs.at(0));
  // The addition behind the layer is a part of it.
  EXPECT_EQ(start.residual, convolution(packed, "shortcut").float_outputs.at(0));
}

TEST(PackTest, FloatWeightsTakeLevelsAsFloats) {
  Network network;
  auto& quantizer = network.add<LqActivationQuantizer>("quant", 2);
  auto& fc = network.add<Linear>("fc", 4 * 4 * 3, 5);
  network.body = [&](const Variable& x) {
    return fc(autograd::max_pool(quantizer(x), {.kernel = 3, .stride = 2, .padding = {}}));
  };
  const PackedModel packed = pack_and_compare(network, {8, 8, 3});
  EXPECT_EQ(kinds_of(packed), (std::vector<std::string>{"conv", "max_pool", "dequantize", "conv"}));
  // The quantizer stands alone: pointwise work on the input.
  const Convolution& quantize = convolution(packed, "quant.quantize");
  EXPECT_TRUE(quantize.description.segments.empty());
  EXPECT_EQ(quantize.residual, packed.input);
  // A fully connected layer is one window over the map.
  EXPECT_EQ(convolution(packed, "fc").description.geometry.kernel_h, 4);
  EXPECT_EQ(convolution(packed, "fc").description.geometry.kernel_w, 4);
}

TEST(PackTest, ShortcutsWithBatchNormAreFolded) {
  // Type B: both branches end in a batch normalization, and the later layer takes the sum.
  Network network;
  auto& branch = network.add<Conv2d>("branch", Conv2dSpec{.in = 3, .out = 4, .bias = true});
  auto& branch_norm = network.add<BatchNorm2d>("branch_norm", 4);
  auto& shortcut = network.add<Conv2d>("shortcut", Conv2dSpec{.in = 3, .out = 4, .kernel = 1});
  auto& shortcut_norm = network.add<BatchNorm2d>("shortcut_norm", 4);
  network.body = [&](const Variable& x) {
    const Variable first = branch_norm(branch(x));
    const Variable second = shortcut_norm(shortcut(x));
    return autograd::global_average_pool(autograd::relu(autograd::add(first, second)));
  };
  const PackedModel packed = pack_and_compare(network, {5, 4, 3});
  EXPECT_EQ(kinds_of(packed), (std::vector<std::string>{"conv", "conv", "global_average_pool"}));
  const Convolution& last = convolution(packed, "shortcut");
  EXPECT_EQ(last.residual, convolution(packed, "branch").float_outputs.at(0));
  EXPECT_NE(last.description.scale, std::vector<float>(4, 1.0F));
  EXPECT_TRUE(last.description.float_outputs[0].relu);
}

TEST(PackTest, WorkBetweenPoolsIsPointwise) {
  // A ReLU before the pool, and batch normalization, ReLU and quantizer behind it.
  for (const bool per_layer : {false, true}) {
    Network network;
    auto& conv = network.add<Conv2d>("conv", Conv2dSpec{.in = 3, .out = 4});
    auto& norm = network.add<BatchNorm2d>("norm", 4, BatchNorm2dOptions{.per_layer = per_layer});
    auto& quantizer = network.add<LqActivationQuantizer>("quant", 3);
    auto& last = network.add<QuantConv2d>("last", Conv2dSpec{.in = 4, .out = 3}, two_bits);
    network.body = [&](const Variable& x) {
      const Variable pooled =
          autograd::average_pool(autograd::relu(conv(x)), {.kernel = 2, .stride = 2});
      return autograd::global_average_pool(last(quantizer(autograd::relu(norm(pooled)))));
    };
    const PackedModel packed = pack_and_compare(network, {6, 6, 3}, {.int8_grid = Int8Grid::never});
    EXPECT_EQ(kinds_of(packed), (std::vector<std::string>{"conv", "average_pool", "conv", "conv",
                                                          "global_average_pool"}));
    EXPECT_TRUE(convolution(packed, "norm.batch_norm").description.segments.empty());
  }
}

TEST(PackTest, ChainsOfSeveralMapsBecomeThresholds) {
  Network network;
  auto& conv = network.add<Conv2d>("conv", Conv2dSpec{.in = 3, .out = 8, .bias = true});
  auto& norm = network.add<BatchNorm2d>("norm", 8);
  auto& act = network.add<BatchNormReluQuant>("act", 8, two_bits);
  auto& last = network.add<QuantConv2d>("last", Conv2dSpec{.in = 8, .out = 3}, two_bits);
  network.body = [&](const Variable& x) {
    const Variable rectified = autograd::relu(norm(conv(x)));
    return autograd::global_average_pool(last(act(rectified)));
  };
  const PackedModel packed = pack_and_compare(network, {6, 6, 3});
  EXPECT_EQ(kinds_of(packed), (std::vector<std::string>{"conv", "conv", "global_average_pool"}));
  EXPECT_TRUE(convolution(packed, "conv").folded_thresholds[0].scale.empty());
}

TEST(PackTest, ChainsOfSeveralMapsOfFloatsTakeASecondOperation) {
  Network network;
  auto& conv = network.add<Conv2d>("conv", Conv2dSpec{.in = 3, .out = 8});
  auto& first = network.add<BatchNormRelu>("first", 8);
  auto& second = network.add<BatchNormRelu>("second", 8);
  network.body = [&](const Variable& x) {
    return autograd::global_average_pool(second(first(conv(x))));
  };
  const PackedModel packed = pack_and_compare(network, {6, 6, 3});
  EXPECT_EQ(kinds_of(packed), (std::vector<std::string>{"conv", "conv", "global_average_pool"}));
  EXPECT_EQ(convolution(packed, "second.bn.batch_norm").residual,
            convolution(packed, "conv").float_outputs.at(0));
}

TEST(PackTest, FloatsAreConcatenatedAndPadded) {
  Network network;
  auto& conv = network.add<Conv2d>("conv", Conv2dSpec{.in = 3, .out = 4});
  auto& fc = network.add<Linear>("fc", 10, 2);
  network.body = [&](const Variable& x) {
    const std::vector<Variable> parts = {autograd::channel_pad(x, {.before = 1, .after = 2}),
                                         conv(x)};
    return fc(autograd::global_average_pool(autograd::relu(autograd::concat(parts))));
  };
  const PackedModel packed = pack_and_compare(network, {4, 4, 3});
  EXPECT_EQ(kinds_of(packed), (std::vector<std::string>{"channel_pad", "conv", "concat", "conv",
                                                        "global_average_pool", "conv"}));
}

TEST(PackTest, ResultsThatNothingNeedsAreLeftOut) {
  Network network;
  auto& conv = network.add<Conv2d>("conv", Conv2dSpec{.in = 3, .out = 4});
  auto& unused = network.add<Conv2d>("unused", Conv2dSpec{.in = 4, .out = 4});
  network.body = [&](const Variable& x) {
    const Variable y = conv(x);
    unused(y);
    return autograd::global_average_pool(y);
  };
  EXPECT_EQ(kinds_of(pack_and_compare(network, {4, 4, 3})),
            (std::vector<std::string>{"conv", "global_average_pool"}));
}

TEST(PackTest, GridIsUsedAsAskedFor) {
  const auto segment_of = [](int w_bits, int a_bits, Int8Grid grid) {
    const auto model = make_model("small-cnn", {.w_bits = w_bits, .a_bits = a_bits});
    randomise(*model);
    const PackedModel packed = convert::pack(*model, {32, 32, 3}, {.int8_grid = grid});
    deploy::validate(packed);
    return convolution(packed, "conv1").description.segments[0].index();
  };
  constexpr std::size_t bits = 0;
  constexpr std::size_t bytes = 1;
  EXPECT_EQ(segment_of(1, 4, Int8Grid::automatic), bits);
  EXPECT_EQ(segment_of(2, 2, Int8Grid::automatic), bits);
  EXPECT_EQ(segment_of(2, 3, Int8Grid::automatic), bytes);
  EXPECT_EQ(segment_of(2, 3, Int8Grid::never), bits);
  EXPECT_EQ(segment_of(1, 1, Int8Grid::always), bytes);
  EXPECT_EQ(segment_of(8, 2, Int8Grid::always), bits);
}

TEST(PackTest, TheGridIsAsFineAsItCanBe) {
  // Random bases are on no grid: results differ, but not by much.
  const auto model = make_model("small-cnn", {.w_bits = 2, .a_bits = 3, .input = {8, 8, 3}});
  randomise(*model);
  std::uint64_t seed = 50;
  for (const Buffer& buffer : model->buffers()) {
    Tensor values = buffer.tensor;
    if (!buffer.name.ends_with(".basis")) continue;
    values.copy_from(random_uniform(values.shape(), ++seed, 0.1F, 0.5F));
  }
  const PackedModel exact = convert::pack(*model, {8, 8, 3}, {.int8_grid = Int8Grid::never});
  const PackedModel snapped = convert::pack(*model, {8, 8, 3}, {.int8_grid = Int8Grid::always});
  const Tensor image = random_normal({1, 8, 8, 3}, 42);
  PackedInterpreter exact_run(exact);
  PackedInterpreter snapped_run(snapped);
  exact_run.run(image.span<float>());
  snapped_run.run(image.span<float>());
  // Sums of the first quantized layer: levels of both sides are off by up to one per cent.
  double difference = 0;
  double size = 0;
  for (std::size_t i = 0; i < exact_run.raw(1).size(); ++i) {
    difference += std::abs(exact_run.raw(1)[i] - snapped_run.raw(1)[i]);
    size += std::abs(exact_run.raw(1)[i]);
  }
  EXPECT_GT(difference, 0);
  EXPECT_LT(difference, 0.02 * size);
}

TEST(PackTest, WhatCannotBeExpressedIsRefusedWithItsPlace) {
  const auto refused = [](Network& network, const char* message) {
    return throws_error([&] { convert::pack(network, {4, 4, 4}); }, message);
  };
  Network squashed;
  squashed.body = [](const Variable& x) { return autograd::tanh_normalize(x); };
  EXPECT_TRUE(refused(squashed, "tanh_normalize at '' is not supported"));

  Network grouped;
  auto& groups =
      grouped.add<Conv2d>("conv", Conv2dSpec{.in = 4, .out = 4, .options = {.groups = 2}});
  grouped.body = [&](const Variable& x) { return autograd::global_average_pool(groups(x)); };
  EXPECT_TRUE(refused(grouped, "conv2d at 'conv' has 2 groups"));

  Network doubled;
  doubled.body = [](const Variable& x) { return autograd::add(x, x); };
  EXPECT_TRUE(refused(doubled, "add at '': neither operand is the result of a layer"));

  Network crowded;
  auto& conv = crowded.add<Conv2d>("conv", Conv2dSpec{.in = 4, .out = 4});
  std::vector<Module*> norms;
  for (int i = 0; i < 5; ++i) {
    norms.push_back(&crowded.add<BatchNorm2d>("norm" + std::to_string(i), 4));
  }
  crowded.body = [&](const Variable& x) {
    std::vector<Variable> parts;
    const Variable y = conv(x);
    for (Module* norm : norms) parts.push_back((*norm)(y));
    return autograd::global_average_pool(autograd::concat(parts));
  };
  EXPECT_TRUE(refused(crowded, "the result of 'conv' is wanted in more than 4 ways"));

  Network flattened;
  auto& norm = flattened.add<BatchNorm2d>("norm", 64);
  flattened.body = [&](const Variable& x) { return norm(autograd::reshape(x, {1, 64})); };
  EXPECT_TRUE(refused(flattened, "batch_norm at 'norm' has 64 channels"));
}

TEST(PackTest, TellsWhetherTheGridMovedLevels) {
  const auto levels_are_exact = [](const std::string& quantizer, Int8Grid grid) {
    const auto model = make_model(
        "small-cnn", {.w_bits = 3, .a_bits = 3, .quantizer = quantizer, .input = {8, 8, 3}});
    model->initialize(3);
    {
      const autograd::NoGradScope no_gradients;
      (*model)(Variable(random_normal({4, 8, 8, 3}, 9)));
    }
    return convert::pack_with_places(*model, {8, 8, 3}, {.int8_grid = grid}).levels_are_exact;
  };
  EXPECT_TRUE(levels_are_exact("lq", Int8Grid::never));
  EXPECT_FALSE(levels_are_exact("lq", Int8Grid::automatic));
  EXPECT_TRUE(levels_are_exact("lq-int8", Int8Grid::automatic));
}

}  // namespace
}  // namespace lq::testing
