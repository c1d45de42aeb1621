#include "kernels/pool/pool.h"

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
using kernels::Padding;
using kernels::PoolOptions;

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr GradientMode writing_modes[] = {GradientMode::overwrite, GradientMode::accumulate};

struct PoolCase {
  Shape x;
  PoolOptions options;

  Shape y() const { return kernels::pool_output_shape("test", x, options); }
  std::string to_string() const {
    return fmt::format("x {}, kernel {}, stride {}, y {}", x.to_string(), options.kernel,
                       options.stride, y().to_string());
  }
};

// Overlapping and distant windows, rows and columns that no window covers, asymmetric padding,
// one pixel, batch 1, and channels around the widths of vectors.
std::vector<PoolCase> fixed_cases() {
  return {{{2, 8, 8, 16}, {}},
          {{1, 1, 1, 1}, {1, 1}},
          {{1, 1, 1, 3}, {3, 2, Padding::same()}},
          {{3, 7, 5, 5}, {2, 2}},
          {{2, 9, 8, 17}, {2, 3}},
          {{1, 12, 10, 64}, {3, 2, Padding::same()}},
          {{2, 11, 14, 33}, {3, 2, Padding::same()}},
          {{1, 6, 6, 47}, {3, 1, Padding::same()}},
          {{1, 17, 19, 7}, {16, 5}},
          {{2, 5, 6, 31}, {4, 3, Padding::explicit_sides(3, 0, 1, 2)}}};
}

std::vector<PoolCase> random_cases() {
  Rng rng(17, RngPurpose::test);
  std::vector<PoolCase> cases;
  while (cases.size() < 40) {
    const std::int64_t kernel = random_integer(rng, 1, 5);
    const auto side = [&] { return random_integer(rng, 0, kernel - 1); };
    const std::int64_t top = side(), bottom = side(), left = side(), right = side();
    const Padding paddings[] = {Padding::same(), Padding::valid(),
                                Padding::explicit_sides(top, bottom, left, right)};
    const auto extent = [&] { return random_integer(rng, kernel, 12); };
    const std::int64_t n = random_integer(rng, 1, 3), h = extent(), w = extent();
    cases.push_back({{n, h, w, random_integer(rng, 1, 40)},
                     {kernel, random_integer(rng, 1, 4), paddings[random_integer(rng, 0, 2)]}});
  }
  return cases;
}

std::vector<PoolCase> all_cases() {
  std::vector<PoolCase> cases = fixed_cases();
  for (const PoolCase& random : random_cases()) cases.push_back(random);
  return cases;
}

/// The fixed cases with two channels, for checks whose time grows with the square of the size.
std::vector<PoolCase> small_cases() {
  std::vector<PoolCase> cases = fixed_cases();
  for (PoolCase& pool : cases) pool.x = {1, pool.x[1], pool.x[2], 2};
  return cases;
}

/// Numbers of which many are equal, so that ties are common.
Tensor random_ties(const Shape& shape, std::uint64_t seed) {
  Rng rng(seed, RngPurpose::test);
  Tensor tensor(shape);
  for (float& value : tensor.span<float>()) {
    value = static_cast<float>(random_integer(rng, -3, 3));
  }
  return tensor;
}

/// What a backward call finds in its output: garbage that must go, or a gradient that must stay.
Tensor initial_gradient(const Shape& shape, GradientMode mode) {
  return mode == GradientMode::overwrite ? Tensor::full(shape, nan) : random_normal(shape, 99);
}

class PoolTest : public ::testing::TestWithParam<BackendCase> {
 protected:
  Stream& stream = stream_of(GetParam());
  IsaCap cap{GetParam().isa};
};

