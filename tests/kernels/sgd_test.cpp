#include "kernels/sgd/sgd.h"

#include <limits>
#include <vector>

#include "core/tensor.h"
#include "tests/support/backends.h"
#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/random.h"
#include "tests/support/staged.h"

namespace lq::testing {
namespace {

using kernels::SgdOptions;
using kernels::SgdParameter;

/// A parameter with its velocity, and the same in double.
struct Trained {
  Trained(const Shape& shape, bool decay_, std::uint64_t seed)
      : value(random_normal(shape, seed)),
        velocity(Tensor::zeros(shape)),
        decay(decay_),
        expected_value(to_double(value)),
        expected_velocity(expected_value.size(), 0.0) {}

  void move_to(Device device) {
    value.move_to(device);
    velocity.move_to(device);
  }

  void expect_step(const Tensor& gradient, const SgdOptions& options) {
    const auto gradients = to_double(gradient);
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      double& w = expected_value[i];
      double& v = expected_velocity[i];
      const double g =
          options.gradient_scale * gradients[i] + (decay ? options.weight_decay * w : 0.0);
      v = options.momentum * v + g;
      if (options.nesterov) {
        w = w - options.learning_rate * (g + options.momentum * v);
      } else {
        w = w - options.learning_rate * v;
      }
    }
  }

  Tensor value, velocity;
  bool decay;
  std::vector<double> expected_value, expected_velocity;
};

class SgdTest : public ::testing::TestWithParam<BackendCase> {
 protected:
  void expect_steps_match(const SgdOptions& options) {
    // Sizes around the edges of a chunk, a scalar, and an empty one among them.
    expect_steps_match({{3, 5, 7}, {}, {16384}, {0, 4}, {16385}, {2, 40000}}, 5, options);
  }

  void expect_steps_match(const std::vector<Shape>& shapes, std::uint64_t steps,
                          const SgdOptions& options) {
    std::vector<Trained> parameters;
    for (std::uint64_t i = 0; i < shapes.size(); ++i) {
      parameters.emplace_back(shapes[i], i % 2 == 0, i);
    }
    for (std::uint64_t step = 0; step < steps; ++step) {
      std::vector<Tensor> gradients;
      std::vector<SgdParameter> views;
      for (Trained& parameter : parameters) parameter.move_to(stream.device());
      for (Trained& parameter : parameters) {
        const Shape& shape = parameter.value.shape();
        const Tensor gradient = random_normal(shape, 100 + 10 * step + views.size());
        parameter.expect_step(gradient, options);
        gradients.push_back(gradient.to(stream.device()));
        views.push_back({parameter.value.view<float>(),
                         static_cast<const Tensor&>(gradients.back()).view<float>(),
                         parameter.velocity.view<float>(), parameter.decay});
      }
      kernels::sgd_step(stream, views, options);
      for (Trained& parameter : parameters) parameter.move_to(Device{});
    }
    // Numbers of size 4 at most, each rounded a few times in each of five steps.
    const double tolerance = 5 * 4 * 4 * std::numeric_limits<float>::epsilon();
    for (const Trained& parameter : parameters) {
      EXPECT_TRUE(all_close(parameter.value.span<float>(), parameter.expected_value, 0, tolerance));
      EXPECT_TRUE(
          all_close(parameter.velocity.span<float>(), parameter.expected_velocity, 0, tolerance));
    }
  }

