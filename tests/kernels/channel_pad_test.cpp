#include "kernels/channel_pad/channel_pad.h"

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

using kernels::ChannelPadOptions;
using kernels::GradientMode;

class ChannelPadTest : public ::testing::TestWithParam<BackendCase> {
 protected:
  Stream& stream = stream_of(GetParam());
  IsaCap cap{GetParam().isa};
};

TEST_P(ChannelPadTest, KnownAnswer) {
  const Tensor x = Tensor::from<float>(std::vector<float>{1, 2, 3, 4}, {1, 1, 2, 2});
  Tensor y = Tensor::full({1, 1, 2, 5}, -1.0F), grad_x = Tensor::full({1, 1, 2, 2}, 10.0F);
  kernels::channel_pad_forward(stream, on(stream, x), on(stream, y), {.before = 1, .after = 2});
  EXPECT_TRUE(all_close(y.span<float>(), std::vector<float>{0, 1, 2, 0, 0, 0, 3, 4, 0, 0}, 0, 0));

  const Tensor grad_y =
      Tensor::from<float>(std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, {1, 1, 2, 5});
  kernels::channel_pad_backward(stream, on(stream, grad_y), on(stream, grad_x),
                                {.before = 1, .after = 2}, GradientMode::accumulate);
  EXPECT_TRUE(all_close(grad_x.span<float>(), std::vector<float>{12, 13, 17, 18}, 0, 0));
}

TEST_P(ChannelPadTest, EqualsReference) {
  Rng rng(41, RngPurpose::test);
  for (int round = 0; round < 20; ++round) {
    const std::int64_t n = random_integer(rng, 1, 3), h = random_integer(rng, 1, 40);
    // Every other time in groups of four channels, which a GPU moves at once.
    const std::int64_t group = round % 2 == 0 ? 1 : 4;
    const Shape shape{n, h, random_integer(rng, 1, 9), group * random_integer(rng, 1, 70 / group)};
    const std::int64_t before = group * random_integer(rng, 0, 20 / group);
    const ChannelPadOptions options{before, group * random_integer(rng, 0, 20 / group)};
    const Shape y_shape = kernels::channel_pad_output_shape(shape, options);
    const Tensor x = random_normal(shape, round);
    Tensor y = Tensor::full(y_shape, std::numeric_limits<float>::quiet_NaN()), expected_y(y_shape);
    kernels::channel_pad_forward(stream, on(stream, x), on(stream, y), options);
    kernels::reference::channel_pad_forward_loops<float>(x.view<float>(), expected_y.view<float>(),
                                                         options);
    EXPECT_TRUE(all_close(y.span<float>(), expected_y.span<float>(), 0, 0));

    const Tensor grad_y = random_normal(y_shape, 100 + round);
    for (const auto mode : {GradientMode::overwrite, GradientMode::accumulate}) {
      Tensor grad_x = random_normal(shape, 8);
      Tensor expected = grad_x.clone();
      kernels::channel_pad_backward(stream, on(stream, grad_y), on(stream, grad_x), options, mode);
      kernels::reference::channel_pad_backward_loops<float>(grad_y.view<float>(),
                                                            expected.view<float>(), options, mode);
      EXPECT_TRUE(all_close(grad_x.span<float>(), expected.span<float>(), 0, 0));
    }
  }
}

TEST_P(ChannelPadTest, RefusesWhatDoesNotFit) {
  const Tensor x = Tensor::zeros({1, 2, 2, 3}, DType::f32, stream.device());
  Tensor y({1, 2, 2, 6}, DType::f32, stream.device());
  const auto padding = [&](const ChannelPadOptions& options) {
    return [&, options] {
      kernels::channel_pad_forward(stream, x.view<float>(), y.view<float>(), options);
    };
  };
  EXPECT_TRUE(throws_error(padding({1, 1}), "channel_pad_forward: y is 1x2x2x6, expected 1x2x2x5"));
  EXPECT_TRUE(throws_error(padding({-1, 4}), "channel_pad: -1 channels before and 4 after"));
  EXPECT_TRUE(throws_error([] { kernels::channel_pad_output_shape({}, {}); }, "x is a scalar"));
}

INSTANTIATE_TEST_SUITE_P(Fast, ChannelPadTest, ::testing::ValuesIn(fast_backends()),
                         backend_case_name);
INSTANTIATE_TEST_SUITE_P(Oracle, ChannelPadTest,
                         ::testing::Values(BackendCase{Backend::reference, Isa::portable}),
                         backend_case_name);

TEST(ChannelPadGradientTest, MatchesCentralDifferences) {
  const Shape shape{2, 2, 3, 5};
  const ChannelPadOptions options{.before = 2, .after = 3};
  const Shape y_shape = kernels::channel_pad_output_shape(shape, options);
  const std::vector<double> weights = to_double(random_normal(y_shape, 51));
  const auto loss = [&](const std::vector<double>& x) {
    std::vector<double> y(weights.size());
    kernels::reference::channel_pad_forward_loops<double>(view_of(x, shape), view_of(y, y_shape),
                                                          options);
    return weighted_sum(weights, y);
  };
  const std::vector<double> x = to_double(random_normal(shape, 52));
  std::vector<double> gradient(x.size());
  kernels::reference::channel_pad_backward_loops<double>(
      view_of(weights, y_shape), view_of(gradient, shape), options, GradientMode::overwrite);
  EXPECT_TRUE(gradient_matches(loss, x, gradient));
}

}  // namespace
}  // namespace lq::testing