TEST_P(PoolTest, MaxEqualsReference) {
  for (const PoolCase& pool : all_cases()) {
    SCOPED_TRACE(pool.to_string());
    const Tensor x = random_ties(pool.x, 1);
    Tensor y = Tensor::full(pool.y(), nan), expected_y(pool.y());
    Tensor argmax(pool.y(), DType::u8), expected_argmax(pool.y(), DType::u8);
    kernels::max_pool_forward(stream, on(stream, x), on(stream, y),
                              on<std::uint8_t>(stream, argmax), pool.options);
    kernels::reference::max_pool_forward_loops<float>(x.view<float>(), expected_y.view<float>(),
                                                      expected_argmax.view<std::uint8_t>(),
                                                      pool.options);
    EXPECT_TRUE(all_close(y.span<float>(), expected_y.span<float>(), 0, 0));
    EXPECT_TRUE(all_close(argmax.span<std::uint8_t>(), expected_argmax.span<std::uint8_t>(), 0, 0));

    y = Tensor::full(pool.y(), nan);
    kernels::max_pool_forward(stream, on(stream, x), on(stream, y), {}, pool.options);
    EXPECT_TRUE(all_close(y.span<float>(), expected_y.span<float>(), 0, 0)) << "without argmax";
  }
}

// Both add the gradients of the windows of a pixel in the same order: equal to the last bit.
TEST_P(PoolTest, MaxBackwardEqualsReference) {
  for (const PoolCase& pool : all_cases()) {
    SCOPED_TRACE(pool.to_string());
    const Tensor x = random_ties(pool.x, 2);
    const Tensor grad_y = random_normal(pool.y(), 3);
    Tensor y(pool.y()), argmax(pool.y(), DType::u8);
    kernels::reference::max_pool_forward_loops<float>(x.view<float>(), y.view<float>(),
                                                      argmax.view<std::uint8_t>(), pool.options);
    for (const GradientMode mode : writing_modes) {
      Tensor grad_x = initial_gradient(pool.x, mode);
      Tensor expected = grad_x.clone();
      const Tensor& winners = argmax;
      kernels::max_pool_backward(stream, on(stream, grad_y), on<std::uint8_t>(stream, winners),
                                 on(stream, grad_x), pool.options, mode);
      kernels::reference::max_pool_backward_loops<float>(
          grad_y.view<float>(), winners.view<std::uint8_t>(), expected.view<float>(), pool.options,
          mode);
      EXPECT_TRUE(all_close(grad_x.span<float>(), expected.span<float>(), 0, 0));
    }
  }
}

// At most 256 terms of about 1, in the same order: only the division may round differently.
TEST_P(PoolTest, AverageMatchesReference) {
  for (const PoolCase& pool : all_cases()) {
    SCOPED_TRACE(pool.to_string());
    const Tensor x = random_normal(pool.x, 4);
    const Tensor grad_y = random_normal(pool.y(), 5);
    Tensor y = Tensor::full(pool.y(), nan), expected_y(pool.y());
    kernels::average_pool_forward(stream, on(stream, x), on(stream, y), pool.options);
    kernels::reference::average_pool_forward_loops<float>(x.view<float>(), expected_y.view<float>(),
                                                          pool.options);
    EXPECT_TRUE(all_close(y.span<float>(), expected_y.span<float>(), 1e-6, 1e-6));
    for (const GradientMode mode : writing_modes) {
      Tensor grad_x = initial_gradient(pool.x, mode);
      Tensor expected = grad_x.clone();
      kernels::average_pool_backward(stream, on(stream, grad_y), on(stream, grad_x), pool.options,
                                     mode);
      kernels::reference::average_pool_backward_loops<float>(
          grad_y.view<float>(), expected.view<float>(), pool.options, mode);
      EXPECT_TRUE(all_close(grad_x.span<float>(), expected.span<float>(), 1e-6, 1e-6));
    }
  }
}

// The oracle is the double instance: the fast version sums in double and rounds once.
TEST_P(PoolTest, GlobalAverageMatchesReference) {
  for (const Shape& shape : {Shape{1, 1, 1, 1}, Shape{3, 8, 8, 64}, Shape{2, 7, 5, 33},
                             Shape{1, 1, 9, 130}, Shape{5, 56, 1, 3}}) {
    SCOPED_TRACE(shape.to_string());
    const Shape y_shape{shape[0], shape[3]};
    const Tensor x = random_normal(shape, 6);
    const Tensor grad_y = random_normal(y_shape, 7);
    const std::vector<double> x_double = to_double(x);
    std::vector<double> expected_y(y_shape.elements());
    Tensor y = Tensor::full(y_shape, nan);
    kernels::global_average_pool_forward(stream, on(stream, x), on(stream, y));
    kernels::reference::global_average_pool_forward_loops<double>(view_of(x_double, shape),
                                                                  view_of(expected_y, y_shape));
    EXPECT_TRUE(all_close(y.span<float>(), expected_y, 1e-7, 1e-12));
    for (const GradientMode mode : writing_modes) {
      Tensor grad_x = initial_gradient(shape, mode);
      Tensor expected = grad_x.clone();
      kernels::global_average_pool_backward(stream, on(stream, grad_y), on(stream, grad_x), mode);
      kernels::reference::global_average_pool_backward_loops<float>(grad_y.view<float>(),
                                                                    expected.view<float>(), mode);
      EXPECT_TRUE(all_close(grad_x.span<float>(), expected.span<float>(), 1e-6, 1e-6));
    }
  }
}

