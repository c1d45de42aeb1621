#include "layers/step_scope.h"

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "layers/conv2d.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"
#include "tests/support/errors.h"
#include "tests/support/random.h"

namespace lq::testing {
namespace {

constexpr Quantization two_bits{.kind = "lq", .w_bits = 2, .a_bits = 2};

/// Batch norm, ReLU, quantizer, and a convolution with quantized weights.
class QuantizedLayer final : public Module {
 public:
  explicit QuantizedLayer(Device device) {
    act_ = &add<BatchNormReluQuant>("act", 6, two_bits);
    conv_ = &add<QuantConv2d>("conv", Conv2dSpec{.in = 6, .out = 4}, two_bits);
    initialize(3);
    to(device);
  }

 protected:
  Variable forward(const Variable& x) override { return (*conv_)((*act_)(x)); }

 private:
  Module* act_;
  Module* conv_;
};

/// An activation quantizer, alone.
class OneQuantizer final : public Module {
 public:
  explicit OneQuantizer(Device device) {
    quantizer_ = &adopt("act", make_activation_quantizer(two_bits));
    to(device);
  }

 protected:
  Variable forward(const Variable& x) override { return (*quantizer_)(x); }

 private:
  Module* quantizer_;
};

std::vector<double> values_of(const Module& module, std::string_view name) {
  for (const Buffer& buffer : module.buffers()) {
    if (buffer.name == name) return to_double(buffer.tensor.to(Device{}));
  }
  ADD_FAILURE() << "no buffer " << name;
  return {};
}

std::int64_t steps_learned(const Module& module) {
  return module.buffers().back().tensor.to(Device{}).data<std::int64_t>()[0];
}

StateDict copy_of_state(const Module& module) {
  StateDict state;
  for (const auto& [name, tensor] : module.state_dict()) {
    state.emplace_back(name, tensor.to(Device{}).clone());
  }
  return state;
}

void expect_equal_states(const StateDict& a, const StateDict& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(std::memcmp(a[i].second.raw(), b[i].second.raw(), a[i].second.bytes()), 0)
        << a[i].first;
  }
}

class StepScopeTest : public ::testing::TestWithParam<Device> {
 protected:
  Variable images(std::int64_t first, std::int64_t end) const {
    return Variable(random_normal({8, 5, 5, 6}, 7, 0.3).slice(first, end).clone().to(GetParam()));
  }
};

TEST_P(StepScopeTest, BasesLearnFromAllPassesAsFromOne) {
  OneQuantizer whole(GetParam()), parts(GetParam());
  for (int round = 0; round < 3; ++round) {
    whole(images(0, 8));
    StepScope step(parts, 3);
    for (const auto& [first, end] : {std::pair{0, 3}, {3, 4}, {4, 8}}) parts(images(first, end));
    step.finish();
  }
  EXPECT_EQ(steps_learned(parts), 3);
  // Sums of doubles in another order.
  EXPECT_TRUE(all_close(values_of(parts, "act.basis"), values_of(whole, "act.basis"), 1e-6, 0));
}

TEST_P(StepScopeTest, AStepOfOnePassIsAPass) {
  QuantizedLayer with(GetParam()), without(GetParam());
  for (int round = 0; round < 3; ++round) {
    StepScope step(with);
    with(images(0, 8));
    step.finish();
    without(images(0, 8));
  }
  expect_equal_states(copy_of_state(with), copy_of_state(without));
}

TEST_P(StepScopeTest, RepeatedPassesTeachWhatOneDoes) {
  QuantizedLayer once(GetParam()), often(GetParam());
  once(images(0, 8));
  StepScope step(often, 4);
  for (int pass = 0; pass < 4; ++pass) often(images(0, 8));
  step.finish();
  // Weights are the same in each pass: the ridge of their solution must not count for less.
  EXPECT_EQ(values_of(often, "conv.quant.basis"), values_of(once, "conv.quant.basis"));
  for (const std::string_view name :
       {"act.bn.running_mean", "act.bn.running_variance", "act.quant.basis"}) {
    EXPECT_TRUE(all_close(values_of(often, name), values_of(once, name), 1e-5, 1e-6)) << name;
  }
}

TEST_P(StepScopeTest, NothingIsLearnedBeforeTheEndNorWithoutIt) {
  OneQuantizer module(GetParam());
  const StateDict before = copy_of_state(module);
  {
    StepScope step(module);
    module(images(0, 8));
    expect_equal_states(copy_of_state(module), before);
  }
  expect_equal_states(copy_of_state(module), before);
  {
    StepScope step(module);
    step.finish();
  }
  expect_equal_states(copy_of_state(module), before);
  module(images(0, 8));
  EXPECT_EQ(steps_learned(module), 1);
}

TEST_P(StepScopeTest, EvaluationTeachesNothing) {
  QuantizedLayer module(GetParam());
  module.eval();
  const StateDict before = copy_of_state(module);
  StepScope step(module);
  module(images(0, 8));
  step.finish();
  expect_equal_states(copy_of_state(module), before);
}

TEST_P(StepScopeTest, ValuesThatAreNotFiniteAreAnErrorThatNamesTheLayer) {
  // Where the host sees values, the unit that normalizes and quantizes in one pass stops at once.
  const std::string where = GetParam() == Device{} ? "act" : "act.quant";
  for (const bool training : {true, false}) {
    QuantizedLayer module(GetParam());
    module.train(training);
    Tensor x = images(0, 8).value().to(Device{}).clone();
    x.span<float>()[77] = std::numeric_limits<float>::quiet_NaN();
    const Variable bad(x.to(GetParam()));
    const std::vector<double> basis = values_of(module, "act.quant.basis");
    EXPECT_TRUE(throws_error(
        [&] {
          StepScope step(module, 2);
          module(bad);
          module(images(0, 8));
          step.finish();
        },
        where + ": quantizer input has NaN or infinite values"));
    EXPECT_EQ(values_of(module, "act.quant.basis"), basis);
  }
}

TEST(StepScopeOptionsTest, NoPassesAreRefused) {
  OneQuantizer module(Device{});
  EXPECT_TRUE(throws_error([&] { StepScope(module, 0); }, "0 passes given, expected at least 1"));
}

INSTANTIATE_TEST_SUITE_P(Devices, StepScopeTest, ::testing::ValuesIn(all_devices()), device_name);

}  // namespace
}  // namespace lq::testing
