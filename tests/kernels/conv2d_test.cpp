#include "kernels/conv2d/conv2d.h"

#include <cmath>
#include <list>
#include <thread>
#include <tuple>
#include <vector>

#include "core/tensor.h"
#include "core/threads.h"
#include "tests/kernels/conv2d_problem.h"
#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/gradient_check.h"
#include "tests/support/library_cases.h"
#include "tests/support/random.h"
#include "tests/support/staged.h"

namespace lq::testing {
namespace {

using kernels::Conv2dGeometry;
using kernels::Conv2dOptions;
using kernels::GradientMode;
using kernels::Padding;

std::vector<LibraryCase> conv2d_cases(const std::vector<BackendCase>& backends) {
  return library_cases(uncapped(backends), "cudnn", cudnn_failure);
}

// ---- Geometry

struct PaddingRow {
  std::int64_t extent, kernel, stride, before, after, out;
};

TEST(Conv2dGeometryTest, SameFollowsTensorFlow) {
  const PaddingRow rows[] = {{224, 7, 2, 2, 3, 112}, {112, 3, 2, 0, 1, 56}, {32, 3, 2, 0, 1, 16},
                             {33, 3, 2, 1, 1, 17},   {32, 3, 1, 1, 1, 32},  {32, 1, 2, 0, 0, 16},
                             {33, 1, 2, 0, 0, 17},   {32, 5, 1, 2, 2, 32},  {7, 11, 4, 4, 4, 2},
                             {32, 2, 1, 0, 1, 32},   {1, 3, 1, 1, 1, 1},    {1, 3, 2, 1, 1, 1}};
  for (const PaddingRow& row : rows) {
    // The other axis has a stride of its own, so that a mix-up of the two shows.
    const Conv2dGeometry tall = kernels::conv2d_geometry(
        {1, row.extent, 8, 3}, {4, row.kernel, 1, 3}, {.stride_h = row.stride});
    EXPECT_EQ(tall.pad_top, row.before) << tall.to_string();
    EXPECT_EQ(tall.pad_bottom, row.after) << tall.to_string();
    EXPECT_EQ(tall.pad_left + tall.pad_right, 0) << tall.to_string();
    EXPECT_EQ(tall.y_shape(), (Shape{1, row.out, 8, 4})) << tall.to_string();
    const Conv2dGeometry wide = kernels::conv2d_geometry(
        {1, 8, row.extent, 3}, {4, 1, row.kernel, 3}, {.stride_w = row.stride});
    EXPECT_EQ(wide.pad_left, row.before) << wide.to_string();
    EXPECT_EQ(wide.pad_right, row.after) << wide.to_string();
    EXPECT_EQ(wide.y_shape(), (Shape{1, 8, row.out, 4})) << wide.to_string();
  }
}

TEST(Conv2dGeometryTest, ValidAndExplicit) {
  const auto alexnet =
      kernels::conv2d_geometry({1, 227, 227, 3}, {96, 11, 11, 3},
                               {.stride_h = 4, .stride_w = 4, .padding = Padding::valid()});
  EXPECT_EQ(alexnet.y_shape(), (Shape{1, 55, 55, 96}));
  const auto uneven = kernels::conv2d_geometry(
      {1, 10, 12, 4}, {6, 3, 5, 2},
      {.stride_h = 2, .padding = Padding::explicit_sides(1, 2, 0, 3), .groups = 2});
  EXPECT_EQ(uneven.y_shape(), (Shape{1, 6, 11, 6}));
  EXPECT_EQ(uneven.weight_shape(), (Shape{6, 3, 5, 2}));
  EXPECT_EQ(uneven.to_string(),
            "1x10x12x4 * 6x3x5x2, stride 2x1, padding 1,2,0,3 (top, bottom, left, right), "
            "groups 2");
}

TEST(Conv2dGeometryTest, RefusesWhatDoesNotFit) {
  const auto refused = [](const Shape& x, const Shape& weight, const Conv2dOptions& options,
                          std::string_view part) {
    return throws_error([&] { kernels::conv2d_geometry(x, weight, options); }, part);
  };
  EXPECT_TRUE(refused({8, 8, 3}, {4, 3, 3, 3}, {}, "conv2d: x is 8x8x3"));
  EXPECT_TRUE(refused({0, 8, 8, 3}, {4, 3, 3, 3}, {}, "conv2d: x is 0x8x8x3"));
  EXPECT_TRUE(refused({1, 8, 8, 3}, {4, 3, 3}, {}, "conv2d: weight is 4x3x3"));
  EXPECT_TRUE(refused({1, 8, 8, 3}, {4, 3, 3, 4}, {}, "reads 4 input channels"));
  EXPECT_TRUE(refused({1, 8, 8, 3}, {4, 3, 3, 3}, {.stride_h = 0}, "stride 0"));
  EXPECT_TRUE(refused({1, 8, 8, 4}, {6, 3, 3, 1}, {.groups = 4}, "4 groups"));
  EXPECT_TRUE(refused({1, 8, 8, 4}, {4, 3, 3, 4}, {.groups = 0}, "0 groups"));
  EXPECT_TRUE(refused({1, 2, 8, 3}, {4, 3, 3, 3}, {.padding = Padding::valid()},
                      "conv2d: kernel 3 does not fit"));
  EXPECT_TRUE(refused({1, 8, 8, 3}, {4, 3, 3, 3}, {.padding = Padding::explicit_sides(0, 0, -1, 0)},
                      "padding -1"));
}

// ---- Known answers, for the oracle as well

class Conv2dKnownAnswerTest : public ::testing::TestWithParam<LibraryCase> {
 protected:
  const EnvironmentScope choice{conv2d_choice_variable, GetParam().choice};
  std::vector<float> forward(const Tensor& input, const Tensor& kernel, const Tensor& bias,
                             const Conv2dOptions& options) {
    const auto geometry = kernels::conv2d_geometry(input.shape(), kernel.shape(), options);
    Tensor y = full_of_nan(geometry.y_shape());
    const Tensor bias_there = bias.defined() ? bias.to(stream.device()) : bias;
    kernels::conv2d_forward(stream, geometry, on(stream, input), on(stream, kernel),
                            bias.defined() ? bias_there.view<float>() : ConstView<float>(),
                            on(stream, y));
    return values(y);
  }

