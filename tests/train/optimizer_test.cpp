#include "train/optimizer.h"

#include <gtest/gtest.h>

#include "tests/support/compare.h"
#include "tests/support/errors.h"

namespace lq::testing {
namespace {

/// Two parameters, of which weight decay applies to the first.
class TwoParameters final : public Module {
 public:
  Variable weight = add_parameter("weight", {2}, Initializer::zeros(), /*decay=*/true);
  Variable bias = add_parameter("bias", {1}, Initializer::zeros());

  TwoParameters() { set({1.0F, -2.0F}, 3.0F); }

  void set(const std::vector<float>& weights, float offset) {
    weight.value().copy_from(Tensor::from(weights, {2}));
    bias.value().copy_from(Tensor::full({1}, offset));
  }
  /// As a backward pass leaves them.
  void set_gradients(const std::vector<float>& weights, float offset) {
    weight.backward(Tensor::from(weights, {2}));
    bias.backward(Tensor::full({1}, offset));
  }

 protected:
  Variable forward(const Variable& x) override { return x; }
};

// Values and rates below are sums of few powers of two, except for rates: one rounding each.
constexpr double rounding = 1e-6;

std::vector<float> values_of(const Variable& variable) {
  const auto span = variable.value().span<float>();
  return {span.begin(), span.end()};
}

TEST(SgdOptimizerTest, MomentumAndDecayOnMarkedParameters) {
  TwoParameters module;
  SgdOptimizer optimizer(module, {.momentum = 0.5, .weight_decay = 0.25});
  module.set_gradients({0.5F, 1.0F}, 2.0F);
  optimizer.step(0.5);
  // velocity = gradient + 0.25 weight = {0.75, 0.5}; bias has no decay: 2.
  EXPECT_TRUE(all_close(values_of(module.weight), std::vector{0.625, -2.25}, 0, rounding));
  EXPECT_TRUE(all_close(values_of(module.bias), std::vector{2.0}, 0, rounding));
  module.set_gradients({0.0F, 0.0F}, 1.0F);
  optimizer.step(0.25);
  // velocity = 0.5 velocity + gradient + 0.25 weight = {0.53125, -0.3125}; bias 0.5 * 2 + 1 = 2.
  EXPECT_TRUE(all_close(values_of(module.weight), std::vector{0.4921875, -2.171875}, 0, rounding));
  EXPECT_TRUE(all_close(values_of(module.bias), std::vector{1.5}, 0, rounding));
}

TEST(SgdOptimizerTest, Nesterov) {
  TwoParameters module;
  SgdOptimizer optimizer(module, {.momentum = 0.5, .nesterov = true});
  module.set_gradients({1.0F, 0.0F}, 1.0F);
  optimizer.step(0.5);
  // value -= 0.5 * (gradient + 0.5 * velocity), velocity = gradient.
  EXPECT_TRUE(all_close(values_of(module.weight), std::vector{0.25, -2.0}, 0, rounding));
  EXPECT_TRUE(all_close(values_of(module.bias), std::vector{2.25}, 0, rounding));
}

TEST(SgdOptimizerTest, ForgetsGradientsAndLeavesUnreachedParametersAlone) {
  TwoParameters module;
  SgdOptimizer optimizer(module, {.momentum = 0.5, .weight_decay = 1.0});
  module.set_gradients({1.0F, 1.0F}, 1.0F);
  optimizer.step(0.5);
  EXPECT_FALSE(module.weight.has_gradient());
  EXPECT_FALSE(module.bias.has_gradient());
  const std::vector<float> weights = values_of(module.weight);
  module.bias.backward(Tensor::full({1}, 1.0F));
  optimizer.step(0.5);
  EXPECT_EQ(values_of(module.weight), weights);
  EXPECT_TRUE(all_close(values_of(module.bias), std::vector{3.0 - 0.5 - 0.75}, 0, rounding));
}

TEST(SgdOptimizerTest, StateContinuesARun) {
  TwoParameters unbroken, resumed;
  const SgdOptimizerOptions options{.momentum = 0.9, .weight_decay = 0.1};
  SgdOptimizer optimizer(unbroken, options);
  unbroken.set_gradients({0.3F, 0.7F}, 0.1F);
  optimizer.step(0.1);

  SgdOptimizer other(resumed, options);
  StateDict saved;
  for (const auto& [name, tensor] : optimizer.state_dict()) {
    saved.emplace_back(name, tensor.clone());
  }
  ASSERT_EQ(saved.size(), 2U);
  EXPECT_EQ(saved[0].first, "velocity.weight");
  EXPECT_EQ(saved[1].first, "velocity.bias");
  resumed.load_state_dict(unbroken.state_dict());
  other.load_state_dict(saved);
  for (auto* module : {&unbroken, &resumed}) module->set_gradients({-0.2F, 0.4F}, 0.6F);
  optimizer.step(0.1);
  other.step(0.1);
  EXPECT_EQ(values_of(unbroken.weight), values_of(resumed.weight));
  EXPECT_EQ(values_of(unbroken.bias), values_of(resumed.bias));
}

TEST(SgdOptimizerTest, StateOfOtherParametersIsRefused) {
  TwoParameters module;
  SgdOptimizer optimizer(module, {});
  EXPECT_TRUE(throws_error([&] { optimizer.load_state_dict({}); },
                           "optimizer state: 0 entries, expected 2"));
  const Tensor one = Tensor::zeros({1});
  EXPECT_TRUE(throws_error(
      [&] {
        optimizer.load_state_dict({{"velocity.weight", one}, {"velocity.bias", one}});
      },
      "'velocity.weight' 1 f32, expected 'velocity.weight' 2 f32"));
  EXPECT_TRUE(throws_error(
      [&] {
        optimizer.load_state_dict({{"velocity.gamma", Tensor::zeros({2})}, {"velocity.bias", one}});
      },
      "'velocity.gamma' 2 f32, expected 'velocity.weight' 2 f32"));
}

}  // namespace
}  // namespace lq::testing
