// Precision of products of floats, as libraries offer it.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "emulator/instructions/small_float.h"

namespace lq::emulator {

/// What factors are rounded to; sums are double in each case.
enum class FactorType { f32, tf32, f16, bf16 };

/// 10 bits of fraction, to nearest.
inline float round_to_tf32(float value) {
  if (!std::isfinite(value)) return value;
  constexpr std::uint32_t dropped = 13;
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t half = (1U << (dropped - 1)) - 1 + (bits >> dropped & 1);
  return std::bit_cast<float>((bits + half) >> dropped << dropped);
}

inline double factor(float value, FactorType type) {
  switch (type) {
    case FactorType::f32:
      return value;
    case FactorType::tf32:
      return round_to_tf32(value);
    case FactorType::f16:
      return Binary16::widen(Binary16::round(value, Rounding::nearest));
    case FactorType::bf16:
      return Bfloat16::widen(Bfloat16::round(value, Rounding::nearest));
  }
  return NAN;
}

}  // namespace lq::emulator
