#include "kernels/tanh_normalize/tanh_normalize.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "core/tensor.h"
#include "core/threads.h"
#include "tests/kernels/views.h"
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
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();
const Shape several_chunks{3, 9'001};

/// The formula, in double.
std::vector<double> formula(const std::vector<double>& x) {
  double maximum = 0;
  for (const double value : x) maximum = std::max(maximum, std::abs(std::tanh(value)));
  std::vector<double> y;
  for (const double value : x) y.push_back(maximum > 0 ? std::tanh(value) / maximum : 0.0);
  return y;
}

Tensor full_of_nan(const Shape& shape) { return Tensor::full(shape, not_a_number); }

TEST(TanhNormalizeReferenceTest, GradientMatchesCentralDifferences) {
  for (const std::int64_t n : {1, 2, 17}) {
    const auto x = to_double(random_normal({n}, 3));
    const auto grad_y = to_double(random_normal({n}, 4));
    std::vector<double> squashed(n), y(n);
    kernels::reference::tanh_normalize_forward_loops<double>(
        view_of(x, {n}), view_of(squashed, {n}), view_of(y, {n}));
    std::vector<double> grad_x(n, std::numeric_limits<double>::quiet_NaN());
    kernels::reference::tanh_normalize_backward_loops<double>(
        view_of(grad_y, {n}), view_of(std::as_const(squashed), {n}), view_of(grad_x, {n}),
        GradientMode::overwrite);
    const auto loss = [&](const auto& v) { return weighted_sum(grad_y, formula(v)); };
    EXPECT_TRUE(gradient_matches(loss, x, grad_x)) << n << " elements";
  }
}

class TanhNormalizeTest : public ::testing::TestWithParam<BackendCase> {
 protected:
  struct Results {
    Tensor squashed, y;
  };
  Results run(const Tensor& x) {
    Results results{full_of_nan(x.shape()), full_of_nan(x.shape())};
    kernels::tanh_normalize_forward(stream, on(stream, x), on(stream, results.squashed),
                                    on(stream, results.y));
    return results;
  }
  Tensor forward(const Tensor& x) { return run(x).y; }
  void backward(const Tensor& grad_y, const Tensor& x, Tensor& grad_x, GradientMode mode) {
    const Tensor squashed = run(x).squashed;
    kernels::tanh_normalize_backward(stream, on(stream, grad_y), on(stream, squashed),
                                     on(stream, grad_x), mode);
  }

  Stream& stream = stream_of(GetParam());
};

TEST_P(TanhNormalizeTest, FollowsTheFormula) {
  for (const Shape& shape : {Shape{1}, Shape{3, 3, 5, 7}, several_chunks}) {
    const Tensor x = random_normal(shape, 1);
    const Results results = run(x);
    // One tanh, one quotient and two roundings.
    EXPECT_TRUE(all_close(results.y.span<float>(), formula(to_double(x)), 4 * float_epsilon, 0));
    for (std::int64_t i = 0; i < shape.elements(); ++i) {
      const double squashed = std::tanh(static_cast<double>(x.data<float>()[i]));
      ASSERT_NEAR(results.squashed.data<float>()[i], squashed, float_epsilon) << i;
    }
  }
}

TEST_P(TanhNormalizeTest, ResultsDoNotDependOnTheNumberOfThreads) {
  const Tensor x = random_normal(several_chunks, 8), grad_y = random_normal(several_chunks, 9);
  const int before = num_threads();
  set_num_threads(1);
  const Tensor alone = forward(x);
  Tensor gradient_alone(several_chunks);
  backward(grad_y, x, gradient_alone, GradientMode::overwrite);
  for (const int threads : {2, 3, 8}) {
    set_num_threads(threads);
    EXPECT_TRUE(all_close(forward(x).span<float>(), alone.span<float>(), 0, 0));
    Tensor gradient(several_chunks);
    backward(grad_y, x, gradient, GradientMode::overwrite);
    EXPECT_TRUE(all_close(gradient.span<float>(), gradient_alone.span<float>(), 0, 0));
  }
  set_num_threads(before);
}

TEST_P(TanhNormalizeTest, OneNonFiniteValueMakesEverythingNan) {
  for (const Shape& shape : {Shape{1}, Shape{5}, several_chunks}) {
    const std::int64_t last = shape.elements() - 1;
    for (const std::int64_t at : {std::int64_t{0}, last / 2, last}) {
      for (const float bad : {not_a_number, infinity, -infinity}) {
        Tensor x = random_normal(shape, 10);
        x.data<float>()[at] = bad;
        Tensor gradient = Tensor::zeros(shape);
        backward(random_normal(shape, 11), x, gradient, GradientMode::overwrite);
        const auto is_nan = [](float value) { return std::isnan(value); };
        EXPECT_TRUE(std::ranges::all_of(forward(x).span<float>(), is_nan)) << bad << " at " << at;
        EXPECT_TRUE(std::ranges::all_of(gradient.span<float>(), is_nan)) << bad << " at " << at;
      }
    }
  }
}

TEST_P(TanhNormalizeTest, TheLargestMagnitudeBecomesOne) {
  const Tensor y = forward(Tensor::from(std::vector{0.1F, -2.0F, 1.9F}, {3}));
  EXPECT_EQ(y.span<float>()[1], -1.0F);
  EXPECT_LT(y.span<float>()[2], 1.0F);
}

TEST_P(TanhNormalizeTest, DegenerateInputStaysFinite) {
  const Tensor zeros = Tensor::zeros({5});
  EXPECT_TRUE(all_close(forward(zeros).span<float>(), std::vector(5, 0.0), 0, 0));
  Tensor gradient = full_of_nan({5});
  backward(Tensor::full({5}, 1.0F), zeros, gradient, GradientMode::overwrite);
  EXPECT_TRUE(all_close(gradient.span<float>(), std::vector(5, 0.0), 0, 0));

  EXPECT_TRUE(
      all_close(forward(Tensor::full({3}, 1e30F)).span<float>(), std::vector(3, 1.0), 0, 0));
  EXPECT_TRUE(
      all_close(forward(Tensor::full({3}, -1e-44F)).span<float>(), std::vector(3, -1.0), 0, 0));
  EXPECT_EQ(forward(Tensor({0})).elements(), 0);
}

TEST_P(TanhNormalizeTest, GradientModes) {
  const Shape shape{4, 3, 3, 2};
  const Tensor x = random_normal(shape, 5), grad_y = random_normal(shape, 6);
  const auto loss = [&](const auto& v) { return weighted_sum(to_double(grad_y), formula(v)); };
  // The way through the maximum adds all 72 gradients up in single precision steps.
  const GradientCheckOptions single{.step = 1e-5, .tolerance = 72 * float_epsilon};
  Tensor written = full_of_nan(shape);
  backward(grad_y, x, written, GradientMode::overwrite);
  EXPECT_TRUE(gradient_matches(loss, to_double(x), to_double(written), single));

  const Tensor start = random_normal(shape, 7);
  Tensor added = start.clone();
  backward(grad_y, x, added, GradientMode::accumulate);
  for (std::int64_t i = 0; i < shape.elements(); ++i) {
    EXPECT_EQ(added.data<float>()[i], start.data<float>()[i] + written.data<float>()[i]);
  }
  kernels::tanh_normalize_backward(stream, on(stream, grad_y), on(stream, x), {},
                                   GradientMode::ignore);
}

TEST_P(TanhNormalizeTest, GradientOfSeveralChunks) {
  // Against the loops in double, which central differences have judged.
  const Tensor x = random_normal(several_chunks, 12), grad_y = random_normal(several_chunks, 13);
  Tensor gradient = full_of_nan(several_chunks);
  backward(grad_y, x, gradient, GradientMode::overwrite);
  const auto exact_x = to_double(x), exact_grad_y = to_double(grad_y);
  std::vector<double> squashed(exact_x.size()), y(exact_x.size()), exact(exact_x.size());
  kernels::reference::tanh_normalize_forward_loops<double>(view_of(exact_x, several_chunks),
                                                           view_of(squashed, several_chunks),
                                                           view_of(y, several_chunks));
  kernels::reference::tanh_normalize_backward_loops<double>(
      view_of(exact_grad_y, several_chunks), view_of(std::as_const(squashed), several_chunks),
      view_of(exact, several_chunks), GradientMode::overwrite);
  // 1 - tanh^2 cancels to an absolute rounding or two. It multiplies, at the maximum, a sum of
  // 27003 gradients, of some 200 by their deviations.
  EXPECT_TRUE(all_close(gradient.span<float>(), exact, 8 * float_epsilon, 1e-4));
}

TEST_P(TanhNormalizeTest, TheFirstOfEqualMaximaCarriesTheGradient) {
  const Tensor x = Tensor::from(std::vector{0.5F, -1.0F, 1.0F}, {3});
  const Tensor grad_y = Tensor::from(std::vector{1.0F, 0.0F, 0.0F}, {3});
  Tensor gradient({3});
  backward(grad_y, x, gradient, GradientMode::overwrite);
  const double top = std::tanh(1.0), slope_top = 1 - top * top;
  const double half = std::tanh(0.5), slope_half = 1 - half * half;
  // d(half / top) / d|x1| = -half / top^2 * slope, and x1 is negative.
  EXPECT_TRUE(all_close(gradient.span<float>(),
                        std::vector{slope_half / top, half / (top * top) * slope_top, 0.0}, 1e-6,
                        0));
}

TEST_P(TanhNormalizeTest, RefusesViewsThatDoNotFit) {
  const Device device = stream.device();
  const Tensor input({4}, DType::f32, device);
  Tensor output({4}, DType::f32, device), longer({5}, DType::f32, device);
  const ConstView<float> x = input.view<float>();
  const View<float> y = output.view<float>(), five = longer.view<float>();
  const auto forward = [this](ConstView<float> from, View<float> squashed, View<float> to,
                              std::string_view message) {
    return throws_error([&] { kernels::tanh_normalize_forward(stream, from, squashed, to); },
                        message);
  };
  EXPECT_TRUE(forward({}, y, y, "tanh_normalize_forward: x is absent"));
  EXPECT_TRUE(forward(elsewhere(x), y, y,
                      fmt::format("tanh_normalize_forward: x is on cuda:7, expected {}", device)));
  EXPECT_TRUE(forward(x, {}, y, "tanh_normalize_forward: squashed is absent, expected 4"));
  EXPECT_TRUE(forward(x, five, y, "tanh_normalize_forward: squashed is 5, expected 4"));
  EXPECT_TRUE(forward(x, y, {}, "tanh_normalize_forward: y is absent, expected 4"));
  EXPECT_TRUE(forward(x, y, five, "tanh_normalize_forward: y is 5, expected 4"));

  const auto backward = [this](ConstView<float> grad_y, ConstView<float> squashed,
                               View<float> grad_x, std::string_view message) {
    return throws_error(
        [&] {
          kernels::tanh_normalize_backward(stream, grad_y, squashed, grad_x,
                                           GradientMode::overwrite);
        },
        message);
  };
  EXPECT_TRUE(backward(x, {}, y, "tanh_normalize_backward: squashed is absent"));
  EXPECT_TRUE(backward({}, x, y, "tanh_normalize_backward: grad_y is absent, expected 4"));
  EXPECT_TRUE(backward(elsewhere(x), x, y, "tanh_normalize_backward: grad_y is on cuda:7"));
  EXPECT_TRUE(backward(x, x, five, "tanh_normalize_backward: grad_x is 5, expected 4"));
  EXPECT_TRUE(backward(x, x, {}, "tanh_normalize_backward: grad_x is absent, expected 4"));
}

TEST_P(TanhNormalizeTest, ViewsNeedNoAlignment) {
  const Tensor x = random_normal({3, 41}, 6);
  Tensor squashed(x.shape()), y(x.shape());
  kernels::tanh_normalize_forward(stream, on(stream, x), on(stream, squashed), on(stream, y));
  Unaligned from(stream, x), unaligned_squashed(stream, x), unaligned_y(stream, x);
  kernels::tanh_normalize_forward(stream, from.view(), unaligned_squashed.view(),
                                  unaligned_y.view());
  EXPECT_TRUE(all_close(unaligned_squashed.host().span<float>(), squashed.span<float>(), 0, 0));
  EXPECT_TRUE(all_close(unaligned_y.host().span<float>(), y.span<float>(), 0, 0));
}

INSTANTIATE_TEST_SUITE_P(Backends, TanhNormalizeTest, ::testing::ValuesIn(uncapped(all_backends())),
                         backend_case_name);

}  // namespace
}  // namespace lq::testing
