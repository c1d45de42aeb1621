// Integers by their size in bits, as PTX names them. In a namespace of their own, which files that
// compute with them use: elsewhere these are names of PTX types. Also for files that are compiled
// once per instruction set (kernels/common/isa_variants.h).
#pragma once

#include <cstdint>

namespace lq::emulator::integers {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using s8 = std::int8_t;
using s16 = std::int16_t;
using s32 = std::int32_t;
using s64 = std::int64_t;

/// Bytes travel in registers of 16 bits.
template <typename T>
struct RegisterFor {
  using Type = T;
};
template <>
struct RegisterFor<u8> {
  using Type = u16;
};
template <>
struct RegisterFor<s8> {
  using Type = s16;
};
template <typename T>
using RegisterOf = typename RegisterFor<T>::Type;

}  // namespace lq::emulator::integers