TEST_P(PoolTest, MaxKnownAnswers) {
  // One channel, 3 x 4; SAME 2/2 leaves one row of padding at the bottom.
  const Tensor x = Tensor::from<float>(
      std::vector<float>{-1, -2, -5, -4, -3, -1, -4, -6, -7, -8, -9, -9}, {1, 3, 4, 1});
  Tensor y({1, 2, 2, 1}), argmax({1, 2, 2, 1}, DType::u8), grad_x({1, 3, 4, 1});
  const PoolOptions options{2, 2, Padding::same()};
  kernels::max_pool_forward(stream, on(stream, x), on(stream, y), on<std::uint8_t>(stream, argmax),
                            options);
  // Padding never wins over negative pixels, and of equal ones the first wins.
  EXPECT_TRUE(all_close(y.span<float>(), std::vector<float>{-1, -4, -7, -9}, 0, 0));
  EXPECT_TRUE(all_close(argmax.span<std::uint8_t>(), std::vector<int>{0, 1, 0, 0}, 0, 0));
  const Tensor grad_y = Tensor::from<float>(std::vector<float>{1, 2, 3, 4}, {1, 2, 2, 1});
  kernels::max_pool_backward(stream, on(stream, grad_y), on<std::uint8_t>(stream, argmax),
                             on(stream, grad_x), options, GradientMode::overwrite);
  EXPECT_TRUE(all_close(grad_x.span<float>(),
                        std::vector<float>{1, 0, 0, 2, 0, 0, 0, 0, 3, 0, 4, 0}, 0, 0));
}

// Places count from the window's corner, which may lie in the padding.
TEST_P(PoolTest, MaxPlacesIncludePadding) {
  const Tensor x = Tensor::from<float>(std::vector<float>{1, 2, 3, 4}, {1, 2, 2, 1});
  Tensor y({1, 2, 2, 1}), argmax({1, 2, 2, 1}, DType::u8);
  kernels::max_pool_forward(stream, on(stream, x), on(stream, y), on<std::uint8_t>(stream, argmax),
                            {3, 1, Padding::same()});
  EXPECT_TRUE(all_close(y.span<float>(), std::vector<float>{4, 4, 4, 4}, 0, 0));
  EXPECT_TRUE(all_close(argmax.span<std::uint8_t>(), std::vector<int>{8, 7, 5, 4}, 0, 0));
}

