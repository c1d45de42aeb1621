#include "kernels/concat/concat.h"

#include <limits>
#include <vector>

#include "core/tensor.h"
#include "tests/support/backends.h"
#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random.h"
#include "tests/support/staged.h"

namespace lq::testing {
namespace {

using kernels::GradientMode;

class ConcatTest : public ::testing::TestWithParam<BackendCase> {
 protected:
  Stream& stream = stream_of(GetParam());
  IsaCap cap{GetParam().isa};
};

TEST_P(ConcatTest, KnownAnswer) {
  const Tensor a = Tensor::from<float>(std::vector<float>{1, 2, 3, 4}, {1, 1, 2, 2});
  const Tensor b = Tensor::from<float>(std::vector<float>{5, 6}, {1, 1, 2, 1});
  Tensor y({1, 1, 2, 5});
  const auto first = on(stream, a), second = on(stream, b);
  const std::vector<ConstView<float>> inputs = {first, second, first};
  kernels::concat_forward(stream, inputs, on(stream, y));
  EXPECT_TRUE(all_close(y.span<float>(), std::vector<float>{1, 2, 5, 1, 2, 3, 4, 6, 3, 4}, 0, 0));

  Tensor grad_b = Tensor::full({1, 1, 2, 1}, 10.0F);
  const Tensor& grad_y = y;
  kernels::concat_backward(stream, on(stream, grad_y), 2, on(stream, grad_b),
                           GradientMode::accumulate);
  EXPECT_TRUE(all_close(grad_b.span<float>(), std::vector<float>{15, 16}, 0, 0));
  kernels::concat_backward(stream, on(stream, grad_y), 4, on(stream, grad_b),
                           GradientMode::overwrite);
  EXPECT_TRUE(all_close(grad_b.span<float>(), std::vector<float>{2, 4}, 0, 0));
}

TEST_P(ConcatTest, EqualsReference) {
  Rng rng(21, RngPurpose::test);
  for (int round = 0; round < 12; ++round) {
    const std::int64_t n = random_integer(rng, 1, 4), h = random_integer(rng, 1, 30);
    const std::int64_t w = random_integer(rng, 1, 9);
    std::vector<Tensor> inputs;
    std::vector<ConstView<float>> views;
    std::int64_t channels = 0;
    for (std::int64_t i = random_integer(rng, 1, 5); i > 0; --i) {
      const Shape shape{n, h, w, random_integer(rng, 1, 70)};
      inputs.push_back(random_normal(shape, 100 * round + i));
      views.push_back(std::as_const(inputs.back()).view<float>());
      channels += shape[3];
    }
    const Shape y_shape{n, h, w, channels};
    Tensor y = Tensor::full(y_shape, std::numeric_limits<float>::quiet_NaN()), expected_y(y_shape);
    std::vector<Tensor> there;
    std::vector<ConstView<float>> views_there;
    for (const Tensor& input : inputs) {
      there.push_back(input.to(stream.device()));
      views_there.push_back(std::as_const(there.back()).view<float>());
    }
    kernels::concat_forward(stream, views_there, on(stream, y));
    kernels::reference::concat_forward_loops<float>(views, expected_y.view<float>());
    EXPECT_TRUE(all_close(y.span<float>(), expected_y.span<float>(), 0, 0));

    const Tensor grad_y = random_normal(y_shape, 7);
    std::int64_t first_channel = 0;
    for (const Tensor& input : inputs) {
      for (const auto mode : {GradientMode::overwrite, GradientMode::accumulate}) {
        Tensor grad_x = random_normal(input.shape(), 8);
        Tensor expected = grad_x.clone();
        kernels::concat_backward(stream, on(stream, grad_y), first_channel, on(stream, grad_x),
                                 mode);
        kernels::reference::concat_backward_loops<float>(grad_y.view<float>(), first_channel,
                                                         expected.view<float>(), mode);
        EXPECT_TRUE(all_close(grad_x.span<float>(), expected.span<float>(), 0, 0));
      }
      first_channel += input.shape()[3];
    }
  }
}

TEST_P(ConcatTest, RefusesOtherShapes) {
  const Device device = stream.device();
  const Tensor a({1, 2, 2, 3}, DType::f32, device), b({1, 2, 1, 3}, DType::f32, device),
      grad_y({1, 2, 2, 6}, DType::f32, device);
  Tensor y({1, 2, 2, 6}, DType::f32, device), grad({1, 2, 2, 3}, DType::f32, device);
  const auto joining = [&](std::vector<ConstView<float>> inputs) {
    return [&, inputs] { kernels::concat_forward(stream, inputs, y.view<float>()); };
  };
  EXPECT_TRUE(throws_error(joining({}), "concat_forward: no inputs"));
  EXPECT_TRUE(throws_error(joining({a.view<float>(), b.view<float>()}),
                           "concat_forward: input 1x2x1x3 for output 1x2x2x6"));
  EXPECT_TRUE(throws_error(joining({a.view<float>()}), "inputs with 3 channels in all"));
  EXPECT_TRUE(throws_error(
      [&] {
        kernels::concat_backward(stream, grad_y.view<float>(), 4, grad.view<float>(),
                                 GradientMode::overwrite);
      },
      "concat_backward: grad_x 1x2x2x3 from channel 4"));
}

INSTANTIATE_TEST_SUITE_P(Fast, ConcatTest, ::testing::ValuesIn(fast_backends()), backend_case_name);
INSTANTIATE_TEST_SUITE_P(Oracle, ConcatTest,
                         ::testing::Values(BackendCase{Backend::reference, Isa::portable}),
                         backend_case_name);

TEST(ConcatGradientTest, MatchesCentralDifferences) {
  const Shape a_shape{2, 3, 2, 3}, b_shape{2, 3, 2, 4}, y_shape{2, 3, 2, 7};
  const std::vector<double> a = to_double(random_normal(a_shape, 31));
  const std::vector<double> weights = to_double(random_normal(y_shape, 32));
  const auto loss = [&](const std::vector<double>& b) {
    std::vector<double> y(weights.size());
    const std::vector<ConstView<double>> inputs = {view_of(a, a_shape), view_of(b, b_shape)};
    kernels::reference::concat_forward_loops<double>(inputs, view_of(y, y_shape));
    return weighted_sum(weights, y);
  };
  const std::vector<double> b = to_double(random_normal(b_shape, 33));
  std::vector<double> gradient(b.size());
  kernels::reference::concat_backward_loops<double>(
      view_of(weights, y_shape), 3, view_of(gradient, b_shape), GradientMode::overwrite);
  EXPECT_TRUE(gradient_matches(loss, b, gradient));
}

}  // namespace
}  // namespace lq::testing
