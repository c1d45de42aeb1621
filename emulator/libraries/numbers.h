// Types of numbers that libraries read and write.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "emulator/libraries/float_products.h"

namespace lq::emulator {

enum class Number { f32, f16, s8, s32 };

inline std::size_t bytes_of(Number type) {
  return type == Number::s8 ? 1 : type == Number::f16 ? 2 : 4;
}

/// A packed array of numbers of a type that is known when the program runs.
struct Numbers {
  std::byte* first = nullptr;
  Number type = Number::f32;

  double operator[](std::int64_t i) const {
    switch (type) {
      case Number::f32:
        return read<float>(i);
      case Number::f16:
        return Binary16::widen(read<std::uint16_t>(i));
      case Number::s8:
        return read<std::int8_t>(i);
      case Number::s32:
        return read<std::int32_t>(i);
    }
    return NAN;
  }

  /// Rounds to nearest; integers end at the least and at the largest.
  void set(std::int64_t i, double value) const {
    switch (type) {
      case Number::f32:
        return write(i, static_cast<float>(value));
      case Number::f16:
        return write(i, static_cast<std::uint16_t>(Binary16::round(value, Rounding::nearest)));
      case Number::s8:
        return write(i, saturated<std::int8_t>(value));
      case Number::s32:
        return write(i, saturated<std::int32_t>(value));
    }
  }

 private:
  template <typename T>
  T read(std::int64_t i) const {
    T value;
    std::memcpy(&value, first + i * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
    return value;
  }
  template <typename T>
  void write(std::int64_t i, T value) const {
    std::memcpy(first + i * static_cast<std::int64_t>(sizeof(T)), &value, sizeof(T));
  }
  template <typename T>
  static T saturated(double value) {
    using Limits = std::numeric_limits<T>;
    return static_cast<T>(std::clamp(std::nearbyint(value), static_cast<double>(Limits::min()),
                                     static_cast<double>(Limits::max())));
  }
};

}  // namespace lq::emulator
