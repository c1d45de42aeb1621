#include "kernels/common/level_table_view.h"

#include <string>
#include <tuple>
#include <utility>

#include "tests/kernels/views.h"
#include "tests/support/errors.h"
#include "tests/support/level_tables.h"

namespace lq::testing {
namespace {

using kernels::LevelStatistics;
using kernels::LevelTableView;

const Stream stream(Backend::cpu);

::testing::AssertionResult refused(const LevelTableView& table, std::string_view message) {
  return throws_error([&] { kernels::check_level_table("quantize", stream, table, 2); }, message);
}

::testing::AssertionResult refused(const LevelTableView& table, const LevelStatistics& statistics,
                                   std::string_view message) {
  return throws_error(
      [&] { kernels::check_level_statistics("quantize", stream, table, statistics); }, message);
}

TEST(LevelTableViewTest, AcceptsWhatFits) {
  const TableTensors table(2, 4);
  EXPECT_NO_THROW(kernels::check_level_table("quantize", stream, table.view(), 2));
  StatisticsTensors statistics({2, 4});
  const auto check = [&](const LevelStatistics& views) {
    kernels::check_level_statistics("quantize", stream, table.view(), views);
  };
  EXPECT_NO_THROW(check(statistics.view()));
  EXPECT_NO_THROW(check({}));
}

/// Refuses a table for each of its views in turn: absent, of another shape, on another device.
template <typename T>
void expect_checked(ConstView<T> LevelTableView::*member, const std::string& name,
                    const std::string& shape) {
  const TableTensors table(2, 4);
  LevelTableView views = table.view();
  views.*member = {};
  EXPECT_TRUE(refused(views, name + " is "));
  const Tensor other({2, 7}, dtype_of<T>);
  views.*member = other.view<T>();
  if (name != "levels") {  // else the others do not fit the levels
    EXPECT_TRUE(refused(views, "quantize: " + name + " is 2x7, expected " + shape));
  }
  views.*member = elsewhere(table.view().*member);
  EXPECT_TRUE(refused(views, "quantize: " + name + " is on cuda:7, expected cpu"));
}

TEST(LevelTableViewTest, LooksAtEveryViewOfTheTable) {
  expect_checked(&LevelTableView::levels, "levels", "2x4");
  expect_checked(&LevelTableView::thresholds, "thresholds", "2x3");
  expect_checked(&LevelTableView::codes, "codes", "2x4");
  expect_checked(&LevelTableView::pass_range, "pass_range", "2x2");
}

TEST(LevelTableViewTest, NeedsTwoLevelsAndTheRowsThatAreAskedFor) {
  EXPECT_TRUE(refused(TableTensors(3, 4).view(), "quantize: levels is 3x4, expected 2x4"));
  const Tensor one({2, 1}), flat({8});
  LevelTableView views = TableTensors(2, 4).view();
  views.levels = one.view<float>();
  EXPECT_TRUE(refused(views, "quantize: levels is 2x1, expected 2 x L with L from 2 on"));
  views.levels = flat.view<float>();
  EXPECT_TRUE(refused(views, "quantize: levels is 8, expected 2 x L"));
}

TEST(LevelTableViewTest, LooksAtTheStatisticsThatAreWanted) {
  const TableTensors table(2, 4);
  StatisticsTensors narrow({2, 3}), good({2, 4});
  Tensor two({2}, DType::i32);
  EXPECT_TRUE(refused(table.view(), {.counts = narrow.view().counts},
                      "quantize: counts is 2x3, expected 2x4"));
  EXPECT_TRUE(
      refused(table.view(), {.sums = narrow.view().sums}, "quantize: sums is 2x3, expected 2x4"));
  EXPECT_TRUE(refused(table.view(), {.non_finite = two.view<std::int32_t>()},
                      "quantize: non_finite is 2, expected one element"));
  const LevelStatistics views = good.view();
  EXPECT_TRUE(refused(table.view(), {.counts = elsewhere(views.counts)}, "counts is on cuda:7"));
  EXPECT_TRUE(refused(table.view(), {.sums = elsewhere(views.sums)}, "sums is on cuda:7"));
  EXPECT_TRUE(refused(table.view(), {.non_finite = elsewhere(views.non_finite)},
                      "non_finite is on cuda:7"));
}

}  // namespace
}  // namespace lq::testing
