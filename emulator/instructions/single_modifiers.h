// Modifiers of arithmetic in single precision, around functions on single values. Also for files
// that are compiled once per instruction set: no C++ library, nothing with linkage.
#pragma once

#include <cstdint>

namespace lq::emulator {
namespace {

/// Only single precision is flushed; other operands and results of a function stay as they are.
template <typename T>
T flush(T a) {
  return a;
}
template <>
[[maybe_unused]] float flush(float a) {
  return __builtin_fabsf(a) < __FLT_MIN__ ? __builtin_copysignf(0, a) : a;
}

/// .ftz: subnormal operands and results become zeros of their sign.
template <auto function>
struct Flushed;
template <typename R, typename... A, R (*function)(A...)>
struct Flushed<function> {
  static R run(A... a) { return flush(function(flush(a)...)); }
};
template <auto function>
constexpr auto flushed = Flushed<function>::run;

/// .sat: results are clamped to [0, 1], and what is no number becomes 0.
template <auto function>
struct Saturated;
template <typename... A, float (*function)(A...)>
struct Saturated<function> {
  static float run(A... a) {
    const float result = function(a...);
    return result > 0 ? (result < 1 ? result : 1) : 0;
  }
};
template <auto function>
constexpr auto saturated = Saturated<function>::run;

/// .f32x2: two numbers in a register of 64 bits.
template <auto function>
struct PairOfSingles;
template <typename... A, float (*function)(A...)>
struct PairOfSingles<function> {
  template <typename>
  using Word = std::uint64_t;
  static std::uint64_t run(Word<A>... a) {
    const auto half = [](std::uint64_t bits) {
      return __builtin_bit_cast(float, static_cast<std::uint32_t>(bits));
    };
    const auto raw = [](float value) {
      return std::uint64_t{__builtin_bit_cast(std::uint32_t, value)};
    };
    return raw(function(half(a >> 32)...)) << 32 | raw(function(half(a)...));
  }
};
template <auto function>
constexpr auto pair_of_singles = PairOfSingles<function>::run;

}  // namespace
}  // namespace lq::emulator
