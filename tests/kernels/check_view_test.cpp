#include "kernels/common/check_view.h"

#include "core/tensor.h"
#include "tests/kernels/views.h"
#include "tests/support/errors.h"

namespace lq::testing {
namespace {

using kernels::GradientMode;

const Stream stream(Backend::cpu);

TEST(CheckViewTest, AcceptsWhatFits) {
  const Tensor tensor({2, 3});
  EXPECT_NO_THROW(kernels::check_view("add", "x", stream, tensor.view<float>(), {2, 3}));
  const Tensor empty({0, 3});  // no elements, but there
  EXPECT_NO_THROW(kernels::check_view("add", "x", stream, empty.view<float>(), {0, 3}));
}

TEST(CheckViewTest, NamesOperationArgumentAndWhatIsExpected) {
  const Tensor tensor({2, 3});
  const ConstView<float> view = tensor.view<float>();
  const auto refused = [](const ConstView<float>& given, const Shape& expected,
                          std::string_view message) {
    return throws_error([&] { kernels::check_view("add", "x", stream, given, expected); }, message);
  };
  EXPECT_TRUE(refused({}, {2, 3}, "add: x is absent, expected 2x3"));
  EXPECT_TRUE(refused(view, {3, 2}, "add: x is 2x3, expected 3x2"));
  EXPECT_TRUE(refused(elsewhere(view), {2, 3}, "add: x is on cuda:7, expected cpu"));
}

TEST(CheckViewTest, AScalarIsOneElementOfAnyRank) {
  const auto check = [](const ConstView<float>& view) {
    kernels::check_scalar("mean", "loss", stream, view);
  };
  const Tensor scalar(Shape{}), one({1, 1}), two({2});
  EXPECT_NO_THROW(check(scalar.view<float>()));
  EXPECT_NO_THROW(check(one.view<float>()));
  EXPECT_TRUE(
      throws_error([&] { check(two.view<float>()); }, "mean: loss is 2, expected one element"));
  EXPECT_TRUE(throws_error([&] { check({}); }, "mean: loss is absent, expected scalar"));
  EXPECT_TRUE(throws_error([&] { check(elsewhere(one.view<float>())); },
                           "mean: loss is on cuda:7, expected cpu"));
}

TEST(CheckViewTest, AGradientThatIsIgnoredMayBeAnything) {
  const auto check = [](GradientMode mode) {
    kernels::check_gradient("add", "grad_x", stream, {}, {2, 3}, mode);
  };
  EXPECT_NO_THROW(check(GradientMode::ignore));
  for (const GradientMode mode : {GradientMode::overwrite, GradientMode::accumulate}) {
    EXPECT_TRUE(throws_error([&] { check(mode); }, "add: grad_x is absent, expected 2x3"));
  }
}

}  // namespace
}  // namespace lq::testing
