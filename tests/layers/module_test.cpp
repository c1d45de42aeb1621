#include "layers/module.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/devices.h"
#include "tests/support/errors.h"
#include "tests/support/random.h"

namespace lq::testing {
namespace {

using Names = std::vector<std::string>;

/// Two parameters and a buffer; the sum of all calls goes through unchanged.
class Leaf final : public Module {
 public:
  explicit Leaf(std::int64_t width)
      : weight_(add_parameter("weight", {width, 2}, Initializer::variance_scaling(width),
                              /*decay=*/true)),
        scale_(add_parameter("scale", {width}, Initializer::ones())),
        calls_(add_buffer("calls", Tensor::zeros({1}, DType::i64))) {}

  const Variable& weight() const { return weight_; }
  std::int64_t calls() const { return calls_.span<std::int64_t>()[0]; }
  std::string failure;    // thrown as an Error when not empty
  std::string path_seen;  // of the last call

 protected:
  Variable forward(const Variable& x) override {
    path_seen = autograd::NameScope::path();
    calls_.span<std::int64_t>()[0] += 1;
    if (!failure.empty()) fail("{}", failure);
    return x;
  }

 private:
  Variable weight_;
  Variable scale_;
  Tensor calls_;
};

class Branch final : public Module {
 public:
  explicit Branch(std::int64_t width)
      : first(add<Leaf>("first", width)),
        bias_(add_parameter("bias", {width}, Initializer::zeros())),
        second(add<Leaf>("second", width + 1)) {}

  Leaf& first;

 protected:
  Variable forward(const Variable& x) override { return second(first(x)); }

 private:
  Variable bias_;

 public:
  Leaf& second;
};

class Tree final : public Module {
 public:
  Tree() : left(add<Branch>("left", 2)), right(add<Branch>("right", 4)) {}

  Branch& left;
  Branch& right;

