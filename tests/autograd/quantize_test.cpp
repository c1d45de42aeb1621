#include "autograd/quantize.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "core/stream.h"
#include "kernels/level_table/level_table.h"
#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random.h"

namespace lq::testing {
namespace {

using autograd::LevelStatistics;
using autograd::LevelTable;
using autograd::NoGradScope;
using autograd::quantize;
using autograd::RecordMode;
using autograd::RecordModeScope;
using autograd::Variable;
using kernels::CodeAlphabet;

constexpr bool straight_through = false;
constexpr bool identity = true;

LevelTable table_of(const std::vector<float>& basis, std::int64_t rows, CodeAlphabet alphabet) {
  const std::int64_t bits = std::ssize(basis) / rows;
  LevelTable table(rows, std::int64_t{1} << bits, Device{});
  Stream stream;
  kernels::make_level_table(stream, Tensor::from(basis, {rows, bits}).view<float>(), alphabet,
                            {table.levels.view<float>(), table.thresholds.view<float>(),
                             table.codes.view<std::uint8_t>(), table.pass_range.view<float>()});
  return table;
}

LevelTable activation_table() { return table_of({0.5F, 1.0F}, 1, CodeAlphabet::zero_one); }

TEST(QuantizeAutogradTest, OneTableServesTheWholeTensor) {
  const Variable x(Tensor::from(std::vector{-1.0F, 0.3F, 0.8F, 9.0F}, {1, 2, 2, 1}));
  const LevelTable table = activation_table();
  LevelStatistics statistics(table, /*counts_and_sums=*/true);
  const Variable y = quantize(x, table, &statistics, straight_through);
  EXPECT_EQ(y.shape(), x.shape());
  EXPECT_TRUE(all_close(y.value().span<float>(), std::vector{0.0, 0.5, 1.0, 1.5}, 0, 0));
  EXPECT_TRUE(all_close(statistics.counts.span<std::int64_t>(), std::vector{1, 1, 1, 1}, 0, 0));
  EXPECT_EQ(statistics.non_finite.span<std::int32_t>()[0], 0);
}

TEST(QuantizeAutogradTest, ATablePerOutermostSlice) {
  const LevelTable table = table_of({1.0F, 10.0F, 100.0F}, 3, CodeAlphabet::minus_plus_one);
  const Variable x(Tensor::from(std::vector{1.0F, -1.0F, 1.0F, -1.0F, 1.0F, -1.0F}, {3, 1, 1, 2}));
  const Variable y = quantize(x, table, nullptr, identity);
  EXPECT_TRUE(all_close(y.value().span<float>(), std::vector{1, -1, 10, -10, 100, -100}, 0, 0));
}

TEST(QuantizeAutogradTest, GradientIsThatOfTheClippedIdentity) {
  // The straight-through estimator claims the gradient of min(x, top level).
  const LevelTable table = activation_table();
  Variable x(random_normal({2, 3, 3, 5}, 1, 1.0, 1.0), true);
  for (const float value : x.value().span<float>()) ASSERT_GT(std::abs(value - 1.5F), 1e-4F);
  const Tensor grad_y = random_normal(x.shape(), 2);
  quantize(x, table, nullptr, straight_through).backward(grad_y);
  const auto surrogate = [&](const std::vector<double>& values) {
    std::vector<double> clipped;
    for (const double value : values) clipped.push_back(std::min(value, 1.5));
    return weighted_sum(to_double(grad_y), clipped);
  };
  EXPECT_TRUE(gradient_matches(surrogate, to_double(x.value()), to_double(x.gradient())));
}

TEST(QuantizeAutogradTest, TheTopLevelItselfPasses) {
  Variable x(Tensor::from(std::vector{1.5F, std::nextafter(1.5F, 2.0F)}, {2}), true);
  quantize(x, activation_table(), nullptr, straight_through).backward(Tensor::full({2}, 3.0F));
  EXPECT_TRUE(all_close(x.gradient().span<float>(), std::vector{3, 0}, 0, 0));
}

TEST(QuantizeAutogradTest, EachSliceHasItsOwnRange) {
  LevelTable table = table_of({1.0F, 1.0F}, 2, CodeAlphabet::zero_one);
  table.pass_range = Tensor::from(std::vector{-1.0F, 1.0F, 0.0F, 2.0F}, {2, 2});
  Variable x(Tensor::from(std::vector{-0.5F, 1.5F, -0.5F, 1.5F}, {2, 2}), true);
  quantize(x, table, nullptr, straight_through).backward(Tensor::full({2, 2}, 1.0F));
  EXPECT_TRUE(all_close(x.gradient().span<float>(), std::vector{1, 0, 0, 1}, 0, 0));
}

TEST(QuantizeAutogradTest, IdentityGradientIsHandedOnWithoutACopy) {
  const LevelTable table = table_of({1.0F}, 1, CodeAlphabet::minus_plus_one);
  Variable x(random_normal({2, 3}, 1), true);
  const Tensor grad_y = random_normal({2, 3}, 2);
  quantize(x, table, nullptr, identity).backward(grad_y);
  EXPECT_EQ(x.gradient().data<float>(), grad_y.data<float>());
  // A second pass adds, and leaves the first gradient's tensor alone.
  const Tensor kept = grad_y.clone();
  quantize(x, table, nullptr, identity).backward(random_normal({2, 3}, 3));
  const Tensor more = random_normal({2, 3}, 3);
  EXPECT_TRUE(all_close(grad_y.span<float>(), kept.span<float>(), 0, 0));
  for (std::int64_t i = 0; i < 6; ++i) {
    EXPECT_EQ(x.gradient().data<float>()[i], kept.data<float>()[i] + more.data<float>()[i]);
  }
}

TEST(QuantizeAutogradTest, GradientsOfTwoConsumersAddUp) {
  const LevelTable table = activation_table();
  Variable x(random_uniform({40}, 1, 0.0F, 1.4F), true);
  const Tensor first = random_normal({40}, 2), second = random_normal({40}, 3);
  quantize(x, table, nullptr, straight_through).backward(first);
  quantize(x, table, nullptr, straight_through).backward(second);
  for (std::int64_t i = 0; i < 40; ++i) {
    EXPECT_EQ(x.gradient().data<float>()[i], first.data<float>()[i] + second.data<float>()[i]);
  }
}

TEST(QuantizeAutogradTest, BackwardUsesTheRangeOfItsForward) {
  LevelTable table = activation_table();
  Variable x(Tensor::from(std::vector{1.2F}, {1}), true);
  Variable y = quantize(x, table, nullptr, straight_through);
  table = table_of({0.1F, 0.2F}, 1, CodeAlphabet::zero_one);  // the top level falls below x
  y.backward(Tensor::full({1}, 1.0F));
  EXPECT_EQ(x.gradient().span<float>()[0], 1.0F);
}

TEST(QuantizeAutogradTest, SavesTheInputOnlyWhereTheRangeMatters) {
  const LevelTable table = activation_table();
  {
    Variable x(random_normal({4}, 1), true);
    const Variable y = quantize(x, table, nullptr, straight_through);
    EXPECT_TRUE(x.value().is_shared());
  }
  {
    Variable x(random_normal({4}, 1), true);
    const Variable y = quantize(x, table, nullptr, identity);
    EXPECT_FALSE(x.value().is_shared());
  }
  Variable x(random_normal({4}, 1), true);
  const NoGradScope no_tape;
  const Variable y = quantize(x, table, nullptr, straight_through);
  EXPECT_FALSE(x.value().is_shared());
  EXPECT_FALSE(y.requires_gradient());
}

TEST(QuantizeAutogradTest, FrozenInputsGetNoGradient) {
  Variable x(random_normal({4}, 1));
  const Variable y = quantize(x, activation_table(), nullptr, straight_through);
  EXPECT_FALSE(y.requires_gradient());
  EXPECT_TRUE(autograd::records_of(y).empty());
}

TEST(QuantizeAutogradTest, LeavesARecordWithItsAttributes) {
  const RecordModeScope trace(RecordMode::trace);
  const Variable x(random_normal({1, 2, 2, 3}, 1));
  const autograd::Attributes attributes{{"bits", std::int64_t{2}}, {"side", "activations"}};
  const Variable y = quantize(x, activation_table(), nullptr, straight_through, attributes);
  const auto records = autograd::records_of(y);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0]->operation, "quantize");
  EXPECT_EQ(records[0]->attributes, attributes);
  EXPECT_EQ(y.shape(), (Shape{1, 2, 2, 3}));
}

TEST(QuantizeAutogradTest, RefusesATableOfOtherRows) {
  const LevelTable table = table_of({1.0F, 1.0F, 1.0F}, 3, CodeAlphabet::minus_plus_one);
  EXPECT_TRUE(throws_error(
      [&] {
        quantize(Variable(random_normal({2, 6}, 1)), table, nullptr, identity);
      },
      "quantize: 3 tables for a tensor of 2x6"));
  EXPECT_TRUE(
      throws_error([&] { quantize(Variable(Tensor::full({}, 1.0F)), table, nullptr, identity); },
                   "quantize: 3 tables for a tensor of scalar"));
}

}  // namespace
}  // namespace lq::testing
