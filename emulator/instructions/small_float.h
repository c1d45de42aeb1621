// Floating-point formats of 8 and 16 bits, one value at a time and in every rounding direction.
// What is done for whole warps at once is in half_numbers.h.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace lq::emulator {

enum class Rounding { nearest, zero, down, up };

/// A format with a sign, `exponent` and `fraction` bits. Without infinities, the place of one
/// belongs to a number (e4m3); all bits but the sign are what is no number in any case.
template <int exponent, int fraction, bool has_infinity = true>
struct SmallFloat {
  static constexpr int bias = (1 << (exponent - 1)) - 1;
  static constexpr std::uint32_t sign_bit = 1U << (exponent + fraction);
  static constexpr std::uint32_t not_a_number = sign_bit - 1;
  static constexpr std::uint32_t infinity = ((1U << exponent) - 1) << fraction;
  static constexpr std::uint32_t highest = has_infinity ? infinity - 1 : not_a_number - 1;

  static double widen(std::uint32_t bits) {
    const std::uint32_t magnitude = bits & (sign_bit - 1);
    const double sign = (bits & sign_bit) != 0 ? -1 : 1;
    if (has_infinity && magnitude == infinity) return sign * HUGE_VAL;
    if (magnitude > highest) return NAN;
    const auto biased = static_cast<int>(magnitude >> fraction);
    const std::uint32_t part = magnitude & ((1U << fraction) - 1);
    const std::uint32_t significand = biased == 0 ? part : part | 1U << fraction;
    return sign * std::ldexp(significand, std::max(biased, 1) - bias - fraction);
  }

  /// What is too large becomes infinite where it is rounded away from zero, and the highest number
  /// otherwise and if it `saturates`.
  static std::uint32_t round(long double value, Rounding rounding, bool saturates = false) {
    if (std::isnan(value)) return not_a_number;
    const bool negative = std::signbit(value);
    const std::uint32_t sign = negative ? sign_bit : 0;
    const long double magnitude = std::fabs(value);
    const bool towards_zero =
        rounding == Rounding::zero || rounding == (negative ? Rounding::up : Rounding::down);
    if (std::isinf(value)) return sign | (saturates ? highest : infinity);
    const int power = magnitude == 0 ? 1 - bias : std::max(std::ilogb(magnitude), 1 - bias);
    if (power > bias + 1) return sign | (saturates || towards_zero ? highest : infinity);
    const long double scaled = std::ldexp(magnitude, fraction - power);
    const long double whole = std::floor(scaled);
    const long double rest = scaled - whole;
    const bool is_odd = std::fmod(whole, 2.0L) != 0;
    const bool goes_up = rounding == Rounding::nearest ? rest > 0.5L || (rest == 0.5L && is_odd)
                                                       : rest > 0 && !towards_zero;
    // A carry out of the fraction moves on to the exponent.
    const std::uint32_t bits = (static_cast<std::uint32_t>(power + bias - 1) << fraction) +
                               static_cast<std::uint32_t>(whole) + (goes_up ? 1 : 0);
    if (bits <= highest) return sign | bits;
    return sign | (saturates || towards_zero ? highest : infinity);
  }
};

using Binary16 = SmallFloat<5, 10>;
using Bfloat16 = SmallFloat<8, 7>;
using E5m2 = SmallFloat<5, 2>;
using E4m3 = SmallFloat<4, 3, false>;

}  // namespace lq::emulator