  Stream& stream = stream_of(GetParam());
  const Tensor x = Tensor::from(std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 3, 3, 1});
  const Tensor weight = Tensor::from(std::vector<float>{1, 2, 3, 4}, {1, 2, 2, 1});
};

TEST_P(Conv2dKnownAnswerTest, ForwardValid) {
  EXPECT_EQ(forward(x, weight, {}, {.padding = Padding::valid()}),
            (std::vector<float>{37, 47, 67, 77}));
}

TEST_P(Conv2dKnownAnswerTest, ForwardSamePadsAfterFirst) {
  EXPECT_EQ(forward(x, weight, {}, {}), (std::vector<float>{37, 47, 21, 67, 77, 33, 23, 26, 9}));
}

TEST_P(Conv2dKnownAnswerTest, ForwardExplicitPaddingStrideAndBias) {
  // One row above, one column to the right, stride 2 down and 1 across.
  const Conv2dOptions options{.stride_h = 2, .padding = Padding::explicit_sides(1, 0, 0, 1)};
  const Tensor bias = Tensor::from(std::vector<float>{0.5F}, {1});
  EXPECT_EQ(forward(x, weight, bias, options),
            (std::vector<float>{11.5F, 18.5F, 9.5F, 67.5F, 77.5F, 33.5F}));
}

TEST_P(Conv2dKnownAnswerTest, WeightIsOutputHeightWidthInput) {
  // One row of two pixels with channels (1, 10) and (100, 1000); each output channel picks one
  // product, and the last one adds all.
  const Tensor pixels = Tensor::from(std::vector<float>{1, 10, 100, 1000}, {1, 1, 2, 2});
  const Tensor pick = Tensor::from(
      std::vector<float>{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 1, 1, 1, 1}, {4, 1, 2, 2});
  EXPECT_EQ(forward(pixels, pick, {}, {.padding = Padding::valid()}),
            (std::vector<float>{1, 10, 100, 1111}));
}

TEST_P(Conv2dKnownAnswerTest, GroupsReadTheirOwnChannels) {
  const Tensor pixel = Tensor::from(std::vector<float>{1, 10, 100, 1000}, {1, 1, 1, 4});
  const Tensor pairs = Tensor::from(std::vector<float>{1, 1, 2, 0, 0, 3, 4, 5}, {4, 1, 1, 2});
  EXPECT_EQ(forward(pixel, pairs, {}, {.groups = 2}), (std::vector<float>{11, 2, 3000, 5400}));
}

TEST_P(Conv2dKnownAnswerTest, Backward) {
  const auto geometry =
      kernels::conv2d_geometry(x.shape(), weight.shape(), {.padding = Padding::valid()});
  const Tensor grad_y = Tensor::from(std::vector<float>{1, 10, 100, 1000}, geometry.y_shape());
  Tensor grad_x = full_of_nan(geometry.x_shape());
  Tensor grad_weight = full_of_nan(geometry.weight_shape());
  Tensor grad_bias = full_of_nan(geometry.bias_shape());
  kernels::conv2d_backward_data(stream, geometry, on(stream, grad_y), on(stream, weight),
                                on(stream, grad_x), GradientMode::overwrite);
  kernels::conv2d_backward_weights(stream, geometry, on(stream, grad_y), on(stream, x),
                                   on(stream, grad_weight), GradientMode::overwrite);
  kernels::conv2d_backward_bias(stream, geometry, on(stream, grad_y), on(stream, grad_bias),
                                GradientMode::overwrite);
  EXPECT_EQ(values(grad_x), (std::vector<float>{1, 12, 20, 103, 1234, 2040, 300, 3400, 4000}));
  EXPECT_EQ(values(grad_weight), (std::vector<float>{5421, 6532, 8754, 9865}));
  EXPECT_EQ(values(grad_bias), (std::vector<float>{1111}));
}

INSTANTIATE_TEST_SUITE_P(Backends, Conv2dKnownAnswerTest,
                         ::testing::ValuesIn(conv2d_cases(all_backends())), library_case_name);

// ---- The oracle's gradients, in double

std::vector<double> random_doubles(std::int64_t count, std::uint64_t seed) {
  return to_double(random_normal({count}, seed));
}

class Conv2dGradientTest : public ::testing::TestWithParam<Conv2dGeometry> {
 protected:
  const Conv2dGeometry geometry = GetParam();
  const std::vector<double> x = random_doubles(geometry.x_shape().elements(), 1);
  const std::vector<double> weight = random_doubles(geometry.weight_shape().elements(), 2);
  const std::vector<double> bias = random_doubles(geometry.c_out, 3);
  const std::vector<double> grad_y = random_doubles(geometry.y_shape().elements(), 4);

