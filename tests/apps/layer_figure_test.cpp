#include "apps/layer_figure.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "apps/svg.h"
#include "core/rng.h"
#include "tests/apps/xml.h"

namespace lq::testing {
namespace {

using apps::LayerStatistics;
using apps::LevelSummary;
using apps::SideStatistics;

struct Box {
  double left = 0;
  double top = 0;
  double right = 0;
  double bottom = 0;
  std::string what;

  bool overlaps(const Box& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
};

double number(const XmlElement& element, const char* name) {
  return std::stod(element.attributes.at(name));
}

/// Where a text is, in a wide font: letters reach 0.75 of the size above the base line and 0.22
/// below it.
Box box_of_text(const XmlElement& text) {
  const double x = number(text, "x");
  const double y = number(text, "y");
  const double size = number(text, "font-size");
  const double width = apps::estimated_text_width(text.text, size);
  const auto anchor = text.attributes.find("text-anchor");
  const double start = anchor == text.attributes.end() ? 0
                       : anchor->second == "middle"    ? -width / 2
                                                       : -width;
  if (text.attributes.contains("transform")) {  // upwards: along -y
    return {x - 0.75 * size, y - start - width, x + 0.22 * size, y - start, text.text};
  }
  return {x + start, y - 0.75 * size, x + start + width, y + 0.22 * size, text.text};
}

Box box_of_polygon(const XmlElement& polygon) {
  std::istringstream points(polygon.attributes.at("points"));
  Box box{1e9, 1e9, -1e9, -1e9, "a diamond"};
  char comma = 0;
  for (double x = 0, y = 0; points >> x >> comma >> y;) {
    box = {std::min(box.left, x), std::min(box.top, y), std::max(box.right, x),
           std::max(box.bottom, y), box.what};
  }
  return box;
}

bool is_diamond(const XmlElement& element) {
  return element.name == "polygon" && element.attributes.at("fill") == "#f58518";
}

struct Drawing {
  std::vector<Box> texts;
  std::vector<Box> diamonds;
  double width = 0;
  double height = 0;
};

Drawing read(const std::string& svg) {
  const XmlReader reader(svg);
  EXPECT_EQ(reader.error(), "");
  Drawing drawing;
  drawing.width = number(reader.elements().front(), "width");
  drawing.height = number(reader.elements().front(), "height");
  for (const XmlElement& element : reader.elements()) {
    if (element.name == "text") drawing.texts.push_back(box_of_text(element));
    if (is_diamond(element)) drawing.diamonds.push_back(box_of_polygon(element));
  }
  return drawing;
}

void expect_nothing_overlaps(const Drawing& drawing) {
  for (std::size_t i = 0; i < drawing.texts.size(); ++i) {
    const Box& text = drawing.texts[i];
    EXPECT_GE(text.left, 0) << text.what;
    EXPECT_GE(text.top, 0) << text.what;
    EXPECT_LE(text.right, drawing.width) << text.what;
    EXPECT_LE(text.bottom, drawing.height) << text.what;
    for (std::size_t j = 0; j < i; ++j) {
      EXPECT_FALSE(text.overlaps(drawing.texts[j])) << text.what << " | " << drawing.texts[j].what;
    }
    for (const Box& diamond : drawing.diamonds) EXPECT_FALSE(text.overlaps(diamond)) << text.what;
  }
}

/// A bell curve (weights) or half of one with a heap of zeros (activations), with 2^bits levels.
SideStatistics side_of(int bits, double scale, bool rectified, double zeros) {
  SideStatistics side{.bits = bits, .quantizer = "x.quant"};
  side.normalized_channels = rectified ? 0 : 64;
  side.floating = {.low = rectified ? 0 : -1.7 * scale, .high = 1.7 * scale};
  side.floating.above = 17;
  for (int bin = 0; bin < 60; ++bin) {
    const double x = rectified ? bin / 30.0 : (bin - 29.5) / 15.0;
    side.floating.counts.push_back(static_cast<std::int64_t>(1e5 * std::exp(-x * x)));
  }
  side.floating.counts[0] += static_cast<std::int64_t>(zeros * 1e6);
  for (const std::int64_t count : side.floating.counts) side.values += count;
  side.values += 17;
  const int size = bits == 32 ? 0 : 1 << bits;
  for (int l = 0; l < size; ++l) {
    const double place = rectified ? static_cast<double>(l) / (size - 1) : 2.0 * l / (size - 1) - 1;
    side.levels.push_back(
        {.learned = place * scale, .position = place * scale, .count = side.values / size});
  }
  return side;
}

LayerStatistics statistics_of(int w_bits, int a_bits, double scale = 1, double zeros = 0) {
  return {.layer = "stage2_block1.conv2",
          .operation = "conv2d",
          .images = 256,
          .weights = side_of(w_bits, scale, false, 0),
          .activations = side_of(a_bits, scale, true, zeros)};
}

std::string draw(const LayerStatistics& statistics) {
  return apps::draw_layer_figure(statistics, "resnet20 trained on fashion-mnist for 3 epochs");
}

TEST(LayerFigureTest, SaysWhatItShows) {
  const std::string svg = draw(statistics_of(2, 3));
  for (const char* part :
       {"stage2_block1.conv2: 2-bit weights, 3-bit activations", "trained on fashion-mnist",
        "weights, quantized to 4 levels", "activations, quantized to 8 levels",
        "weight, in units of its channel's top level", "activations, floating point (60 bins)",
        "weights per bin (%)", "activations per level (%)", "means over 64 channels",
        "before quantization"}) {
    EXPECT_NE(svg.find(part), std::string::npos) << part;
  }
}

TEST(LayerFigureTest, EveryLevelIsADiamondOnBothPanels) {
  // One more is in the legend.
  EXPECT_EQ(read(draw(statistics_of(2, 3))).diamonds.size(), 2U * (4 + 8) + 1);
  EXPECT_EQ(read(draw(statistics_of(1, 32))).diamonds.size(), 2U * 2 + 1);
}

TEST(LayerFigureTest, NothingOverlaps) {
  for (const int bits : {1, 2, 3, 4, 8, 32}) {
    for (const double scale : {1e-4, 0.0123, 1.0, 987.0}) {
      for (const double zeros : {0.0, 3.0}) {
        SCOPED_TRACE(::testing::Message() << bits << " bits, " << scale << ", " << zeros);
        expect_nothing_overlaps(read(draw(statistics_of(bits, bits, scale, zeros))));
      }
    }
  }
}

TEST(LayerFigureTest, UnevenLevelsDoNotCollide) {
  Rng rng(2, RngPurpose::test);
  for (int i = 0; i < 100; ++i) {
    LayerStatistics statistics = statistics_of(3, 3);
    for (SideStatistics* side : {&statistics.weights, &statistics.activations}) {
      for (LevelSummary& level : side->levels) level.position = rng.uniform(0.0F, 1.7F);
      std::ranges::sort(side->levels, {}, &LevelSummary::position);
    }
    // Diamonds may touch then, but words stay readable.
    expect_nothing_overlaps(read(draw(statistics)));
  }
}

TEST(LayerFigureTest, LongNamesAndNumbersStayOnThePage) {
  LayerStatistics statistics = statistics_of(3, 3);
  statistics.layer = std::string(150, 'x');
  constexpr std::int64_t many = 1'000'000;
  statistics.weights.values *= many;
  for (std::int64_t& count : statistics.weights.floating.counts) count *= many;
  for (LevelSummary& level : statistics.weights.levels) level.count *= many;
  expect_nothing_overlaps(read(draw(statistics)));
}

TEST(LayerFigureTest, AHeapOfZerosIsCutAndNamed) {
  const LayerStatistics statistics = statistics_of(2, 2, 1, 4);
  const double share = 100.0 * static_cast<double>(statistics.activations.floating.counts[0]) /
                       static_cast<double>(statistics.activations.values);
  EXPECT_NE(draw(statistics).find(fmt::format("{:.1f} %</text>", share)), std::string::npos);
  EXPECT_EQ(draw(statistics_of(2, 2, 1, 0)).find(" %</text>"), std::string::npos);
}

TEST(LayerFigureTest, FloatSidesSaySo) {
  const std::string svg = draw(statistics_of(32, 2));
  EXPECT_NE(svg.find("not quantized: 32-bit floating point"), std::string::npos);
  EXPECT_NE(svg.find("floating-point weights, 2-bit activations"), std::string::npos);
}

TEST(LayerFigureTest, IsTheSameEveryTime) {
  EXPECT_EQ(draw(statistics_of(3, 3)), draw(statistics_of(3, 3)));
}

}  // namespace
}  // namespace lq::testing
