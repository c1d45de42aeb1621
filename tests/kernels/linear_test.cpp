#include "kernels/linear/linear.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "core/threads.h"
#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/gradient_check.h"
#include "tests/support/library_cases.h"
#include "tests/support/random.h"
#include "tests/support/staged.h"

#if defined(LQNET_WITH_CUDA)
#include "kernels/linear/linear_library.h"
#endif

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

constexpr const char* choice_variable = "LQNET_CUDA_LINEAR";

/// Why cuBLAS cannot be used; is asked for where there is a GPU.
std::string cublas_failure() {
#if defined(LQNET_WITH_CUDA)
  return kernels::cuda::linear_library().failure;
#else
  return "this build is without CUDA";
#endif
}

std::vector<LibraryCase> linear_cases(const std::vector<BackendCase>& backends) {
  return library_cases(uncapped(backends), "cublas", cublas_failure);
}

class LinearKnownAnswerTest : public ::testing::TestWithParam<LibraryCase> {
 protected:
  const EnvironmentScope choice{choice_variable, GetParam().choice};
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
                         ::testing::ValuesIn(linear_cases(all_backends())), library_case_name);

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

class LinearTest : public ::testing::TestWithParam<LibraryCase> {
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

  const EnvironmentScope choice{choice_variable, GetParam().choice};
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

TEST_P(LinearTest, ResultsAreTheSameEachTime) {
  const LinearShape shape{33, 129, 65};
  const Tensor x = random_normal(shape.x(), 1), weight = random_normal(shape.weight(), 2);
  const auto run = [&] {
    Tensor y = full_of_nan(shape.y());
    kernels::linear_forward(stream, on(stream, x), on(stream, weight), {}, on(stream, y));
    return values(y);
  };
  const auto first = run();
  for (int repeat = 0; repeat < 3; ++repeat) EXPECT_EQ(run(), first);
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

INSTANTIATE_TEST_SUITE_P(Backends, LinearTest, ::testing::ValuesIn(linear_cases(fast_backends())),
                         library_case_name);

#if defined(LQNET_WITH_CUDA)
class CudaLinearLibraryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_cuda_device()) GTEST_SKIP() << "no CUDA device";
  }

  std::vector<float> forward(Stream& stream) const {
    Tensor y = full_of_nan({64, 64});
    kernels::linear_forward(stream, on(stream, x), on(stream, weight), {}, on(stream, y));
    return values(y);
  }
  std::vector<float> forward() const { return forward(current_stream({DeviceType::cuda, 0})); }
  /// The largest difference to the oracle.
  double error(const std::vector<float>& actual) const {
    Stream oracle(Backend::reference);
    const std::vector<float> expected = forward(oracle);
    double most = 0;
    for (std::size_t i = 0; i < actual.size(); ++i) {
      most = std::max(most, std::abs(static_cast<double>(actual[i]) - expected[i]));
    }
    return most;
  }

  const Tensor x = random_normal({64, 64}, 1), weight = random_normal({64, 64}, 2);
};

TEST_F(CudaLinearLibraryTest, cuda_DoesWhatIsAskedFor) {
  const std::string failure = cublas_failure();
  const auto with = [&](const char* choice) {
    const EnvironmentScope scope(choice_variable, choice);
    EXPECT_LT(error(forward()), 64 * 4 * float_epsilon);
    return kernels::cuda::linear_implementation();
  };
  EXPECT_EQ(with("own"), "own kernels");
  if (failure.empty()) {
    EXPECT_TRUE(with(nullptr).starts_with("cuBLAS 13."));
    EXPECT_EQ(with("cublas"), with(nullptr));
  } else {
    EXPECT_EQ(with(nullptr), "own kernels (" + failure + ")");
    EXPECT_TRUE(throws_error([&] { with("cublas"); }, "LQNET_CUDA_LINEAR is cublas: " + failure));
  }
  EXPECT_TRUE(
      throws_error([&] { with("other"); }, "LQNET_CUDA_LINEAR is 'other', expected own or cublas"));
}

TEST_F(CudaLinearLibraryTest, cuda_RoundsFactorsOnlyWhereItMay) {
  if (const std::string failure = cublas_failure(); !failure.empty()) GTEST_SKIP() << failure;
  const EnvironmentScope choice(choice_variable, "cublas");
  const std::vector<float> exact = forward();
  EXPECT_LT(error(exact), 64 * 4 * float_epsilon);
  for (const char* const precision : {"tf32", "fp16"}) {
    const EnvironmentScope scope("LQNET_CUDA_PRECISION", precision);
    const std::vector<float> rounded = forward();
    EXPECT_NE(rounded, exact) << precision;
    // 64 products of numbers below 5, both factors rounded to 11 bits.
    EXPECT_LT(error(rounded), 64 * 25 * 2 * 0x1p-11) << precision;
  }
}
#endif

}  // namespace
}  // namespace lq::testing
