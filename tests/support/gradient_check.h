// Analytic gradients against central differences, in double.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <numeric>
#include <utility>
#include <vector>

#include "core/tensor.h"
#include "core/view.h"
#include "tests/support/random.h"

namespace lq::testing {

struct GradientCheckOptions {
  /// Step of the difference, times max(1, |x|). With 1e-5 the truncation error is about 1e-10 of
  /// the third derivative and the rounding error about 1e-11 of the function's value.
  double step = 1e-5;
  /// Largest |analytic - numeric|, times max(1, |numeric|).
  double tolerance = 1e-7;
};

/// Whether `analytic` is the gradient of `function` (vector<double> -> double) at `x`. A failure
/// names the worst element. Keep kinks (ReLU at 0, ties of a maximum) further away than the step.
template <typename Function>
::testing::AssertionResult gradient_matches(Function&& function, std::vector<double> x,
                                            const std::vector<double>& analytic,
                                            const GradientCheckOptions& options = {}) {
  if (x.empty() || analytic.size() != x.size()) {
    return ::testing::AssertionFailure()
           << "gradient of " << analytic.size() << " elements, expected " << x.size();
  }
  double worst_error = 0.0;
  double worst_numeric = 0.0;
  std::size_t worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double center = x[i];
    const double step = options.step * std::max(1.0, std::abs(center));
    x[i] = center + step;
    const double above = function(x);
    x[i] = center - step;
    const double below = function(x);
    x[i] = center;
    const double numeric = (above - below) / (2.0 * step);
    const double error = std::abs(analytic[i] - numeric) / std::max(1.0, std::abs(numeric));
    // Negated, so that a NaN counts as the worst of all.
    if (!(error <= worst_error)) {
      worst_error = error;
      worst_numeric = numeric;
      worst = i;
      if (std::isnan(error)) break;
    }
  }
  if (worst_error <= options.tolerance) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << "gradient of element " << worst << " is " << analytic[worst] << ", central difference "
         << worst_numeric << ", error " << worst_error << " (allowed " << options.tolerance << ")";
}

/// A scalar loss for an operation with many outputs: their sum, weighted by `weights`, which is
/// then also the gradient of the outputs.
inline double weighted_sum(const std::vector<double>& weights, const std::vector<double>& values) {
  return std::inner_product(weights.begin(), weights.end(), values.begin(), 0.0);
}

/// Values in random order of which no two are closer than `gap`, and none closer to 0 than half of
/// it: no step smaller than that changes which one is the largest, or a sign.
inline Tensor well_separated(const Shape& shape, std::uint64_t seed, float gap = 0.125F) {
  Tensor tensor(shape);
  const auto values = tensor.span<float>();
  const auto middle = static_cast<std::int64_t>(values.size() / 2);
  for (std::int64_t i = 0; i < std::ssize(values); ++i) {
    values[i] = gap * (static_cast<float>(i - middle) + 0.5F);
  }
  Rng rng(seed, RngPurpose::test);
  for (std::int64_t i = std::ssize(values) - 1; i > 0; --i) {
    std::swap(values[i], values[random_integer(rng, 0, i)]);
  }
  return tensor;
}

/// Looks at a vector as a kernel does; it must hold shape.elements() values and stay alive.
template <typename T>
View<T> view_of(std::vector<T>& values, const Shape& shape) {
  return {values.data(), shape};
}
template <typename T>
ConstView<T> view_of(const std::vector<T>& values, const Shape& shape) {
  return {values.data(), shape};
}

}  // namespace lq::testing
