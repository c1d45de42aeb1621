#include "apps/svg.h"

#include <gtest/gtest.h>

#include <array>

#include "tests/apps/xml.h"

namespace lq::testing {
namespace {

using apps::Point;
using apps::Svg;
using apps::TextAnchor;

TEST(SvgTest, DrawsWhatItIsTold) {
  Svg svg(200, 100.5, "a title");
  svg.line({1, 2}, {3.14159, -0.001}, {.stroke = "#111111", .stroke_width = 1.5});
  const std::array<Point, 3> corners = {Point{0, 0}, Point{1, 0}, Point{0, 1}};
  svg.polygon(corners, {.fill = "orange", .opacity = 0.5});
  svg.text({5, 6}, "hello", {.size = 9, .anchor = TextAnchor::end, .upwards = true});

  const XmlReader reader(svg.str());
  ASSERT_EQ(reader.error(), "");
  const auto& elements = reader.elements();
  ASSERT_EQ(elements.size(), 6U);
  EXPECT_EQ(elements[0].attributes.at("viewBox"), "0 0 200 100.5");
  EXPECT_EQ(elements[1].text, "a title");
  EXPECT_EQ(elements[2].attributes.at("fill"), "white");
  EXPECT_EQ(elements[3].attributes.at("x2"), "3.14");
  EXPECT_EQ(elements[3].attributes.at("y2"), "0");
  EXPECT_EQ(elements[3].attributes.at("stroke-width"), "1.5");
  EXPECT_EQ(elements[4].attributes.at("points"), "0,0 1,0 0,1");
  EXPECT_EQ(elements[4].attributes.at("opacity"), "0.5");
  EXPECT_EQ(elements[5].text, "hello");
  EXPECT_EQ(elements[5].attributes.at("text-anchor"), "end");
  EXPECT_EQ(elements[5].attributes.at("transform"), "rotate(-90 5 6)");
}

TEST(SvgTest, EscapesText) {
  Svg svg(10, 10, "a < b & \"c\"");
  svg.text({0, 0}, "x > <y> & 'z'", {});
  EXPECT_TRUE(is_well_formed_xml(svg.str()));
  EXPECT_NE(svg.str().find("a &lt; b &amp; &quot;c&quot;"), std::string::npos);
  EXPECT_NE(svg.str().find("x &gt; &lt;y&gt; &amp; 'z'"), std::string::npos);
}

TEST(XmlReaderTest, SeesWhatIsNotWellFormed) {
  EXPECT_TRUE(is_well_formed_xml("<a><b c=\"1\"/>text</a>"));
  EXPECT_FALSE(is_well_formed_xml("<a><b></a></b>"));
  EXPECT_FALSE(is_well_formed_xml("<a>"));
  EXPECT_FALSE(is_well_formed_xml("<a b=1/>"));
  EXPECT_FALSE(is_well_formed_xml("<a b=\"1\"c=\"2\"/>"));
  EXPECT_FALSE(is_well_formed_xml("<a b=\"1\" b=\"2\"/>"));
  EXPECT_FALSE(is_well_formed_xml("<a b=\"1 & 2\"/>"));
  EXPECT_FALSE(is_well_formed_xml("<a>1 & 2</a>"));
  EXPECT_FALSE(is_well_formed_xml("<a/><b/>"));
  EXPECT_FALSE(is_well_formed_xml(""));
}

}  // namespace
}  // namespace lq::testing
