#include "kernels/add/add.h"

#include <vector>

#include "core/tensor.h"
#include "tests/kernels/views.h"
#include "tests/support/backends.h"
#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/random.h"
#include "tests/support/staged.h"

namespace lq::testing {
namespace {

class AddTest : public ::testing::TestWithParam<BackendCase> {
 protected:
  Stream& stream = stream_of(GetParam());
  IsaCap cap{GetParam().isa};
};

// One rounding of an exact sum: equal to the sum in double, rounded.
TEST_P(AddTest, SumsOfAnyShape) {
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{2, 3, 5, 7}, Shape{4, 32, 32, 17}}) {
    const Tensor a = random_normal(shape, 1);
    const Tensor b = random_normal(shape, 2);
    const std::vector<double> a_double = to_double(a);
    const std::vector<double> b_double = to_double(b);
    std::vector<float> expected;
    for (std::size_t i = 0; i < a_double.size(); ++i) {
      expected.push_back(static_cast<float>(a_double[i] + b_double[i]));
    }
    Tensor y(shape);
    kernels::add_forward(stream, on(stream, a), on(stream, b), on(stream, y));
    EXPECT_TRUE(all_close(y.span<float>(), expected, 0, 0));

    Tensor sum = a.clone();
    kernels::add_into(stream, on(stream, sum), on(stream, b));
    EXPECT_TRUE(all_close(sum.span<float>(), y.span<float>(), 0, 0));
  }
}

TEST_P(AddTest, ViewsNeedNoAlignment) {
  const Tensor a = random_normal({3, 41}, 1);
  const Tensor b = random_normal(a.shape(), 2);
  Unaligned y(stream, a);
  kernels::add_forward(stream, Unaligned(stream, a).view(), Unaligned(stream, b).view(), y.view());
  const Tensor sum = y.host();
  for (std::int64_t i = 0; i < a.elements(); ++i) {
    EXPECT_EQ(sum.span<float>()[i], a.span<float>()[i] + b.span<float>()[i]);
  }
}

TEST_P(AddTest, OutputMayAliasInputs) {
  const Tensor a = random_normal({3, 5}, 3);
  const Tensor b = random_normal({3, 5}, 4);
  Tensor expected({3, 5});
  kernels::add_forward(stream, on(stream, a), on(stream, b), on(stream, expected));
  Tensor over_a = a.clone();
  Tensor over_b = b.clone();
  Tensor twice = a.clone();
  {
    auto first = on(stream, over_a);
    auto second = on(stream, over_b);
    auto doubled = on(stream, twice);
    kernels::add_forward(stream, first, on(stream, b), first);
    kernels::add_forward(stream, on(stream, a), second, second);
    kernels::add_into(stream, doubled, doubled);
  }
  EXPECT_TRUE(all_close(over_a.span<float>(), expected.span<float>(), 0, 0));
  EXPECT_TRUE(all_close(over_b.span<float>(), expected.span<float>(), 0, 0));
  for (std::int64_t i = 0; i < 15; ++i) {
    EXPECT_EQ(twice.span<float>()[i], 2 * a.span<float>()[i]);
  }
}

TEST_P(AddTest, RefusesOtherShapes) {
  const Tensor a = Tensor::zeros({2, 3}, DType::f32, stream.device());
  const Tensor b = Tensor::zeros({3, 2}, DType::f32, stream.device());
  Tensor y({2, 3}, DType::f32, stream.device());
  EXPECT_TRUE(throws_error(
      [&] { kernels::add_forward(stream, a.view<float>(), b.view<float>(), y.view<float>()); },
      "add_forward: b is 3x2, expected 2x3"));
  EXPECT_TRUE(throws_error([&] { kernels::add_into(stream, y.view<float>(), b.view<float>()); },
                           "add_into: x is 3x2, expected 2x3"));
}

INSTANTIATE_TEST_SUITE_P(Fast, AddTest, ::testing::ValuesIn(fast_backends()), backend_case_name);
INSTANTIATE_TEST_SUITE_P(Oracle, AddTest,
                         ::testing::Values(BackendCase{Backend::reference, Isa::portable}),
                         backend_case_name);

}  // namespace
}  // namespace lq::testing
