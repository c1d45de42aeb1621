// How the weights of the networks for ImageNet start (spec section 4).

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "models/model.h"
#include "tests/support/random.h"
#include "tests/support/small_input.h"

namespace lq::testing {
namespace {

struct Start {
  double deviation = 0.0;
  bool is_truncated = true;  ///< at two deviations of the normal distribution that it is cut from
};

/// tf.contrib's variance scaling with factor 2.
Start variance_scaling(std::int64_t fan) { return {std::sqrt(2.0 / static_cast<double>(fan))}; }

/// Of O H W I, or O I.
Start fan_in(const std::string&, const Shape& weights) {
  return variance_scaling(weights.elements() / weights[0]);
}

Start fan_out(const std::string& name, const Shape& weights) {
  return name == "fc.weight" ? fan_in(name, weights)
                             : variance_scaling(weights.elements() / weights[-1]);
}

Start alexnet(const std::string& name, const Shape&) {
  const bool is_narrow = name == "fc6.weight" || name == "fc7.weight";
  return {is_narrow ? 0.005 : 0.01, false};
}

void expect_start(const Parameter& parameter, const Start& expected) {
  const std::vector<double> values = to_double(parameter.variable.value());
  const auto n = static_cast<double>(values.size());
  double squares = 0;
  double largest = 0;
  for (const double value : values) {
    squares += value * value;
    largest = std::max(largest, std::abs(value));
  }
  // Five standard errors of a normal distribution's deviation, and 0.3 % by which the truncated one
  // misses sqrt(2 / n).
  const double ratio = std::sqrt(squares / n) / expected.deviation;
  EXPECT_NEAR(ratio, 1.0, 0.003 + 5 / std::sqrt(2 * n)) << parameter.name;
  const double cut = 2 * std::sqrt(1.3) * expected.deviation;
  if (expected.is_truncated) {
    EXPECT_LE(largest, cut * (1 + 1e-6)) << parameter.name;
  } else if (n > 10'000) {
    EXPECT_GT(largest, 3 * expected.deviation) << parameter.name;
  }
}

struct InitializationCase {
  std::string model;
  std::function<Start(const std::string&, const Shape&)> weights;
};

TEST(InitializationTest, EveryParameterOfTheNetworksForImageNet) {
  const std::vector<InitializationCase> cases = {
      {"alexnet", alexnet},  {"vgg-variant", fan_in},       {"resnet18", fan_out},
      {"resnet50", fan_out}, {"googlenet-variant", fan_in}, {"densenet121", fan_in}};
  for (const InitializationCase& c : cases) {
    for (const int a_bits : {2, 32}) {
      if (a_bits == 32 && !c.model.starts_with("resnet")) continue;  // the same network
      SCOPED_TRACE(c.model);
      const auto model = make_model(c.model, {.a_bits = a_bits, .input = small_input(c.model)});
      model->initialize(7);
      const bool is_post_activation = c.model.starts_with("resnet") && a_bits == 32;
      for (const Parameter& parameter : model->parameters()) {
        if (parameter.decay) {
          expect_start(parameter, c.weights(parameter.name, parameter.variable.shape()));
          continue;
        }
        // The last normalization of a block is called bn, that of a shortcut shortcut_bn.
        const bool is_last_gamma = parameter.name.ends_with(".bn.gamma") &&
                                   parameter.name.find("act") == std::string::npos;
        const bool is_one =
            parameter.name.ends_with("gamma") && !(is_post_activation && is_last_gamma);
        for (const float value : parameter.variable.value().span<float>()) {
          ASSERT_EQ(value, is_one ? 1.0F : 0.0F) << parameter.name;
        }
      }
    }
  }
}

TEST(InitializationTest, BlocksOfThePostActivationFormStartAsTheirShortcuts) {
  const auto model = make_model("resnet50", {.a_bits = 32, .input = {32, 32, 3}});
  int zero_gammas = 0;
  for (const Parameter& parameter : model->parameters()) {
    zero_gammas +=
        parameter.initializer.kind == Initializer::Kind::zeros && parameter.name.ends_with("gamma")
            ? 1
            : 0;
  }
  EXPECT_EQ(zero_gammas, 3 + 4 + 6 + 3);
}

}  // namespace
}  // namespace lq::testing