  Stream& stream = stream_of(GetParam());
};

TEST_P(SgdTest, TwoStepsByHand) {
  Tensor value = Tensor::full({1}, 1.0F), velocity = Tensor::zeros({1});
  const Tensor gradient = Tensor::full({1}, 2.0F);
  const auto step = [&] {
    auto own_value = on(stream, value), own_velocity = on(stream, velocity);
    const auto own_gradient = on(stream, gradient);
    const SgdParameter parameter{own_value, own_gradient, own_velocity};
    kernels::sgd_step(stream, {&parameter, 1}, {.learning_rate = 0.25, .momentum = 0.5});
  };
  step();
  EXPECT_EQ(velocity.span<float>()[0], 2.0F);
  EXPECT_EQ(value.span<float>()[0], 0.5F);
  step();
  EXPECT_EQ(velocity.span<float>()[0], 3.0F);
  EXPECT_EQ(value.span<float>()[0], -0.25F);
}

TEST_P(SgdTest, Plain) { expect_steps_match({.learning_rate = 0.1, .momentum = 0.0}); }

TEST_P(SgdTest, MomentumAndDecay) {
  expect_steps_match({.learning_rate = 0.1, .momentum = 0.9, .weight_decay = 0.01});
}

TEST_P(SgdTest, NesterovAndDecay) {
  expect_steps_match(
      {.learning_rate = 0.05, .momentum = 0.9, .weight_decay = 0.02, .nesterov = true});
}

TEST_P(SgdTest, GradientsAreScaledAndDecayIsNot) {
  for (const bool nesterov : {false, true}) {
    expect_steps_match({.learning_rate = 0.1,
                        .momentum = 0.9,
                        .weight_decay = 0.01,
                        .nesterov = nesterov,
                        .gradient_scale = 1.25});
  }
}

// A device takes them in groups, which are larger where there are many.
TEST_P(SgdTest, ManyParameters) {
  for (const std::size_t count : {96, 97, 512, 1100}) {
    std::vector<Shape> shapes(count, Shape{3});
    shapes.front() = {};
    shapes.back() = {2049};
    expect_steps_match(shapes, 1, {.learning_rate = 0.1, .weight_decay = 0.01});
  }
}

// Slices of which few fit accesses of four values.
TEST_P(SgdTest, ParametersThatAreNotAligned) {
  constexpr std::int64_t count = 9, elements = 13;
  const Shape shape{count, elements};
  Tensor value = random_normal(shape, 1), velocity = random_normal(shape, 2);
  const Tensor gradient = random_normal(shape, 3);
  const auto before_value = to_double(value), before_velocity = to_double(velocity);
  const SgdOptions options{.learning_rate = 0.5, .momentum = 0.9, .weight_decay = 0.1};
  {
    auto own_value = on(stream, value), own_velocity = on(stream, velocity);
    const auto own_gradient = on(stream, gradient);
    const SgdParameter whole{own_value, own_gradient, own_velocity};
    std::vector<SgdParameter> rows;
    for (std::int64_t row = 0; row < count; ++row) {
      const auto part = [&](auto view) {
        return decltype(view)(view.data + row * elements, {elements}, view.device);
      };
      rows.push_back({part(whole.value), part(whole.gradient), part(whole.velocity), row % 2 == 0});
    }
    kernels::sgd_step(stream, rows, options);
  }
  for (std::int64_t i = 0; i < shape.elements(); ++i) {
    const bool decay = i / elements % 2 == 0;
    const double g = gradient.span<float>()[i] + (decay ? 0.1 * before_value[i] : 0.0);
    const double v = 0.9 * before_velocity[i] + g;
    EXPECT_NEAR(velocity.span<float>()[i], v, 1e-6) << i;
    EXPECT_NEAR(value.span<float>()[i], before_value[i] - 0.5 * v, 1e-6) << i;
  }
}

TEST_P(SgdTest, RefusesOptionsOutOfRange) {
  const auto step = [&](const SgdOptions& options) {
    return [this, options] { kernels::sgd_step(stream, {}, options); };
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(throws_error(step({.learning_rate = -0.1}), "learning rate -0.1"));
  EXPECT_TRUE(throws_error(step({.learning_rate = nan}), "learning rate nan"));
  EXPECT_TRUE(throws_error(step({.gradient_scale = nan}), "gradient scale nan"));
  EXPECT_TRUE(throws_error(step({.momentum = 1.0}), "momentum 1"));
  EXPECT_TRUE(throws_error(step({.weight_decay = infinity}), "weight decay inf"));
  EXPECT_NO_THROW(step({})());
}

TEST_P(SgdTest, RefusesViewsThatDoNotFit) {
  const Device device = stream.device();
  Tensor value({4}, DType::f32, device), velocity({4}, DType::f32, device);
  const Tensor gradient({5}, DType::f32, device);
  const SgdParameter parameter{value.view<float>(), gradient.view<float>(), velocity.view<float>()};
  EXPECT_TRUE(throws_error(
      [&] {
        kernels::sgd_step(stream, {&parameter, 1}, {});
      },
      "sgd_step: gradient is 5, expected 4"));
}

INSTANTIATE_TEST_SUITE_P(Backends, SgdTest, ::testing::ValuesIn(uncapped(all_backends())),
                         backend_case_name);

}  // namespace
}  // namespace lq::testing
