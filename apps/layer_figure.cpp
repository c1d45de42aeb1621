#include "apps/layer_figure.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <vector>

#include "apps/axis.h"
#include "apps/svg.h"
#include "apps/text_table.h"

namespace lq::apps {

namespace {

constexpr double page_width = 1000;
constexpr double page_height = 800;
constexpr double panel_width = 396;
constexpr double panel_height = 232;
constexpr std::array<double, 2> panel_left = {82, 582};
constexpr std::array<double, 2> panel_top = {152, 500};

constexpr std::string_view ink = "#222222";
constexpr std::string_view faint = "#dddddd";
constexpr std::string_view floating_color = "#4c78a8";
constexpr std::string_view quantized_color = "#54a07a";
constexpr std::string_view level_color = "#f58518";
constexpr std::string_view level_edge = "#7a3f00";

constexpr double diamond_radius = 6;
constexpr double small_text = 11.5;
constexpr int most_y_ticks = 7;

double percent(std::int64_t count, std::int64_t all) {
  return 100.0 * static_cast<double>(count) / static_cast<double>(all);
}

/// The size at which `text` is no wider than `width`, at most `size`.
double fitted_size(std::string_view text, double size, double width) {
  return std::min(size, size * width / estimated_text_width(text, size));
}

void draw_diamond(Svg& svg, Point center) {
  const double r = diamond_radius;
  const std::array<Point, 4> corners = {
      Point{center.x - r, center.y}, Point{center.x, center.y - r}, Point{center.x + r, center.y},
      Point{center.x, center.y + r}};
  svg.polygon(corners, {.fill = level_color, .stroke = level_edge, .stroke_width = 0.8});
}

/// As many marks on a horizontal axis as have room for their labels.
std::vector<Tick> horizontal_ticks(const Axis& x) {
  constexpr double gap = 10;
  for (int most = 9; most > 4; --most) {
    const std::vector<Tick> marks = ticks(x.low, x.high, most);
    double free_from = -std::numeric_limits<double>::infinity();
    const bool fit = std::ranges::all_of(marks, [&](const Tick& tick) {
      const double half = estimated_text_width(tick.label, small_text) / 2;
      const bool has_room = x(tick.value) - half >= free_from;
      free_from = x(tick.value) + half + gap;
      return has_room;
    });
    if (fit) return marks;
  }
  return ticks(x.low, x.high, 4);
}

/// What stands around a panel.
struct PanelText {
  std::string title;
  std::string x_axis;
  std::string y_axis;
};

/// Axes, grid and marks of one panel; what is drawn between frame() and levels() lies on the grid
/// and behind the diamonds.
class Panel {
 public:
  Panel(Svg& svg, Point corner, double x_low, double x_high, double y_high)
      : svg_(svg),
        corner_(corner),
        x_{x_low, x_high, corner.x, corner.x + panel_width},
        y_{0, y_high, corner.y + panel_height, corner.y} {}

  const Axis& x() const { return x_; }
  const Axis& y() const { return y_; }

  void frame(const PanelText& text) {
    for (const Tick& tick : ticks(y_.low, y_.high, most_y_ticks)) {
      const double at = y_(tick.value);
      svg_.line({x_.from, at}, {x_.to, at}, {.stroke = faint});
      svg_.text({x_.from - 8, at + 4}, tick.label, {.size = small_text, .anchor = TextAnchor::end});
    }
    for (const Tick& tick : horizontal_ticks(x_)) {
      const double at = x_(tick.value);
      svg_.line({at, y_.from}, {at, y_.from + diamond_radius + 4}, {.stroke = ink});
      svg_.text({at, y_.from + diamond_radius + 17}, tick.label,
                {.size = small_text, .anchor = TextAnchor::middle});
    }
    write(text);
  }

  void write(const PanelText& text) {
    const double center = (x_.from + x_.to) / 2;
    svg_.text({center, corner_.y - 14}, text.title,
              {.size = fitted_size(text.title, 14, panel_width),
               .anchor = TextAnchor::middle,
               .bold = true});
    svg_.text({center, y_.from + 44}, text.x_axis,
              {.size = fitted_size(text.x_axis, 12.5, panel_width), .anchor = TextAnchor::middle});
    svg_.text({x_.from - 46, (y_.from + y_.to) / 2}, text.y_axis,
              {.size = 12.5, .anchor = TextAnchor::middle, .upwards = true});
  }

  void bar(double left, double right, double height, std::string_view color) {
    const double top = y_(height);
    svg_.rectangle({left, top}, right - left, y_.from - top, {.fill = color});
  }

  /// The axis line, and the levels on it.
  void levels(const SideStatistics& side) {
    svg_.line({x_.from, y_.from}, {x_.to, y_.from}, {.stroke = ink, .stroke_width = 1.2});
    for (const LevelSummary& level : side.levels) draw_diamond(svg_, {x_(level.position), y_.from});
  }

