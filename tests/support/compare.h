// Comparison of tensors in tests.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <iterator>

namespace lq::testing {

/// For spans and vectors of numbers: |actual - expected| <= absolute + relative * |expected| for
/// every element; the message names the first element that is not.
template <typename Actual, typename Expected>
::testing::AssertionResult all_close(const Actual& actual, const Expected& expected,
                                     double relative, double absolute) {
  if (std::size(actual) != std::size(expected)) {
    return ::testing::AssertionFailure()
           << std::size(actual) << " elements, expected " << std::size(expected);
  }
  for (std::size_t i = 0; i < std::size(actual); ++i) {
    const double a = static_cast<double>(actual[i]);
    const double e = static_cast<double>(expected[i]);
    if (!(std::abs(a - e) <= absolute + relative * std::abs(e))) {
      return ::testing::AssertionFailure() << "element " << i << " is " << a << ", expected " << e;
    }
  }
  return ::testing::AssertionSuccess();
}

}  // namespace lq::testing
