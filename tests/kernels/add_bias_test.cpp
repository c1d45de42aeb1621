#if defined(LQNET_WITH_CUDA)

#include "kernels/common/cuda/add_bias.h"

#include <gtest/gtest.h>

#include <span>

#include "tests/support/backends.h"
#include "tests/support/random.h"
#include "tests/support/staged.h"

namespace lq::testing {
namespace {

TEST(AddBiasTest, cuda_EveryPixelGetsThatOfItsChannel) {
  if (!has_cuda_device()) GTEST_SKIP() << "no CUDA device";
  Stream& stream = current_stream({DeviceType::cuda, 0});
  for (const Shape& shape : {Shape{3, 5}, Shape{2, 3, 1, 8}, Shape{1, 1}, Shape{70, 1100}}) {
    const Tensor bias = random_normal({shape[-1]}, 1), before = random_normal(shape, 2);
    Tensor y = before.clone();
    kernels::cuda::add_bias("test", stream, on(stream, bias), on(stream, y));
    const std::span<const float> actual = y.span<float>(), start = before.span<float>(),
                                 added = bias.span<float>();
    for (std::size_t i = 0; i < actual.size(); ++i) {
      ASSERT_EQ(actual[i], start[i] + added[i % added.size()]) << shape.to_string() << " at " << i;
    }
    kernels::cuda::add_bias("test", stream, {}, on(stream, y));
    EXPECT_EQ(y.span<float>()[0], start[0] + added[0]);
  }
}

}  // namespace
}  // namespace lq::testing

#endif