 protected:
  Variable forward(const Variable& x) override { return right(left(x)); }
};

Variable input() { return Variable(Tensor::zeros({1})); }

template <typename Entries>
Names names_of(const Entries& entries) {
  Names names;
  for (const auto& entry : entries) names.push_back(entry.name);
  return names;
}

/// Copies of all values, so that a later change does not reach them.
StateDict snapshot(const Module& module) {
  StateDict copy;
  for (const auto& [name, tensor] : module.state_dict()) copy.emplace_back(name, tensor.clone());
  return copy;
}

void expect_state(const Module& module, const StateDict& expected) {
  const StateDict actual = module.state_dict();
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    EXPECT_EQ(actual[i].first, expected[i].first);
    ASSERT_EQ(actual[i].second.dtype(), expected[i].second.dtype());
    if (actual[i].second.dtype() == DType::i64) {
      EXPECT_TRUE(all_close(actual[i].second.span<std::int64_t>(),
                            expected[i].second.span<std::int64_t>(), 0, 0))
          << actual[i].first;
    } else {
      EXPECT_TRUE(all_close(actual[i].second.span<float>(), expected[i].second.span<float>(), 0, 0))
          << actual[i].first;
    }
  }
}

// ---- Names and order

TEST(ModuleTest, ParametersAndBuffersHavePathsInOrderOfRegistration) {
  const Tree tree;
  // A module's own come before those of its children.
  EXPECT_EQ(names_of(tree.parameters()),
            (Names{"left.bias", "left.first.weight", "left.first.scale", "left.second.weight",
                   "left.second.scale", "right.bias", "right.first.weight", "right.first.scale",
                   "right.second.weight", "right.second.scale"}));
  EXPECT_EQ(names_of(tree.buffers()), (Names{"left.first.calls", "left.second.calls",
                                             "right.first.calls", "right.second.calls"}));
  EXPECT_EQ(names_of(tree.left.parameters()),
            (Names{"bias", "first.weight", "first.scale", "second.weight", "second.scale"}));
}

TEST(ModuleTest, StateDictIsParametersThenBuffers) {
  const Leaf leaf(3);
  Names names;
  for (const auto& [name, tensor] : leaf.state_dict()) names.push_back(name);
  EXPECT_EQ(names, (Names{"weight", "scale", "calls"}));
}

TEST(ModuleTest, HandlesShareStorageWithTheModule) {
  Leaf leaf(3);
  leaf.parameters()[0].variable.value().span<float>()[0] = 7.0F;
  EXPECT_EQ(leaf.weight().value().span<float>()[0], 7.0F);
  leaf(input());
  EXPECT_EQ(leaf.buffers()[0].tensor.span<std::int64_t>()[0], 1);
  EXPECT_EQ(leaf.state_dict()[2].second.span<std::int64_t>()[0], 1);
}

TEST(ModuleTest, ParametersWantGradientsAndSayWhetherTheyDecay) {
  for (const Parameter& parameter : Tree().parameters()) {
    EXPECT_TRUE(parameter.variable.requires_gradient()) << parameter.name;
    EXPECT_EQ(parameter.decay, parameter.name.ends_with(".weight")) << parameter.name;
  }
}

TEST(ModuleTest, VisitsEveryModuleWithItsPath) {
  Tree tree;
  Names paths, names;
  tree.visit([&](const std::string& path, Module& module) {
    paths.push_back(path);
    names.push_back(module.name());
  });
  EXPECT_EQ(paths, (Names{"", "left", "left.first", "left.second", "right", "right.first",
                          "right.second"}));
  EXPECT_EQ(names, (Names{"", "left", "first", "second", "right", "first", "second"}));
}

TEST(ModuleTest, TrainAndEvalReachEveryModule) {
  Tree tree;
  const auto count_training = [&] {
    int count = 0;
    tree.visit([&](const std::string&, Module& module) { count += module.training() ? 1 : 0; });
    return count;
  };
  EXPECT_EQ(count_training(), 7);
  tree.eval();
  EXPECT_EQ(count_training(), 0);
  tree.right.train();
  EXPECT_EQ(count_training(), 3);
  EXPECT_TRUE(tree.right.second.training());
  tree.train();
  EXPECT_EQ(count_training(), 7);
}

TEST(ModuleTest, NullIsNoChild) {
  class Parent final : public Module {
   public:
    Parent() { adopt("child", nullptr); }

   protected:
    Variable forward(const Variable& x) override { return x; }
  };
  EXPECT_TRUE(throws_error([] { Parent(); }, "Module: child 'child' is null"));
}

// ---- Calls

TEST(ModuleTest, CallsRunWithinTheModulePath) {
  Tree tree;
  tree(input());
  EXPECT_EQ(tree.left.first.path_seen, "left.first");
  EXPECT_EQ(tree.right.second.path_seen, "right.second");
  EXPECT_EQ(autograd::NameScope::path(), "");
}

TEST(ModuleTest, ErrorsNameTheInnermostPathOnce) {
  Tree tree;
  tree.right.second.failure = "conv2d: x is 1x2, expected 3";
  try {
    tree(input());
    FAIL() << "no Error";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "right.second: conv2d: x is 1x2, expected 3");
  }
  EXPECT_EQ(autograd::NameScope::path(), "") << "the path survived the exception";
  tree.right.second.failure.clear();
  tree(input());
  EXPECT_EQ(tree.left.first.path_seen, "left.first");
}

TEST(ModuleTest, ARootWithoutNameAddsNone) {
  Leaf leaf(2);
  leaf.failure = "boom";
  EXPECT_TRUE(throws_error([&] { leaf(input()); }, "boom"));
  try {
    leaf(input());
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "boom");
  }
}

TEST(ModuleTest, ClearGradientsForgetsAllOfThem) {
  Tree tree;
  for (Parameter& parameter : tree.parameters()) {
    parameter.variable.backward(Tensor::full(parameter.variable.shape(), 1.0F));
    EXPECT_TRUE(parameter.variable.has_gradient());
  }
  EXPECT_TRUE(tree.left.first.weight().has_gradient());
  tree.clear_gradients();
  for (const Parameter& parameter : tree.parameters()) {
    EXPECT_FALSE(parameter.variable.has_gradient()) << parameter.name;
  }
}

// ---- Initial values