TEST_P(PoolTest, MaxHandsNanOn) {
  // Each column is a channel: numbers only; a NaN in the middle; two; only -infinity.
  const Tensor x =
      Tensor::from<float>(std::vector<float>{1, infinity, nan, -infinity, 2, nan, 5, -infinity, 0.5,
                                             7, nan, -infinity, -infinity, 8, 6, -infinity},
                          {1, 2, 2, 4});
  Tensor y({1, 1, 1, 4}), argmax({1, 1, 1, 4}, DType::u8), grad_x({1, 2, 2, 4});
  kernels::max_pool_forward(stream, on(stream, x), on(stream, y), on<std::uint8_t>(stream, argmax),
                            {});
  EXPECT_EQ(y.span<float>()[0], 2.0F);
  EXPECT_TRUE(std::isnan(y.span<float>()[1]));
  EXPECT_TRUE(std::isnan(y.span<float>()[2]));
  EXPECT_EQ(y.span<float>()[3], -infinity);
  EXPECT_TRUE(all_close(argmax.span<std::uint8_t>(), std::vector<int>{1, 1, 0, 0}, 0, 0));

  // A gradient that is not finite goes to the winner and nowhere else.
  const Tensor grad_y = Tensor::from<float>(std::vector<float>{1, 2, 3, infinity}, {1, 1, 1, 4});
  kernels::max_pool_backward(stream, on(stream, grad_y), on<std::uint8_t>(stream, argmax),
                             on(stream, grad_x), {}, GradientMode::overwrite);
  const std::vector<float> expected = {0, 0, 3, infinity, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  const auto actual = grad_x.span<float>();
  EXPECT_EQ(std::vector<float>(actual.begin(), actual.end()), expected);
}

TEST_P(PoolTest, AverageDoesNotCountPadding) {
  const Tensor x = Tensor::from<float>(std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 3, 3, 1});
  Tensor y({1, 2, 2, 1}), grad_x({1, 3, 3, 1});
  const PoolOptions options{2, 2, Padding::same()};
  kernels::average_pool_forward(stream, on(stream, x), on(stream, y), options);
  EXPECT_TRUE(all_close(y.span<float>(), std::vector<float>{3, 4.5F, 7.5F, 9}, 0, 0));
  const Tensor grad_y = Tensor::from<float>(std::vector<float>{4, 2, 6, 1}, {1, 2, 2, 1});
  kernels::average_pool_backward(stream, on(stream, grad_y), on(stream, grad_x), options,
                                 GradientMode::overwrite);
  EXPECT_TRUE(all_close(grad_x.span<float>(), std::vector<float>{1, 1, 1, 1, 1, 1, 3, 3, 1}, 0, 0));
}

TEST_P(PoolTest, ThreadsDoNotChangeTheResult) {
  const int threads = num_threads();
  const PoolCase pool{{3, 61, 67, 24}, {3, 2, Padding::same()}};
  const Tensor x = random_normal(pool.x, 8);
  const Tensor grad_y = random_normal(pool.y(), 9);
  std::vector<Tensor> results;
  for (const int count : {1, 4}) {
    set_num_threads(count);
    Tensor y(pool.y()), argmax(pool.y(), DType::u8), mean(pool.y()), global({3, 24});
    Tensor grad_max(pool.x), grad_mean(pool.x);
    kernels::max_pool_forward(stream, on(stream, x), on(stream, y),
                              on<std::uint8_t>(stream, argmax), pool.options);
    kernels::max_pool_backward(stream, on(stream, grad_y), on<std::uint8_t>(stream, argmax),
                               on(stream, grad_max), pool.options, GradientMode::overwrite);
    kernels::average_pool_forward(stream, on(stream, x), on(stream, mean), pool.options);
    kernels::average_pool_backward(stream, on(stream, grad_y), on(stream, grad_mean), pool.options,
                                   GradientMode::overwrite);
    kernels::global_average_pool_forward(stream, on(stream, x), on(stream, global));
    for (const Tensor& result : {y, grad_max, mean, grad_mean, global}) results.push_back(result);
  }
  set_num_threads(threads);
  const std::size_t half = results.size() / 2;
  for (std::size_t i = 0; i < half; ++i) {
    EXPECT_TRUE(all_close(results[i].span<float>(), results[half + i].span<float>(), 0, 0));
  }
}

TEST_P(PoolTest, IgnoreModeTouchesNothing) {
  const Tensor grad_y = random_normal({1, 1, 1, 2}, 10);
  kernels::max_pool_backward(stream, on(stream, grad_y), {}, {}, {}, GradientMode::ignore);
  kernels::average_pool_backward(stream, on(stream, grad_y), {}, {}, GradientMode::ignore);
  kernels::global_average_pool_backward(stream, on(stream, grad_y), {}, GradientMode::ignore);
}

INSTANTIATE_TEST_SUITE_P(Fast, PoolTest, ::testing::ValuesIn(fast_backends()), backend_case_name);
// Known answers judge the oracle as well.
INSTANTIATE_TEST_SUITE_P(Oracle, PoolTest,
                         ::testing::Values(BackendCase{Backend::reference, Isa::portable}),
                         backend_case_name);