  double loss(const std::vector<double>& x_, const std::vector<double>& weight_,
              const std::vector<double>& bias_) const {
    std::vector<double> y(grad_y.size());
    kernels::reference::conv2d_forward_loops<double>(
        geometry, view_of(x_, geometry.x_shape()), view_of(weight_, geometry.weight_shape()),
        view_of(bias_, geometry.bias_shape()), view_of(y, geometry.y_shape()));
    return weighted_sum(grad_y, y);
  }
};

TEST_P(Conv2dGradientTest, ReferenceMatchesCentralDifferences) {
  const auto grad_y_view = view_of(grad_y, geometry.y_shape());
  std::vector<double> grad_x(x.size()), grad_weight(weight.size()), grad_bias(bias.size());
  kernels::reference::conv2d_backward_data_loops<double>(
      geometry, grad_y_view, view_of(weight, geometry.weight_shape()),
      view_of(grad_x, geometry.x_shape()), GradientMode::overwrite);
  kernels::reference::conv2d_backward_weights_loops<double>(
      geometry, grad_y_view, view_of(x, geometry.x_shape()),
      view_of(grad_weight, geometry.weight_shape()), GradientMode::overwrite);
  kernels::reference::conv2d_backward_bias_loops<double>(
      geometry, grad_y_view, view_of(grad_bias, geometry.bias_shape()), GradientMode::overwrite);
  const auto by_x = [&](const std::vector<double>& v) { return loss(v, weight, bias); };
  const auto by_weight = [&](const std::vector<double>& v) { return loss(x, v, bias); };
  const auto by_bias = [&](const std::vector<double>& v) { return loss(x, weight, v); };
  EXPECT_TRUE(gradient_matches(by_x, x, grad_x)) << geometry.to_string();
  EXPECT_TRUE(gradient_matches(by_weight, weight, grad_weight)) << geometry.to_string();
  EXPECT_TRUE(gradient_matches(by_bias, bias, grad_bias)) << geometry.to_string();
}

INSTANTIATE_TEST_SUITE_P(
    Geometries, Conv2dGradientTest,
    ::testing::Values(
        kernels::conv2d_geometry({2, 5, 4, 3}, {4, 3, 3, 3}, {}),
        kernels::conv2d_geometry({1, 6, 7, 2}, {3, 3, 3, 2}, {.stride_h = 2, .stride_w = 2}),
        kernels::conv2d_geometry({2, 5, 5, 4}, {6, 2, 3, 2},
                                 {.stride_w = 2, .padding = Padding::valid(), .groups = 2}),
        kernels::conv2d_geometry({1, 4, 4, 3}, {3, 3, 3, 1},
                                 {.padding = Padding::explicit_sides(0, 2, 1, 0), .groups = 3}),
        kernels::conv2d_geometry({3, 1, 1, 5}, {2, 1, 1, 5}, {})));

// ---- Fast versions against the oracle

class Conv2dTest : public ::testing::TestWithParam<LibraryCase> {
 protected:
  void expect_matches_reference(const Conv2dGeometry& geometry, std::uint64_t seed) {
    const Conv2dOperands operands(geometry, seed);
    Stream oracle(Backend::reference);
    expect_close(operands.run(stream), operands.run(oracle), geometry);
  }