TEST(ModuleTest, InitializeDependsOnTheSeedOnly) {
  Tree one, two, other;
  one.initialize(5);
  two.initialize(9);
  two.initialize(5);
  other.initialize(6);
  expect_state(one, snapshot(two));
  const auto first = one.left.first.weight().value().span<float>();
  EXPECT_FALSE(all_close(first, other.left.first.weight().value().span<float>(), 0, 0));
}

TEST(ModuleTest, ParametersOfOneShapeAreNotCopiesOfEachOther) {
  class Twins final : public Module {
   public:
    Twins() : first(add<Leaf>("first", 3)), second(add<Leaf>("second", 3)) {}

    Leaf& first;
    Leaf& second;

   protected:
    Variable forward(const Variable& x) override { return x; }
  };
  Twins twins;
  twins.initialize(5);
  EXPECT_NE(twins.first.weight().value().span<float>()[0],
            twins.second.weight().value().span<float>()[0]);
}

TEST(ModuleTest, InitializeFillsByInitializerAndLeavesBuffersAlone) {
  Tree tree;
  tree(input());
  tree.initialize(5);
  for (const Parameter& parameter : tree.parameters()) {
    const auto values = parameter.variable.value().span<float>();
    if (parameter.name.ends_with("scale")) {
      EXPECT_TRUE(all_close(values, std::vector<float>(values.size(), 1.0F), 0, 0));
    } else if (parameter.name.ends_with("bias")) {
      EXPECT_TRUE(all_close(values, std::vector<float>(values.size(), 0.0F), 0, 0));
    } else {
      EXPECT_TRUE(std::ranges::none_of(values, [](float value) { return value == 0.0F; }));
    }
  }
  EXPECT_EQ(tree.left.first.calls(), 1);
}

TEST(ModuleTest, VarianceScalingIsATruncatedNormalOfTheRightDeviation) {
  constexpr std::int64_t fan = 50'000;
  Leaf leaf(fan);
  leaf.initialize(3);
  const auto values = leaf.weight().value().span<float>();
  const double stddev = std::sqrt(1.3 * 2.0 / static_cast<double>(fan));
  double sum = 0, squares = 0, largest = 0;
  std::int64_t within_one = 0;
  for (const float value : values) {
    const auto x = static_cast<double>(value);
    sum += x;
    squares += x * x;
    largest = std::max(largest, std::abs(x));
    within_one += std::abs(x) <= stddev ? 1 : 0;
  }
  const auto n = static_cast<double>(values.size());  // 100000
  // Cut at two deviations, and the cut is reached.
  EXPECT_LE(largest, 2 * stddev * (1 + 1e-7));
  EXPECT_GE(largest, 1.99 * stddev);
  // Five standard errors of the mean, of the deviation and of the share within one deviation,
  // which truncation raises from 0.6827 to 0.6827 / 0.9545.
  const double true_stddev = std::sqrt(2.0 / static_cast<double>(fan));
  EXPECT_NEAR(sum / n, 0.0, 5 * true_stddev / std::sqrt(n));
  EXPECT_NEAR(std::sqrt(squares / n) / true_stddev, 1.0, 0.003 + 5 * 0.6 / std::sqrt(n));
  EXPECT_NEAR(static_cast<double>(within_one) / n, 0.6827 / 0.9545, 5 * 0.45 / std::sqrt(n));
}

