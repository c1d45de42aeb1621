// Arithmetic on extents and sizes.
#pragma once

#include <concepts>
#include <type_traits>

namespace lq {

/// a / b, rounded up. a >= 0, b >= 1.
template <std::integral T>
constexpr T ceil_divide(T a, std::type_identity_t<T> b) {
  return (a + b - 1) / b;
}

/// The smallest multiple of `step` that is not below `a`. a >= 0, step >= 1.
template <std::integral T>
constexpr T round_up(T a, std::type_identity_t<T> step) {
  return ceil_divide(a, step) * step;
}

}  // namespace lq
