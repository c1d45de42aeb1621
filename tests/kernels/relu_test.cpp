#include "kernels/relu/relu.h"

#include "core/tensor.h"
#include "tests/support/backends.h"
#include "tests/support/compare.h"
#include "tests/support/random.h"

namespace lq::testing {
namespace {

class ReluTest : public ::testing::TestWithParam<BackendCase> {
 protected:
  Stream stream{GetParam().backend};
  IsaCap cap{GetParam().isa};
};

TEST_P(ReluTest, MatchesReference) {
  for (const Shape& shape : {Shape{1}, Shape{2, 3, 5, 7}, Shape{4, 32, 32, 16}}) {
    const Tensor x = random_normal(shape, 1);
    const Tensor grad_y = random_normal(shape, 2);
    Tensor y(shape), expected_y(shape);
    kernels::relu_forward(stream, x.view<float>(), y.view<float>());
    kernels::reference::relu_forward_loops<float>(x.view<float>(), expected_y.view<float>());
    EXPECT_TRUE(all_close(y.span<float>(), expected_y.span<float>(), 0, 0));
    for (auto mode : {kernels::GradientMode::overwrite, kernels::GradientMode::accumulate}) {
      Tensor grad_x = random_normal(shape, 3);
      Tensor expected = grad_x.clone();
      kernels::relu_backward(stream, grad_y.view<float>(), y.view<float>(), grad_x.view<float>(),
                             mode);
      kernels::reference::relu_backward_loops<float>(grad_y.view<float>(), y.view<float>(),
                                                     expected.view<float>(), mode);
      EXPECT_TRUE(all_close(grad_x.span<float>(), expected.span<float>(), 0, 0));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, ReluTest, ::testing::ValuesIn(fast_backends()),
                         backend_case_name);

}  // namespace
}  // namespace lq::testing
