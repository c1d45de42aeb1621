#include "apps/svg.h"

#include <fmt/format.h>

namespace lq::apps {

namespace {

/// At most two decimals, no zeros at the end.
std::string number(double value) {
  std::string text = fmt::format("{:.2f}", value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text == "-0" ? "0" : text;
}

std::string escaped(std::string_view text) {
  std::string result;
  for (const char character : text) {
    switch (character) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += character;
    }
  }
  return result;
}

std::string attributes(const SvgStyle& style) {
  std::string text = fmt::format(" fill=\"{}\"", style.fill);
  if (style.stroke != "none") {
    text +=
        fmt::format(" stroke=\"{}\" stroke-width=\"{}\"", style.stroke, number(style.stroke_width));
  }
  if (style.opacity < 1) text += fmt::format(" opacity=\"{}\"", number(style.opacity));
  return text;
}

std::string_view name_of(TextAnchor anchor) {
  switch (anchor) {
    case TextAnchor::start:
      return "start";
    case TextAnchor::middle:
      return "middle";
    case TextAnchor::end:
      return "end";
  }
  return "start";
}

}  // namespace

Svg::Svg(double width, double height, std::string_view title)
    : body_(fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" "
                        "viewBox=\"0 0 {0} {1}\" role=\"img\" "
                        "font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\">\n"
                        "<title>{2}</title>\n",
                        number(width), number(height), escaped(title))) {
  rectangle({0, 0}, width, height, {.fill = "white"});
}

void Svg::rectangle(Point corner, double width, double height, const SvgStyle& style) {
  body_ += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"{}/>\n", number(corner.x),
                       number(corner.y), number(width), number(height), attributes(style));
}

void Svg::line(Point from, Point to, const SvgStyle& style) {
  body_ += fmt::format("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"{}/>\n", number(from.x),
                       number(from.y), number(to.x), number(to.y), attributes(style));
}

void Svg::polygon(std::span<const Point> corners, const SvgStyle& style) {
  std::string points;
  for (const Point& corner : corners) {
    if (!points.empty()) points += ' ';
    points += number(corner.x) + "," + number(corner.y);
  }
  body_ += fmt::format("<polygon points=\"{}\"{}/>\n", points, attributes(style));
}

void Svg::text(Point at, std::string_view content, const SvgText& style) {
  body_ += fmt::format("<text x=\"{0}\" y=\"{1}\" font-size=\"{2}\" fill=\"{3}\"", number(at.x),
                       number(at.y), number(style.size), style.fill);
  if (style.anchor != TextAnchor::start) {
    body_ += fmt::format(" text-anchor=\"{}\"", name_of(style.anchor));
  }
  if (style.bold) body_ += " font-weight=\"bold\"";
  if (style.upwards) {
    body_ += fmt::format(" transform=\"rotate(-90 {} {})\"", number(at.x), number(at.y));
  }
  body_ += fmt::format(">{}</text>\n", escaped(content));
}

std::string Svg::str() const { return body_ + "</svg>\n"; }

double estimated_text_width(std::string_view text, double size) {
  return 0.62 * size * static_cast<double>(text.size());
}

}  // namespace lq::apps