TEST(PoolGradientTest, MaxMatchesCentralDifferences) {
  for (const PoolCase& pool : small_cases()) {
    SCOPED_TRACE(pool.to_string());
    const std::vector<double> weights = to_double(random_normal(pool.y(), 11));
    std::vector<std::uint8_t> argmax(weights.size());
    std::vector<double> y(weights.size());
    const auto loss = [&](const std::vector<double>& x) {
      kernels::reference::max_pool_forward_loops<double>(view_of(x, pool.x), view_of(y, pool.y()),
                                                         view_of(argmax, pool.y()), pool.options);
      return weighted_sum(weights, y);
    };
    const std::vector<double> x = to_double(well_separated(pool.x, 12));
    loss(x);
    std::vector<double> gradient(x.size());
    kernels::reference::max_pool_backward_loops<double>(
        view_of(weights, pool.y()), View<std::uint8_t>(argmax.data(), pool.y()),
        view_of(gradient, pool.x), pool.options, GradientMode::overwrite);
    EXPECT_TRUE(gradient_matches(loss, x, gradient));
  }
}

TEST(PoolGradientTest, AverageMatchesCentralDifferences) {
  for (const PoolCase& pool : small_cases()) {
    SCOPED_TRACE(pool.to_string());
    const std::vector<double> weights = to_double(random_normal(pool.y(), 13));
    std::vector<double> y(weights.size());
    const auto loss = [&](const std::vector<double>& x) {
      kernels::reference::average_pool_forward_loops<double>(view_of(x, pool.x),
                                                             view_of(y, pool.y()), pool.options);
      return weighted_sum(weights, y);
    };
    const std::vector<double> x = to_double(random_normal(pool.x, 14));
    std::vector<double> gradient(x.size());
    kernels::reference::average_pool_backward_loops<double>(view_of(weights, pool.y()),
                                                            view_of(gradient, pool.x), pool.options,
                                                            GradientMode::overwrite);
    EXPECT_TRUE(gradient_matches(loss, x, gradient));
  }
}

TEST(PoolGradientTest, GlobalAverageMatchesCentralDifferences) {
  const Shape shape{2, 3, 4, 5};
  const Shape y_shape{2, 5};
  const std::vector<double> weights = to_double(random_normal(y_shape, 15));
  std::vector<double> y(weights.size());
  const auto loss = [&](const std::vector<double>& x) {
    kernels::reference::global_average_pool_forward_loops<double>(view_of(x, shape),
                                                                  view_of(y, y_shape));
    return weighted_sum(weights, y);
  };
  const std::vector<double> x = to_double(random_normal(shape, 16));
  std::vector<double> gradient(x.size());
  kernels::reference::global_average_pool_backward_loops<double>(
      view_of(weights, y_shape), view_of(gradient, shape), GradientMode::overwrite);
  EXPECT_TRUE(gradient_matches(loss, x, gradient));
}

TEST(PoolErrorTest, NamesOperationAndArgument) {
  Stream stream;
  const Tensor x = Tensor::zeros({1, 4, 4, 2});
  Tensor y({1, 2, 2, 2});
  const auto pooling = [&](const PoolOptions& options) {
    return [&, options] {
      kernels::max_pool_forward(stream, on(stream, x), on(stream, y), {}, options);
    };
  };
  EXPECT_TRUE(throws_error(pooling({2, 1}), "max_pool_forward: y is 1x2x2x2, expected 1x3x3x2"));
  EXPECT_TRUE(throws_error(pooling({5, 1}), "max_pool_forward: kernel 5 does not fit"));
  EXPECT_TRUE(throws_error(pooling({17, 1, Padding::same()}), "kernel 17, expected at most 16"));
  EXPECT_TRUE(throws_error(pooling({2, 2, Padding::explicit_sides(2, 0, 0, 0)}),
                           "padding 2 and 0 for kernel 2"));
  const Tensor flat = Tensor::zeros({4, 4});
  EXPECT_TRUE(throws_error(
      [&] { kernels::average_pool_forward(stream, on(stream, flat), on(stream, y), {}); },
      "average_pool_forward: x is 4x4, expected N H W C"));
  EXPECT_TRUE(throws_error(
      [&] { kernels::global_average_pool_forward(stream, on(stream, x), on(stream, y)); },
      "global_average_pool_forward: y is 1x2x2x2, expected 1x2"));
}

}  // namespace
}  // namespace lq::testing
