#include "apps/axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace lq::apps {

namespace {

/// 1, 2 or 5 times a power of ten: the smallest that divides `extent` at most `most` times.
struct Step {
  double size = 1;
  int decimals = 0;
};

Step nice_step(double extent, int most) {
  const int exponent = static_cast<int>(std::floor(std::log10(extent / most)));
  const double power = std::pow(10.0, exponent);
  for (const double factor : {1.0, 2.0, 5.0, 10.0}) {
    // Rounding must not cost a mark at the very end.
    if (extent / (factor * power) <= most - 1 + 1e-9) {
      return {factor * power, std::max(0, factor == 10.0 ? -exponent - 1 : -exponent)};
    }
  }
  return {20 * power, std::max(0, -exponent - 1)};
}

}  // namespace

std::vector<Tick> ticks(double low, double high, int most) {
  const Step step = nice_step(high - low, most);
  std::vector<Tick> result;
  const double first = std::ceil(low / step.size - 1e-9);
  for (double n = first; n * step.size <= high + 1e-9 * step.size; ++n) {
    const double value = n == 0 ? 0.0 : n * step.size;  // never -0
    result.push_back({value, fmt::format("{:.{}f}", value, step.decimals)});
  }
  return result;
}

double rounded_up(double value, int most_ticks) {
  if (value <= 0) return 1;
  const Step step = nice_step(value, most_ticks);
  return std::ceil(value / step.size - 1e-9) * step.size;
}

}  // namespace lq::apps