  const EnvironmentScope choice{conv2d_choice_variable, GetParam().choice};
  Stream& stream = stream_of(GetParam());
};

template <typename T, std::size_t N>
T pick(Rng& rng, const T (&choices)[N]) {
  return choices[rng.below(N)];
}

Padding random_padding(Rng& rng, std::int64_t kernel_h, std::int64_t kernel_w) {
  const auto side = [&](std::int64_t kernel) { return random_integer(rng, 0, kernel - 1); };
  switch (rng.below(3)) {
    case 0:
      return Padding::same();
    case 1:
      return Padding::valid();
    default:
      return Padding::explicit_sides(side(kernel_h), side(kernel_h), side(kernel_w),
                                     side(kernel_w));
  }
}

/// A convolution that fits and costs the oracle at most half a million products.
Conv2dGeometry random_geometry(Rng& rng) {
  while (true) {
    const std::int64_t kernel_h = pick(rng, {1, 3, 5, 7, 11});
    const std::int64_t kernel_w = rng.below(4) == 0 ? pick(rng, {1, 2, 3}) : kernel_h;
    const std::int64_t groups = pick(rng, {1, 1, 1, 2, 3});
    const std::int64_t c_group = pick(rng, {1, 2, 3, 5, 8, 16, 17, 33});
    const std::int64_t o_group = pick(rng, {1, 2, 3, 7, 8, 16, 19, 32});
    const bool point = rng.below(8) == 0;
    const std::int64_t h = point ? 1 : random_integer(rng, 1, 14);
    const std::int64_t w = point ? 1 : random_integer(rng, 1, 14);
    const Padding padding = random_padding(rng, kernel_h, kernel_w);
    const bool fits = padding.kind == kernels::PaddingKind::same ||
                      (h + padding.top + padding.bottom >= kernel_h &&
                       w + padding.left + padding.right >= kernel_w);
    if (!fits) continue;
    const auto geometry =
        kernels::conv2d_geometry({random_integer(rng, 1, 3), h, w, groups * c_group},
                                 {groups * o_group, kernel_h, kernel_w, c_group},
                                 {.stride_h = pick(rng, {1, 2, 4}),
                                  .stride_w = pick(rng, {1, 2, 4}),
                                  .padding = padding,
                                  .groups = groups});
    const std::int64_t products =
        geometry.y_shape().elements() * geometry.weight_shape().elements() / geometry.c_out;
    if (products <= 500'000) return geometry;
  }
}

TEST_P(Conv2dTest, MatchesReferenceOnRandomGeometries) {
  Rng rng(7, RngPurpose::test);
  for (std::uint64_t round = 0; round < 60; ++round) {
    expect_matches_reference(random_geometry(rng), 100 * round);
  }
}

TEST_P(Conv2dTest, MatchesReferenceOnLayersOfTheNetworks) {
  const Conv2dOptions halving{.stride_h = 2, .stride_w = 2};
  const Conv2dGeometry layers[] = {
      kernels::conv2d_geometry({2, 16, 16, 3}, {16, 3, 3, 3}, {}),
      kernels::conv2d_geometry({2, 8, 8, 16}, {16, 3, 3, 16}, {}),
      kernels::conv2d_geometry({2, 8, 8, 16}, {32, 3, 3, 16}, halving),
      kernels::conv2d_geometry({1, 8, 8, 64}, {64, 3, 3, 64}, {}),
      kernels::conv2d_geometry({1, 28, 28, 3}, {32, 7, 7, 3}, halving),
      kernels::conv2d_geometry({1, 35, 35, 3}, {16, 11, 11, 3},
                               {.stride_h = 4, .stride_w = 4, .padding = Padding::valid()}),
      kernels::conv2d_geometry({1, 7, 7, 64}, {128, 1, 1, 64}, halving),
      kernels::conv2d_geometry({2, 6, 6, 32}, {64, 6, 6, 32}, {.padding = Padding::valid()}),
      kernels::conv2d_geometry({1, 9, 9, 32}, {32, 3, 3, 1}, {.groups = 32})};
  for (const Conv2dGeometry& layer : layers) expect_matches_reference(layer, 5);
}

// Sizes that fill tiles of products of 16 to 128 in all three passes and hardly overhang them, with
// channels that vectors of four fit and others; and what is odd in every way.
TEST_P(Conv2dTest, MatchesReferenceOnSizesOfTiles) {
  const Conv2dGeometry layers[] = {
      kernels::conv2d_geometry({2, 16, 16, 16}, {64, 3, 3, 16}, {}),
      kernels::conv2d_geometry({2, 16, 16, 64}, {16, 1, 1, 64}, {}),
      kernels::conv2d_geometry({2, 16, 16, 63}, {63, 1, 1, 63}, {}),
      kernels::conv2d_geometry({1, 5, 7, 14}, {63, 3, 3, 14}, {}),
      kernels::conv2d_geometry({1, 11, 11, 65}, {33, 1, 1, 65}, {}),
      kernels::conv2d_geometry({3, 7, 5, 17}, {19, 3, 3, 17}, {.stride_h = 2, .stride_w = 2}),
      kernels::conv2d_geometry({2, 7, 5, 8}, {12, 3, 3, 4}, {.stride_w = 3, .groups = 2}),
      kernels::conv2d_geometry({1, 3, 2, 4}, {4, 5, 5, 4}, {.stride_h = 4, .stride_w = 4}),
      kernels::conv2d_geometry({2, 40, 40, 4}, {4, 3, 3, 4}, {})};
  for (const Conv2dGeometry& layer : layers) expect_matches_reference(layer, 21);
}

/// A tensor of this shape that begins one element behind the start of its memory.
struct Shifted {
  Shifted(const Shape& shape_, std::uint64_t seed)
      : shape(shape_), memory(random_normal({shape_.elements() + 1}, seed)) {}

  View<float> behind_first(View<float> whole) const {
    return {whole.data + 1, shape, whole.device};
  }

  Shape shape;
  Tensor memory;
};

TEST_P(Conv2dTest, TakesViewsThatAreNotAligned) {
  const auto geometry = kernels::conv2d_geometry({2, 6, 5, 8}, {16, 3, 3, 8}, {});
  const auto run = [&](Stream& at) {
    std::vector<Shifted> tensors{{geometry.x_shape(), 1},    {geometry.weight_shape(), 2},
                                 {geometry.bias_shape(), 3}, {geometry.y_shape(), 4},
                                 {geometry.x_shape(), 5},    {geometry.weight_shape(), 6},
                                 {geometry.bias_shape(), 7}};
    {
      std::list<Staged<float>> staged;
      std::vector<View<float>> views;
      for (Shifted& tensor : tensors) {
        views.push_back(tensor.behind_first(staged.emplace_back(at, tensor.memory)));
      }
      const auto& [x, weight, bias, y, grad_x, grad_weight, grad_bias] =
          std::tie(views[0], views[1], views[2], views[3], views[4], views[5], views[6]);
      constexpr auto mode = GradientMode::accumulate;
      kernels::conv2d_forward(at, geometry, x, weight, bias, y);
      kernels::conv2d_backward_data(at, geometry, y, weight, grad_x, mode);
      kernels::conv2d_backward_weights(at, geometry, y, x, grad_weight, mode);
      kernels::conv2d_backward_bias(at, geometry, y, grad_bias, mode);
    }
    std::vector<Tensor> results;
    for (const Shifted& tensor : tensors) results.push_back(tensor.memory);
    return results;
  };
  Stream oracle(Backend::reference);
  const std::vector<Tensor> actual = run(stream), expected = run(oracle);
  for (std::size_t i = 0; i < actual.size(); ++i) {
    // Up to 144 terms, of numbers of size 9.
    EXPECT_TRUE(all_close(actual[i].span<float>(), expected[i].span<float>(), 4 * float_epsilon,
                          4 * 9 * 144 * float_epsilon))
        << i;
  }
}

TEST_P(Conv2dTest, WorksForAnyNumberOfThreads) {
  const int threads = num_threads();
  const auto geometry = kernels::conv2d_geometry({3, 9, 9, 16}, {24, 3, 3, 16}, {});
  for (const int count : {1, 2, 3}) {
    set_num_threads(count);
    expect_matches_reference(geometry, 11);
  }
  set_num_threads(threads);
}

TEST_P(Conv2dTest, CallersOnSeveralThreadsDoNotDisturbEachOther) {
  const auto geometry = kernels::conv2d_geometry({1, 12, 12, 17}, {16, 3, 3, 17}, {});
  std::vector<Conv2dOperands> operands;
  std::vector<Conv2dOutcome> alone, together(3);
  for (std::uint64_t i = 0; i < together.size(); ++i) {
    operands.emplace_back(geometry, 10 * i);
    alone.push_back(operands.back().run(stream));
  }
  std::vector<std::jthread> callers;
  for (std::size_t i = 0; i < together.size(); ++i) {
    callers.emplace_back([&, i] {
      Stream& own = stream_of(GetParam());
      for (int repeat = 0; repeat < 5; ++repeat) together[i] = operands[i].run(own);
    });
  }
  callers.clear();
  for (std::size_t i = 0; i < together.size(); ++i) {
    expect_close(together[i], alone[i], geometry);
  }
}

TEST_P(Conv2dTest, IgnoreModeNeedsNoOutput) {
  const auto geometry = kernels::conv2d_geometry({1, 4, 4, 2}, {3, 3, 3, 2}, {});
  const Conv2dOperands operands(geometry, 1);
  kernels::conv2d_backward_data(stream, geometry, on(stream, operands.grad_y),
                                on(stream, operands.weight), {}, GradientMode::ignore);
  kernels::conv2d_backward_weights(stream, geometry, on(stream, operands.grad_y),
                                   on(stream, operands.x), {}, GradientMode::ignore);
  kernels::conv2d_backward_bias(stream, geometry, on(stream, operands.grad_y), {},
                                GradientMode::ignore);
}

TEST_P(Conv2dTest, RefusesViewsOfOtherShapes) {
  const auto geometry = kernels::conv2d_geometry({1, 4, 4, 2}, {3, 3, 3, 2}, {});
  const Device device = stream.device();
  const Tensor input(geometry.x_shape(), DType::f32, device),
      filters(geometry.weight_shape(), DType::f32, device),
      gradient(geometry.y_shape(), DType::f32, device);
  Tensor y(geometry.y_shape(), DType::f32, device), other({1, 4, 4, 4}, DType::f32, device);
  const auto x = input.view<float>(), weight = filters.view<float>(),
             grad_y = gradient.view<float>();
  EXPECT_TRUE(throws_error(
      [&] {
        kernels::conv2d_forward(stream, geometry, other.view<float>(), weight, {}, y.view<float>());
      },
      "conv2d_forward: x is 1x4x4x4, expected 1x4x4x2"));
  EXPECT_TRUE(throws_error(
      [&] {
        kernels::conv2d_forward(stream, geometry, x, weight, other.view<float>(), y.view<float>());
      },
      "conv2d_forward: bias is 1x4x4x4, expected 3"));
  EXPECT_TRUE(throws_error(
      [&] {
        kernels::conv2d_backward_data(stream, geometry, grad_y, weight, {},
                                      GradientMode::overwrite);
      },
      "conv2d_backward_data: grad_x is absent, expected 1x4x4x2"));
  EXPECT_TRUE(throws_error(
      [&] {
        kernels::conv2d_backward_weights(stream, geometry, grad_y, x, other.view<float>(),
                                         GradientMode::accumulate);
      },
      "conv2d_backward_weights: grad_weight is 1x4x4x4, expected 3x3x3x2"));
}

TEST_P(Conv2dTest, ResultsAreTheSameEachTime) {
  const auto geometry = kernels::conv2d_geometry({2, 9, 9, 16}, {24, 3, 3, 16}, {});
  const Conv2dOperands operands(geometry, 1);
  const Conv2dOutcome first = operands.run(stream);
  for (int repeat = 0; repeat < 3; ++repeat) {
    const Conv2dOutcome again = operands.run(stream);
    EXPECT_EQ(values(again.y), values(first.y));
    EXPECT_EQ(values(again.added_x), values(first.added_x));
    EXPECT_EQ(values(again.added_weight), values(first.added_weight));
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, Conv2dTest, ::testing::ValuesIn(conv2d_cases(fast_backends())),
                         library_case_name);

}  // namespace
}  // namespace lq::testing
