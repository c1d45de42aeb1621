// Ranges of integer types, and the registers that they travel in. For files that are compiled once
// per instruction set.
#pragma once

#include "emulator/instructions/lane_loops.h"

namespace lq::emulator::LQNET_ISA {
namespace {

// Bytes travel in registers of 16 bits.
template <typename T>
struct Register {
  using Type = T;
};
template <>
struct Register<u8> {
  using Type = u16;
};
template <>
struct Register<s8> {
  using Type = s16;
};
template <typename T>
using RegisterOf = typename Register<T>::Type;

template <typename T>
constexpr bool is_signed = static_cast<T>(-1) < static_cast<T>(0);
template <typename T>
constexpr T highest = is_signed<T> ? static_cast<T>((u64{1} << (8 * sizeof(T) - 1)) - 1)
                                   : static_cast<T>(-1);
template <typename T>
constexpr T lowest = is_signed<T> ? static_cast<T>(u64{1} << (8 * sizeof(T) - 1)) : T{0};

}  // namespace
}  // namespace lq::emulator::LQNET_ISA
