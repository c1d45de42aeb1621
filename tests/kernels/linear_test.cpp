#include "kernels/linear/linear.h"

#include <limits>
#include <vector>

#include "core/tensor.h"
#include "core/threads.h"
#include "tests/support/backends.h"
#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random.h"
#include "tests/support/staged.h"

namespace lq::testing {
namespace {

using kernels::GradientMode;

constexpr double float_epsilon = std::numeric_limits<float>::epsilon();

struct LinearShape {
  std::int64_t batch, inputs, outputs;

  Shape x() const { return {batch, inputs}; }
  Shape weight() const { return {outputs, inputs}; }
  Shape bias() const { return {outputs}; }
  Shape y() const { return {batch, outputs}; }
};

constexpr LinearShape shapes[] = {{1, 1, 1},    {1, 1, 7},    {2, 9, 1},     {3, 5, 4},
                                  {1, 64, 10},  {16, 64, 10}, {5, 100, 100}, {33, 17, 65},
                                  {2, 1000, 3}, {200, 3, 2}};

Tensor full_of_nan(const Shape& shape) {
  return Tensor::full(shape, std::numeric_limits<float>::quiet_NaN());
}

std::vector<float> values(const Tensor& tensor) {
  const auto span = tensor.span<float>();
  return {span.begin(), span.end()};
}

class LinearKnownAnswerTest : public ::testing::TestWithParam<BackendCase> {
 protected:
  Stream& stream = stream_of(GetParam());
  const Tensor x = Tensor::from(std::vector<float>{1, 10, 100, 2, 20, 200}, {2, 3});
  const Tensor weight = Tensor::from(std::vector<float>{1, 2, 3, 4, 5, 6}, {2, 3});
  const Tensor bias = Tensor::from(std::vector<float>{0.5F, -0.5F}, {2});
  const Tensor grad_y = Tensor::from(std::vector<float>{1, 10, 100, 1000}, {2, 2});
};

TEST_P(LinearKnownAnswerTest, Forward) {
  Tensor y = full_of_nan({2, 2});
  kernels::linear_forward(stream, on(stream, x), on(stream, weight), {}, on(stream, y));
  EXPECT_EQ(values(y), (std::vector<float>{321, 654, 642, 1308}));
  kernels::linear_forward(stream, on(stream, x), on(stream, weight), on(stream, bias),
                          on(stream, y));
  EXPECT_EQ(values(y), (std::vector<float>{321.5F, 653.5F, 642.5F, 1307.5F}));
}

TEST_P(LinearKnownAnswerTest, Backward) {
  Tensor grad_x = full_of_nan({2, 3}), grad_weight = full_of_nan({2, 3});
  Tensor grad_bias = full_of_nan({2});
  kernels::linear_backward_data(stream, on(stream, grad_y), on(stream, weight), on(stream, grad_x),
                                GradientMode::overwrite);
  kernels::linear_backward_weights(stream, on(stream, grad_y), on(stream, x),
                                   on(stream, grad_weight), GradientMode::overwrite);
  kernels::linear_backward_bias(stream, on(stream, grad_y), on(stream, grad_bias),
                                GradientMode::overwrite);
  EXPECT_EQ(values(grad_x), (std::vector<float>{41, 52, 63, 4100, 5200, 6300}));
  EXPECT_EQ(values(grad_weight), (std::vector<float>{201, 2010, 20100, 2010, 20100, 201000}));
  EXPECT_EQ(values(grad_bias), (std::vector<float>{101, 1010}));
}

INSTANTIATE_TEST_SUITE_P(Backends, LinearKnownAnswerTest,
                         ::testing::ValuesIn(uncapped(all_backends())), backend_case_name);

TEST(LinearReferenceTest, GradientsMatchCentralDifferences) {
  const LinearShape shape{3, 5, 4};
  const auto x = to_double(random_normal(shape.x(), 1));
  const auto weight = to_double(random_normal(shape.weight(), 2));
  const auto bias = to_double(random_normal(shape.bias(), 3));
  const auto grad_y = to_double(random_normal(shape.y(), 4));
  const auto loss = [&](const std::vector<double>& x_, const std::vector<double>& weight_,
                        const std::vector<double>& bias_) {
    std::vector<double> y(grad_y.size());
    kernels::reference::linear_forward_loops<double>(
        view_of(x_, shape.x()), view_of(weight_, shape.weight()), view_of(bias_, shape.bias()),
        view_of(y, shape.y()));
    return weighted_sum(grad_y, y);
  };
  std::vector<double> grad_x(x.size()), grad_weight(weight.size()), grad_bias(bias.size());
  const auto grad_y_view = view_of(grad_y, shape.y());
  kernels::reference::linear_backward_data_loops<double>(
      grad_y_view, view_of(weight, shape.weight()), view_of(grad_x, shape.x()),
      GradientMode::overwrite);
  kernels::reference::linear_backward_weights_loops<double>(grad_y_view, view_of(x, shape.x()),
                                                            view_of(grad_weight, shape.weight()),
                                                            GradientMode::overwrite);
  kernels::reference::linear_backward_bias_loops<double>(
      grad_y_view, view_of(grad_bias, shape.bias()), GradientMode::overwrite);
  EXPECT_TRUE(gradient_matches([&](const auto& v) { return loss(v, weight, bias); }, x, grad_x));
  EXPECT_TRUE(
      gradient_matches([&](const auto& v) { return loss(x, v, bias); }, weight, grad_weight));
  EXPECT_TRUE(gradient_matches([&](const auto& v) { return loss(x, weight, v); }, bias, grad_bias));
}

class LinearTest : public ::testing::TestWithParam<BackendCase> {
 protected:
  /// What `run(stream, output)` writes here and by the oracle, from the same start; equal up to
  /// the rounding of float sums over `terms` products of standard normals (random signs).
  template <typename Run>
  void expect_matches_reference(const Tensor& start, std::int64_t terms, Run&& run) {
    Tensor actual = start.clone(), expected = start.clone();
    Stream oracle(Backend::reference);
    run(stream, on(stream, actual));
    run(oracle, on(oracle, expected));
    const double tolerance = 4 * float_epsilon * static_cast<double>(terms + 1);
    EXPECT_TRUE(
        all_close(actual.span<float>(), expected.span<float>(), 4 * float_epsilon, tolerance));
  }