  /// A remark in the upper corner that is free.
  void note(std::string_view text, bool on_the_left) {
    svg_.text({on_the_left ? x_.from + 8 : x_.to - 8, corner_.y + 16}, text,
              {.size = small_text, .anchor = on_the_left ? TextAnchor::start : TextAnchor::end});
  }

  void message(std::string_view text) {
    svg_.rectangle(corner_, panel_width, panel_height, {.stroke = faint});
    svg_.text({corner_.x + panel_width / 2, corner_.y + panel_height / 2}, text,
              {.size = 13, .anchor = TextAnchor::middle, .fill = "#666666"});
  }

 private:
  Svg& svg_;
  Point corner_;
  Axis x_;
  Axis y_;
};

/// Where a histogram's vertical axis ends, and the bin that goes beyond, if there is one.
struct Cut {
  double top = 1;
  std::int64_t bin = -1;
};

Cut cut_of(const Histogram& floating, std::int64_t values) {
  const auto highest = std::ranges::max_element(floating.counts);
  std::int64_t second = 0;
  for (auto bin = floating.counts.begin(); bin != floating.counts.end(); ++bin) {
    if (bin != highest) second = std::max(second, *bin);
  }
  constexpr std::int64_t far_higher = 3;
  if (second == 0 || *highest < far_higher * second) {
    return {.top = rounded_up(1.05 * percent(*highest, values), most_y_ticks)};
  }
  return {.top = rounded_up(1.3 * percent(second, values), most_y_ticks),
          .bin = highest - floating.counts.begin()};
}

/// The bin that is cut: a gap near its top, and its true height in words.
void mark_cut(Svg& svg, const Panel& panel, double left, double right, double height,
              bool text_on_the_right) {
  const double top = panel.y().to;
  const std::array<Point, 4> gap = {Point{left - 2, top + 16}, Point{right + 2, top + 11},
                                    Point{right + 2, top + 15}, Point{left - 2, top + 20}};
  svg.polygon(gap, {.fill = "white"});
  const Point at{text_on_the_right ? right + 6 : left - 6, top + 16};
  svg.text(at, fmt::format("{:.1f} %", height),
           {.size = small_text, .anchor = text_on_the_right ? TextAnchor::start : TextAnchor::end});
}

/// Part of values that the histogram leaves out, or nothing worth a remark.
std::string outside_note(const SideStatistics& side) {
  const Histogram& floating = side.floating;
  const std::int64_t outside = floating.below + floating.above + floating.not_a_number;
  if (outside == 0) return {};
  return fmt::format("{:.2f} % of values lie outside", percent(outside, side.values));
}

/// A panel's horizontal extent: the histogram and some air.
Axis horizontal(const SideStatistics& side) {
  const double air = 0.05 * (side.floating.high - side.floating.low);
  return {.low = side.floating.low - air, .high = side.floating.high + air};
}

void draw_floating(Svg& svg, Point corner, const SideStatistics& side, const PanelText& text) {
  const Histogram& floating = side.floating;
  const Cut cut = cut_of(floating, side.values);
  const Axis extent = horizontal(side);
  Panel panel(svg, corner, extent.low, extent.high, cut.top);
  panel.frame(text);
  for (std::int64_t bin = 0; bin < std::ssize(floating.counts); ++bin) {
    if (floating.counts[bin] == 0) continue;
    const double from = floating.low + static_cast<double>(bin) * floating.bin_width();
    const double left = panel.x()(from);
    const double right = panel.x()(from + floating.bin_width());
    const double height = percent(floating.counts[bin], side.values);
    // A hairline of air between bins.
    panel.bar(left + 0.3, right - 0.3, std::min(height, cut.top), floating_color);
    if (bin != cut.bin) continue;
    mark_cut(svg, panel, left, right, height, 2 * bin < std::ssize(floating.counts));
  }
  const bool left_is_free = 2 * cut.bin >= std::ssize(floating.counts);
  if (const std::string note = outside_note(side); !note.empty()) panel.note(note, left_is_free);
  panel.levels(side);
}

/// Bars as wide as the levels' distances allow.
double level_bar_width(const SideStatistics& side, const Axis& x) {
  double gap = std::numeric_limits<double>::infinity();
  for (std::size_t l = 1; l < side.levels.size(); ++l) {
    gap = std::min(gap, x(side.levels[l].position) - x(side.levels[l - 1].position));
  }
  return std::clamp(0.7 * gap, 2.0, 26.0);
}

/// Decimals with which percentages over all bars fit beside one another; none if they never do.
std::optional<int> label_decimals(const SideStatistics& side, const Axis& x) {
  for (const int decimals : {1, 0}) {
    bool fits = true;
    double free_from = -std::numeric_limits<double>::infinity();
    for (const LevelSummary& level : side.levels) {
      const std::string text = fmt::format("{:.{}f}", percent(level.count, side.values), decimals);
      const double half = estimated_text_width(text, small_text) / 2;
      fits = fits && x(level.position) - half >= free_from;
      free_from = x(level.position) + half;
    }
    if (fits) return decimals;
  }
  return std::nullopt;
}

void draw_quantized(Svg& svg, Point corner, const SideStatistics& side, const PanelText& text) {
  if (side.levels.empty()) {
    Panel panel(svg, corner, 0, 1, 1);
    panel.write({.title = text.title});
    panel.message("not quantized: 32-bit floating point");
    return;
  }
  std::int64_t highest = 0;
  for (const LevelSummary& level : side.levels) highest = std::max(highest, level.count);
  const Axis extent = horizontal(side);
  Panel panel(svg, corner, extent.low, extent.high,
              rounded_up(1.1 * percent(highest, side.values), most_y_ticks));
  panel.frame(text);
  const double width = level_bar_width(side, panel.x());
  for (const LevelSummary& level : side.levels) {
    const double center = panel.x()(level.position);
    panel.bar(center - width / 2, center + width / 2, percent(level.count, side.values),
              quantized_color);
  }
  panel.levels(side);
  const std::optional<int> decimals = label_decimals(side, panel.x());
  if (!decimals) return;
  for (const LevelSummary& level : side.levels) {
    const double share = percent(level.count, side.values);
    const double top = std::min(panel.y()(share), panel.y().from - diamond_radius);
    svg.text({panel.x()(level.position), top - 4}, fmt::format("{:.{}f}", share, *decimals),
             {.size = small_text, .anchor = TextAnchor::middle});
  }
}

/// A side's two panels. `name` is "weight" or "activation".
void draw_side(Svg& svg, double top, const SideStatistics& side, const std::string& name,
               const std::string& unit) {
  const std::string values = fmt::format("{} {}s", with_separators(side.values), name);
  draw_floating(
      svg, {panel_left[0], top}, side,
      {.title = fmt::format("{}, floating point ({} bins)", values, side.floating.counts.size()),
       .x_axis = unit,
       .y_axis = fmt::format("{}s per bin (%)", name)});
  draw_quantized(svg, {panel_left[1], top}, side,
                 {.title = side.levels.empty() ? fmt::format("{}s, quantized", name)
                                               : fmt::format("{}s, quantized to {} levels", name,
                                                             side.levels.size()),
                  .x_axis = unit,
                  .y_axis = fmt::format("{}s per level (%)", name)});
}

void draw_legend(Svg& svg, const LayerStatistics& statistics) {
  constexpr double size = 12.5;
  const double base = 104;
  double x = panel_left[0];
  auto swatch = [&](std::string_view color, const std::string& text) {
    svg.rectangle({x, base - 10}, 16, 11, {.fill = color});
    svg.text({x + 22, base}, text, {.size = size});
    x += 22 + estimated_text_width(text, size) + 24;
  };
  swatch(floating_color, "before quantization");
  swatch(quantized_color, "after quantization");
  draw_diamond(svg, {x + 7, base - 4.5});
  const std::int64_t channels = statistics.weights.normalized_channels;
  const std::string text =
      channels > 0
          ? fmt::format("learned levels (of the weights: means over {} channels)", channels)
          : "learned levels";
  svg.text({x + 20, base}, text, {.size = fitted_size(text, size, page_width - x - 20 - 22)});
}

std::string bits_text(int bits, std::string_view what) {
  return bits == 32 ? fmt::format("floating-point {}", what) : fmt::format("{}-bit {}", bits, what);
}

std::string weight_unit(const LayerStatistics& statistics) {
  if (statistics.channel)
    return fmt::format("weight of output channel {} (dimensionless)", *statistics.channel);
  return statistics.weights.normalized_channels > 0 ? "weight, in units of its channel's top level"
                                                    : "weight (dimensionless)";
}

}  // namespace

std::string draw_layer_figure(const LayerStatistics& statistics, const std::string& subtitle) {
  const std::string title =
      fmt::format("{}: {}, {}", statistics.layer, bits_text(statistics.weights.bits, "weights"),
                  bits_text(statistics.activations.bits, "activations"));
  Svg svg(page_width, page_height, title);
  const double width = page_width - panel_left[0] - 22;
  svg.text({panel_left[0], 42}, title, {.size = fitted_size(title, 21, width), .bold = true});
  svg.text({panel_left[0], 70}, subtitle, {.size = fitted_size(subtitle, 13.5, width)});
  draw_legend(svg, statistics);
  draw_side(svg, panel_top[0], statistics.weights, "weight", weight_unit(statistics));
  draw_side(svg, panel_top[1], statistics.activations, "activation",
            "input activation (dimensionless)");
  return svg.str();
}

}  // namespace lq::apps
