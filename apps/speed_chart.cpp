#include "apps/speed_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "apps/svg.h"

namespace lq::apps {

namespace {

constexpr double label_size = 12;
constexpr double plot_width = 560;
constexpr double row_height = 34;
constexpr double bar_height = 12;
constexpr double top = 62;
constexpr double bottom = 46;
constexpr double right = 60;
constexpr std::string_view fp32_colour = "#4c78a8";
constexpr std::string_view int8_colour = "#f58518";
constexpr std::array ticks = {0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0};

/// Speeds to pixels, logarithmic.
struct SpeedAxis {
  double least;
  double most;
  double left;

  double at(double speed) const {
    return left + plot_width * std::log(speed / least) / std::log(most / least);
  }
};

std::vector<std::string> labels_of(std::span<const SpeedBar> bars) {
  const auto differ = [bars](auto field) {
    return std::ranges::any_of(
        bars, [&](const SpeedBar& bar) { return bar.*field != bars.front().*field; });
  };
  const bool batches_differ = differ(&SpeedBar::batch);
  const bool threads_differ = differ(&SpeedBar::threads);
  std::vector<std::string> labels;
  for (const SpeedBar& bar : bars) {
    std::string label = bar.label;
    if (batches_differ) label += fmt::format(", batch {}", bar.batch);
    if (threads_differ) {
      label += fmt::format(", {} thread{}", bar.threads, bar.threads == 1 ? "" : "s");
    }
    labels.push_back(std::move(label));
  }
  return labels;
}

SpeedAxis axis_for(std::span<const SpeedBar> bars, double left) {
  double least = 0.5;
  double most = 2.0;
  for (const SpeedBar& bar : bars) {
    least = std::min({least, bar.over_fp32 * 0.9, bar.over_int8 * 0.9});
    most = std::max({most, bar.over_fp32 * 1.1, bar.over_int8 * 1.1});
  }
  return {least, most, left};
}

void draw_axis(Svg& svg, const SpeedAxis& axis, double height) {
  for (const double tick : ticks) {
    if (tick < axis.least || tick > axis.most) continue;
    const bool is_equal = tick == 1.0;
    svg.line({axis.at(tick), top}, {axis.at(tick), height - bottom},
             {.stroke = is_equal ? "#333333" : "#dddddd", .stroke_width = is_equal ? 1.5 : 1.0});
    svg.text({axis.at(tick), height - bottom + 16}, fmt::format("{}", tick),
             {.size = label_size, .anchor = TextAnchor::middle});
  }
  svg.text({axis.left + plot_width / 2, height - 10}, "times as fast (logarithmic)",
           {.size = label_size, .anchor = TextAnchor::middle});
}

void draw_bar(Svg& svg, const SpeedAxis& axis, double y, double speed, std::string_view colour) {
  const double from = std::min(axis.at(1.0), axis.at(speed));
  const double to = std::max(axis.at(1.0), axis.at(speed));
  svg.rectangle({from, y}, to - from, bar_height, {.fill = colour});
  svg.text({to + 5, y + bar_height - 2}, fmt::format("{:.2f}", speed), {.size = 11});
}

void draw_legend(Svg& svg, double left) {
  svg.rectangle({left, 36}, 12, 12, {.fill = fp32_colour});
  svg.text({left + 18, 46}, "against fp32", {.size = label_size});
  svg.rectangle({left + 130, 36}, 12, 12, {.fill = int8_colour});
  svg.text({left + 148, 46}, "against int8", {.size = label_size});
}

}  // namespace

std::string speed_chart(std::string_view title, std::span<const SpeedBar> bars) {
  const std::vector<std::string> labels = labels_of(bars);
  double left = 40;
  for (const std::string& label : labels) {
    left = std::max(left, estimated_text_width(label, label_size) + 24);
  }
  const double height = top + row_height * static_cast<double>(bars.size()) + bottom;
  Svg svg(left + plot_width + right, height, title);
  svg.text({left, 24}, title, {.size = 16, .bold = true});
  draw_legend(svg, left);
  const SpeedAxis axis = axis_for(bars, left);
  draw_axis(svg, axis, height);
  double y = top + 4;
  for (std::size_t i = 0; i < bars.size(); ++i) {
    svg.text({left - 10, y + bar_height + 4}, labels[i],
             {.size = label_size, .anchor = TextAnchor::end});
    draw_bar(svg, axis, y, bars[i].over_fp32, fp32_colour);
    draw_bar(svg, axis, y + bar_height + 1, bars[i].over_int8, int8_colour);
    y += row_height;
  }
  return svg.str();
}

}  // namespace lq::apps