  Stream& stream = stream_of(GetParam());
};

TEST_P(LinearTest, ForwardMatchesReference) {
  for (const LinearShape& shape : shapes) {
    SCOPED_TRACE(shape.x().to_string() + " to " + shape.y().to_string());
    const Tensor x = random_normal(shape.x(), 1), weight = random_normal(shape.weight(), 2),
                 bias = random_normal(shape.bias(), 3);
    const auto without_bias = [&](Stream& of, View<float> y) {
      kernels::linear_forward(of, on(of, x), on(of, weight), {}, y);
    };
    const auto with_bias = [&](Stream& of, View<float> y) {
      kernels::linear_forward(of, on(of, x), on(of, weight), on(of, bias), y);
    };
    expect_matches_reference(full_of_nan(shape.y()), shape.inputs, without_bias);
    expect_matches_reference(full_of_nan(shape.y()), shape.inputs, with_bias);
  }
}

TEST_P(LinearTest, BackwardMatchesReference) {
  for (const LinearShape& shape : shapes) {
    SCOPED_TRACE(shape.x().to_string() + " to " + shape.y().to_string());
    const Tensor x = random_normal(shape.x(), 1), weight = random_normal(shape.weight(), 2),
                 grad_y = random_normal(shape.y(), 3);
    for (const GradientMode mode : {GradientMode::overwrite, GradientMode::accumulate}) {
      const auto start = [&](const Shape& of) {
        return mode == GradientMode::overwrite ? full_of_nan(of) : random_normal(of, 4);
      };
      expect_matches_reference(start(shape.x()), shape.outputs, [&](Stream& of, View<float> out) {
        kernels::linear_backward_data(of, on(of, grad_y), on(of, weight), out, mode);
      });
      expect_matches_reference(
          start(shape.weight()), shape.batch, [&](Stream& of, View<float> out) {
            kernels::linear_backward_weights(of, on(of, grad_y), on(of, x), out, mode);
          });
      expect_matches_reference(start(shape.bias()), 1, [&](Stream& of, View<float> out) {
        kernels::linear_backward_bias(of, on(of, grad_y), out, mode);
      });
    }
  }
}

TEST_P(LinearTest, BiasGradientIsTheSameForAnyNumberOfThreads) {
  const int threads = num_threads();
  const Tensor grad_y = random_normal({1000, 3}, 1);
  std::vector<std::vector<float>> sums;
  for (const int count : {1, 2, 3}) {
    set_num_threads(count);
    Tensor grad_bias({3});
    kernels::linear_backward_bias(stream, on(stream, grad_y), on(stream, grad_bias),
                                  GradientMode::overwrite);
    sums.push_back(values(grad_bias));
  }
  set_num_threads(threads);
  EXPECT_EQ(sums[0], sums[1]);
  EXPECT_EQ(sums[0], sums[2]);
}

TEST_P(LinearTest, RefusesShapesThatDoNotFit) {
  const Device device = stream.device();
  const Tensor x({2, 3}, DType::f32, device), weight({4, 5}, DType::f32, device),
      empty({0, 5}, DType::f32, device);
  Tensor y({2, 4}, DType::f32, device);
  const auto forward = [&](const Tensor& input) {
    return [&] {
      kernels::linear_forward(stream, input.view<float>(), weight.view<float>(), {},
                              y.view<float>());
    };
  };
  EXPECT_TRUE(throws_error(forward(x), "linear_forward: x is 2x3, expected 2x5"));
  EXPECT_TRUE(throws_error(forward(empty), "linear_forward: x is 0x5"));
  EXPECT_TRUE(throws_error(
      [&] {
        kernels::linear_backward_weights(stream, y.view<float>(), x.view<float>(), y.view<float>(),
                                         GradientMode::overwrite);
      },
      "linear_backward_weights: grad_weight is 2x4, expected 4x3"));
}

INSTANTIATE_TEST_SUITE_P(Backends, LinearTest, ::testing::ValuesIn(uncapped(fast_backends())),
                         backend_case_name);

}  // namespace
}  // namespace lq::testing
