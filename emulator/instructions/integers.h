// Integers by their size in bits, as PTX names them. In a namespace of their own, which files that
// compute with them use: elsewhere these are names of PTX types.
#pragma once

#include <cstdint>
#include <type_traits>

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
using RegisterOf =
    std::conditional_t<sizeof(T) != 1, T, std::conditional_t<std::is_signed_v<T>, s16, u16>>;

}  // namespace lq::emulator::integers
