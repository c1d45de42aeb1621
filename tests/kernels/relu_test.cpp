#include "kernels/relu/relu.h"

#include "core/tensor.h"
#include "tests/kernels/views.h"
#include "tests/support/backends.h"
#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random.h"
#include "tests/support/staged.h"

namespace lq::testing {
namespace {

class ReluTest : public ::testing::TestWithParam<BackendCase> {
 protected:
  Stream& stream = stream_of(GetParam());
  IsaCap cap{GetParam().isa};
};

TEST_P(ReluTest, MatchesReference) {
  for (const Shape& shape : {Shape{1}, Shape{2, 3, 5, 7}, Shape{4, 32, 32, 16}}) {
    const Tensor x = random_normal(shape, 1);
    const Tensor grad_y = random_normal(shape, 2);
    Tensor y(shape), expected_y(shape);
    kernels::relu_forward(stream, on(stream, x), on(stream, y));
    kernels::reference::relu_forward_loops<float>(x.view<float>(), expected_y.view<float>());
    EXPECT_TRUE(all_close(y.span<float>(), expected_y.span<float>(), 0, 0));
    for (auto mode : {kernels::GradientMode::overwrite, kernels::GradientMode::accumulate}) {
      Tensor grad_x = random_normal(shape, 3);
      Tensor expected = grad_x.clone();
      kernels::relu_backward(stream, on(stream, grad_y), on(stream, std::as_const(y)),
                             on(stream, grad_x), mode);
      kernels::reference::relu_backward_loops<float>(grad_y.view<float>(), y.view<float>(),
                                                     expected.view<float>(), mode);
      EXPECT_TRUE(all_close(grad_x.span<float>(), expected.span<float>(), 0, 0));
    }
  }
}

TEST_P(ReluTest, ViewsNeedNoAlignment) {
  const Tensor x = random_normal({3, 41}, 1);
  const Tensor grad_y = random_normal(x.shape(), 2);
  Unaligned y(stream, x);
  kernels::relu_forward(stream, Unaligned(stream, x).view(), y.view());
  Tensor expected_y(x.shape());
  kernels::reference::relu_forward_loops<float>(x.view<float>(), expected_y.view<float>());
  EXPECT_TRUE(all_close(y.host().span<float>(), expected_y.span<float>(), 0, 0));
  for (auto mode : {kernels::GradientMode::overwrite, kernels::GradientMode::accumulate}) {
    Unaligned grad_x(stream, x);
    kernels::relu_backward(stream, Unaligned(stream, grad_y).view(), y.view(), grad_x.view(), mode);
    Tensor expected = x.clone();
    kernels::reference::relu_backward_loops<float>(grad_y.view<float>(),
                                                   std::as_const(expected_y).view<float>(),
                                                   expected.view<float>(), mode);
    EXPECT_TRUE(all_close(grad_x.host().span<float>(), expected.span<float>(), 0, 0));
  }
}

TEST_P(ReluTest, OutputsMayAliasInputs) {
  const Tensor x = random_normal({3, 4, 5, 17}, 4);
  const Tensor grad_y = random_normal(x.shape(), 5);
  Tensor y = x.clone(), grad_x = grad_y.clone();
  {
    auto both = on(stream, y);
    kernels::relu_forward(stream, both, both);
    auto gradient = on(stream, grad_x);
    kernels::relu_backward(stream, gradient, both, gradient, kernels::GradientMode::overwrite);
  }
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    const bool positive = x.span<float>()[i] > 0.0F;
    EXPECT_EQ(y.span<float>()[i], positive ? x.span<float>()[i] : 0.0F);
    EXPECT_EQ(grad_x.span<float>()[i], positive ? grad_y.span<float>()[i] : 0.0F);
  }
}

TEST_P(ReluTest, RefusesViewsThatDoNotFit) {
  const Device here = stream.device();
  const Tensor input({4}, DType::f32, here);
  Tensor output({4}, DType::f32, here), longer({5}, DType::f32, here);
  const ConstView<float> x = input.view<float>();
  const View<float> y = output.view<float>(), five = longer.view<float>();
  const auto forward = [this](ConstView<float> from, View<float> to, std::string_view message) {
    return throws_error([&] { kernels::relu_forward(stream, from, to); }, message);
  };
  EXPECT_TRUE(forward({}, y, "relu_forward: x is absent"));
  EXPECT_TRUE(
      forward(elsewhere(x), y, fmt::format("relu_forward: x is on cuda:7, expected {}", here)));
  EXPECT_TRUE(forward(x, {}, "relu_forward: y is absent, expected 4"));
  EXPECT_TRUE(forward(x, five, "relu_forward: y is 5, expected 4"));
  EXPECT_TRUE(forward(x, elsewhere(y), "relu_forward: y is on cuda:7"));

  const auto backward = [this](ConstView<float> grad_y, ConstView<float> from, View<float> grad_x,
                               std::string_view message) {
    return throws_error(
        [&] {
          kernels::relu_backward(stream, grad_y, from, grad_x, kernels::GradientMode::overwrite);
        },
        message);
  };
  EXPECT_TRUE(backward(x, {}, y, "relu_backward: y is absent"));
  EXPECT_TRUE(backward(x, elsewhere(x), y, "relu_backward: y is on cuda:7"));
  EXPECT_TRUE(backward({}, x, y, "relu_backward: grad_y is absent, expected 4"));
  EXPECT_TRUE(backward(five, x, y, "relu_backward: grad_y is 5, expected 4"));
  EXPECT_TRUE(backward(elsewhere(x), x, y, "relu_backward: grad_y is on cuda:7"));
  EXPECT_TRUE(backward(x, x, {}, "relu_backward: grad_x is absent, expected 4"));
  EXPECT_TRUE(backward(x, x, elsewhere(y), "relu_backward: grad_x is on cuda:7"));
  kernels::relu_backward(stream, x, x, {}, kernels::GradientMode::ignore);
}

INSTANTIATE_TEST_SUITE_P(Backends, ReluTest, ::testing::ValuesIn(fast_backends()),
                         backend_case_name);

TEST(ReluGradientTest, MatchesCentralDifferences) {
  const Shape shape{3, 2, 5};
  const std::vector<double> weights = to_double(random_normal(shape, 6));
  std::vector<double> y(weights.size());
  const auto loss = [&](const std::vector<double>& x) {
    kernels::reference::relu_forward_loops<double>(view_of(x, shape), view_of(y, shape));
    return weighted_sum(weights, y);
  };
  const std::vector<double> x = to_double(well_separated(shape, 7));
  loss(x);
  std::vector<double> gradient(x.size());
  kernels::reference::relu_backward_loops<double>(view_of(weights, shape), view_of(y, shape),
                                                  view_of(gradient, shape),
                                                  kernels::GradientMode::overwrite);
  EXPECT_TRUE(gradient_matches(loss, x, gradient));
}

}  // namespace
}  // namespace lq::testing
