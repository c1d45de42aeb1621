#include "apps/speed_chart.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/apps/xml.h"

namespace lq::testing {
namespace {

using apps::SpeedBar;

/// The labels of the rows, in order: all texts that end at the plot.
std::vector<std::string> labels_of(const std::vector<SpeedBar>& bars) {
  const XmlReader reader(apps::speed_chart("speeds", bars));
  EXPECT_EQ(reader.error(), "");
  std::vector<std::string> labels;
  for (const XmlElement& element : reader.elements()) {
    const auto anchor = element.attributes.find("text-anchor");
    if (anchor != element.attributes.end() && anchor->second == "end") {
      labels.push_back(element.text);
    }
  }
  return labels;
}

TEST(SpeedChartTest, LabelsTellWhatDiffers) {
  EXPECT_EQ(labels_of({{.label = "a"}, {.label = "b"}}), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(labels_of({{.label = "a", .batch = 16}, {.label = "b", .batch = 16}}),
            (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(labels_of({{.label = "a"}, {.label = "a", .batch = 16}}),
            (std::vector<std::string>{"a, batch 1", "a, batch 16"}));
  EXPECT_EQ(labels_of({{.label = "a"}, {.label = "a", .threads = 2}}),
            (std::vector<std::string>{"a, 1 thread", "a, 2 threads"}));
  EXPECT_EQ(labels_of({{.label = "a"}, {.label = "a", .batch = 16, .threads = 2}}),
            (std::vector<std::string>{"a, batch 1, 1 thread", "a, batch 16, 2 threads"}));
}

TEST(SpeedChartTest, MayBeEmpty) { EXPECT_EQ(labels_of({}), std::vector<std::string>()); }

}  // namespace
}  // namespace lq::testing
