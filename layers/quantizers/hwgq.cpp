#include "layers/quantizers/hwgq.h"

#include <cmath>
#include <numbers>

#include "layers/quantizers/uniform_table.h"

namespace lq {

namespace {

double density(double x) { return std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi); }
double upper_tail(double x) { return std::erfc(x / std::numbers::sqrt2) / 2; }

/// Half the derivative of the squared error with respect to the step, over the positive half:
/// sum over cells l of l * integral of (l s - x) density, in closed form.
double error_slope(double step, int levels) {
  double slope = 0;
  for (int l = 1; l < levels; ++l) {
    const double low = l == 1 ? 0.0 : (l - 0.5) * step;
    const double high = (l + 0.5) * step;
    const bool top = l == levels - 1;
    const double mass = upper_tail(low) - (top ? 0.0 : upper_tail(high));
    const double moment = density(low) - (top ? 0.0 : density(high));
    slope += l * (l * step * mass - moment);
  }
  return slope;
}

}  // namespace

double HwgqActivationQuantizer::step(int bits) {
  const int levels = 1 << bits;
  double low = 1e-3;
  double high = 4.0;  // the slope is negative at `low` and positive at `high`
  for (int iteration = 0; iteration < 100; ++iteration) {
    const double middle = (low + high) / 2;
    (error_slope(middle, levels) < 0 ? low : high) = middle;
  }
  return low;
}

HwgqActivationQuantizer::HwgqActivationQuantizer(int bits) : ActivationQuantizer(bits) {
  const int levels = 1 << bits;
  const double width = step(bits);
  table_ = fixed(uniform_table(levels, 0.0, width, 0.0F, static_cast<float>(width * (levels - 1))));
  table_.thresholds.data<float>()[0] = 0.0F;
}

}  // namespace lq