TEST(ModuleTest, NormalIsNotTruncated) {
  class Normal final : public Module {
   public:
    Variable weight = add_parameter("weight", {100'000}, Initializer::normal(0.01));

   protected:
    Variable forward(const Variable& x) override { return x; }
  };
  Normal module;
  module.initialize(1);
  double sum = 0, squares = 0;
  std::int64_t beyond_two = 0;
  for (const float value : module.weight.value().span<float>()) {
    const auto x = static_cast<double>(value) / 0.01;
    sum += x;
    squares += x * x;
    beyond_two += std::abs(x) > 2 ? 1 : 0;
  }
  // Five standard errors of the mean, of the mean square and of the share beyond two deviations.
  const double root = std::sqrt(1e5);
  EXPECT_NEAR(sum / 1e5, 0.0, 5 / root);
  EXPECT_NEAR(squares / 1e5, 1.0, 5 * std::sqrt(2.0) / root);
  EXPECT_NEAR(static_cast<double>(beyond_two) / 1e5, 0.0455, 5 * 0.21 / root);
}

// ---- State

TEST(ModuleTest, StateGoesRoundToAnotherModule) {
  Tree source, target;
  source.initialize(1);
  source(input());
  source(input());
  const StateDict state = snapshot(source);
  target.load_state_dict(state);
  expect_state(target, state);
  EXPECT_EQ(target.left.first.calls(), 2);
  // Values are copied: the target does not share storage with the state.
  target(input());
  expect_state(source, state);
}

TEST(ModuleTest, TheOrderOfTheStateDoesNotMatter) {
  Tree source, target;
  source.initialize(1);
  StateDict state = snapshot(source);
  std::ranges::reverse(state);
  target.load_state_dict(state);
  expect_state(target, snapshot(source));
}

TEST(ModuleTest, StatesThatDoNotFitChangeNothing) {
  Tree source, target;
  source.initialize(1);
  target.initialize(2);
  target(input());
  const StateDict before = snapshot(target);
  const auto refused = [&](const StateDict& state, std::string_view message) {
    const auto result = throws_error([&] { target.load_state_dict(state); }, message);
    expect_state(target, before);
    return result;
  };

  StateDict missing = snapshot(source);
  missing.pop_back();
  EXPECT_TRUE(refused(missing, "state: 'right.second.calls' is missing"));

  StateDict unknown = snapshot(source);
  unknown.emplace_back("left.third.weight", Tensor::zeros({1}));
  EXPECT_TRUE(refused(unknown, "state: 'left.third.weight' is not part of this model"));

  StateDict repeated = snapshot(source);
  repeated.push_back(repeated.front());
  EXPECT_TRUE(refused(repeated, "state: 'left.bias' is given twice"));

  StateDict reshaped = snapshot(source);
  reshaped[9].second = Tensor::zeros({4});
  EXPECT_TRUE(refused(reshaped, "state: 'right.second.scale' is 4 f32, expected 5 f32"));

  StateDict retyped = snapshot(source);
  retyped.back().second = Tensor::zeros({1});
  EXPECT_TRUE(refused(retyped, "state: 'right.second.calls' is 1 f32, expected 1 i64"));

  EXPECT_TRUE(refused({}, "is missing"));
}

// ---- Devices

class ModuleDeviceTest : public ::testing::TestWithParam<Device> {};

/// A constant goes along, but is no part of the state.
class Scaled final : public Module {
 public:
  Scaled()
      : weight(add_parameter("weight", {3}, Initializer::ones())),
        buffer(add_buffer("buffer", Tensor::full({2}, 2.0F))),
        constant(add_constant(Tensor::full({1}, 5.0F))) {}

  Variable weight;
  Tensor buffer;
  Tensor constant;

 protected:
  Variable forward(const Variable& x) override { return x; }
};

TEST_P(ModuleDeviceTest, EveryHandleMovesWithTheModule) {
  Scaled module;
  module.initialize(1);
  EXPECT_EQ(&module.to(GetParam()), &module);
  EXPECT_EQ(module.weight.device(), GetParam());
  EXPECT_EQ(module.buffer.device(), GetParam());
  EXPECT_EQ(module.constant.device(), GetParam());
  EXPECT_EQ(module.weight.slot()->device, GetParam());
  EXPECT_EQ(module.state_dict().size(), 2U);
  EXPECT_EQ(module.buffer.to(Device{}).span<float>()[1], 2.0F);
  module.load_state_dict({{"weight", Tensor::full({3}, 7.0F)}, {"buffer", Tensor::zeros({2})}});
  EXPECT_EQ(module.weight.value().device(), GetParam());
  module.to(Device{});
  EXPECT_EQ(module.weight.value().span<float>()[2], 7.0F);
}

INSTANTIATE_TEST_SUITE_P(Devices, ModuleDeviceTest, ::testing::ValuesIn(all_devices()),
                         device_name);

}  // namespace
}  // namespace lq::testing
