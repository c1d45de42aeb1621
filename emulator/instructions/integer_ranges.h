// Ranges of integer types. For files that are compiled once per instruction set.
#pragma once

#include "emulator/instructions/lane_loops.h"

namespace lq::emulator::LQNET_ISA {
namespace {

template <typename T>
constexpr bool is_signed = static_cast<T>(-1) < static_cast<T>(0);
template <typename T>
constexpr T highest = is_signed<T> ? static_cast<T>((u64{1} << (8 * sizeof(T) - 1)) - 1)
                                   : static_cast<T>(-1);
template <typename T>
constexpr T lowest = is_signed<T> ? static_cast<T>(u64{1} << (8 * sizeof(T) - 1)) : T{0};

}  // namespace
}  // namespace lq::emulator::LQNET_ISA
