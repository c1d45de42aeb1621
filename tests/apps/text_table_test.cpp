#include "apps/text_table.h"

#include <gtest/gtest.h>

#include <limits>

namespace lq::testing {
namespace {

using apps::counted;
using apps::readable_bytes;
using apps::with_separators;

TEST(TextTableTest, AlignsItsColumns) {
  apps::TextTable table({{"layer", apps::TextTable::Align::left}, {"weights"}, {"x"}});
  table.add_row({"conv", "12", "3"});
  table.add_rule();
  table.add_row({"a long name", "1,234,567"});
  EXPECT_EQ(table.str(),
            "layer          weights  x\n"
            "-------------------------\n"
            "conv                12  3\n"
            "-------------------------\n"
            "a long name  1,234,567\n");
}

TEST(TextTableTest, NumbersGetSeparators) {
  EXPECT_EQ(with_separators(0), "0");
  EXPECT_EQ(with_separators(999), "999");
  EXPECT_EQ(with_separators(1000), "1,000");
  EXPECT_EQ(with_separators(-123456), "-123,456");
  EXPECT_EQ(with_separators(std::numeric_limits<std::int64_t>::min()),
            "-9,223,372,036,854,775,808");
}

TEST(TextTableTest, NounsFollowNumbers) {
  EXPECT_EQ(counted(0, "step"), "0 steps");
  EXPECT_EQ(counted(1, "step"), "1 step");
  EXPECT_EQ(counted(2, "step"), "2 steps");
}

TEST(TextTableTest, BytesGetUnits) {
  EXPECT_EQ(readable_bytes(0), "0 B");
  EXPECT_EQ(readable_bytes(999), "999 B");
  EXPECT_EQ(readable_bytes(1024), "1.00 KiB");
  EXPECT_EQ(readable_bytes(87640), "85.6 KiB");
  EXPECT_EQ(readable_bytes(1084392), "1.03 MiB");
  EXPECT_EQ(readable_bytes(1023 * 1024), "1.00 MiB");
  EXPECT_EQ(readable_bytes(std::int64_t{5} << 40), "5.00 TiB");
}

}  // namespace
}  // namespace lq::testing
