// Drawings as text.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace lq::apps {

struct Point {
  double x = 0;
  double y = 0;
};

/// Lengths are pixels, y points down, colours are CSS colours.
struct SvgStyle {
  std::string_view fill = "none";
  std::string_view stroke = "none";
  double stroke_width = 1;
  double opacity = 1;
};

enum class TextAnchor : unsigned char { start, middle, end };

struct SvgText {
  double size = 12;
  TextAnchor anchor = TextAnchor::start;
  bool bold = false;
  bool upwards = false;  ///< turned by 90 degrees, for titles of vertical axes
  std::string_view fill = "#222222";
};

/// A picture in the SVG format, built from top to bottom: what comes later covers what came
/// before. The same calls give the same bytes, whatever the locale.
class Svg {
 public:
  /// White, with a title for screen readers.
  Svg(double width, double height, std::string_view title);

  void rectangle(Point corner, double width, double height, const SvgStyle& style);
  void line(Point from, Point to, const SvgStyle& style);
  void polygon(std::span<const Point> corners, const SvgStyle& style);
  /// `at` is on the text's base line, at its start, middle or end.
  void text(Point at, std::string_view content, const SvgText& style);

  /// The whole file.
  std::string str() const;

 private:
  std::string body_;
};

/// Width that a text takes in the widest of the usual sans-serif fonts, roughly.
double estimated_text_width(std::string_view text, double size);

}  // namespace lq::apps
