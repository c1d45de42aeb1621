// Bars that compare speeds.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace lq::apps {

/// How many times faster something is than two others.
struct SpeedBar {
  std::string label;
  std::int64_t batch = 1;
  int threads = 1;
  double over_fp32 = 1;
  double over_int8 = 1;
};

/// An SVG picture: a row for each entry with two bars on a logarithmic axis, and a line where
/// speeds are equal. Labels tell batch and threads if entries differ in them.
std::string speed_chart(std::string_view title, std::span<const SpeedBar> bars);

}  // namespace lq::apps
