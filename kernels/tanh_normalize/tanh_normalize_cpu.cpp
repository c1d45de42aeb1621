#include <cmath>
#include <limits>
#include <vector>

#include "core/threads.h"
#include "kernels/tanh_normalize/tanh_normalize.h"

namespace lq::kernels::cpu {

namespace {

constexpr std::int64_t grain = 4096;  // values: some 40 microseconds of tanh

/// Whether a value takes the place of the largest so far: NaN wins, and then stays.
bool surpasses(float value, float largest) {
  return !std::isnan(largest) && !(std::abs(value) <= std::abs(largest));
}

/// Index of the first NaN, or else of the first value of largest magnitude.
std::int64_t largest(ConstView<float> values) {
  std::vector<std::int64_t> candidates((values.elements() + grain - 1) / grain);
  parallel_for_ranges(values.elements(), grain, [&](std::int64_t begin, std::int64_t end) {
    std::int64_t at = begin;
    for (std::int64_t i = begin + 1; i < end; ++i) {
      if (surpasses(values[i], values[at])) at = i;
    }
    candidates[begin / grain] = at;
  });
  std::int64_t at = 0;
  for (const std::int64_t candidate : candidates) {
    if (surpasses(values[candidate], values[at])) at = candidate;
  }
  return at;
}

}  // namespace

void tanh_normalize_forward(Stream&, ConstView<float> x, View<float> squashed, View<float> y) {
  if (x.elements() == 0) return;
  parallel_for_ranges(x.elements(), grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      squashed[i] = std::isfinite(x[i]) ? std::tanh(x[i]) : std::numeric_limits<float>::quiet_NaN();
    }
  });
  const float maximum = std::abs(squashed[largest(squashed)]);
  parallel_for_ranges(x.elements(), grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) y[i] = maximum == 0 ? 0.0F : squashed[i] / maximum;
  });
}

void tanh_normalize_backward(Stream&, ConstView<float> grad_y, ConstView<float> squashed,
                             View<float> grad_x, GradientMode mode) {
  const std::int64_t elements = squashed.elements();
  if (mode == GradientMode::ignore || elements == 0) return;
  const std::int64_t top = largest(squashed);
  const float maximum = std::abs(squashed[top]);
  const float scale = maximum == 0 ? 0.0F : 1.0F / maximum;

  std::vector<double> partial((elements + grain - 1) / grain);
  parallel_for_ranges(elements, grain, [&](std::int64_t begin, std::int64_t end) {
    double sum = 0;
    for (std::int64_t i = begin; i < end; ++i) {
      sum -= static_cast<double>(grad_y[i] * squashed[i] * scale * scale);
    }
    partial[begin / grain] = sum;
  });
  double through_maximum = 0;  // d loss / d maximum
  for (const double sum : partial) through_maximum += sum;

  parallel_for_ranges(elements, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float value = squashed[i];
      float gradient = grad_y[i] * scale;
      if (i == top) gradient += static_cast<float>(through_maximum) * (value < 0 ? -1.0F : 1.0F);
      gradient *= 1.0F - value * value;
      grad_x[i] = mode == GradientMode::accumulate ? grad_x[i] + gradient : gradient;
    }
  });
}

}  // namespace lq::kernels::cpu
