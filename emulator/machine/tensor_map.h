// What a CUtensorMap holds here: the layout of a device's own is not known, and programs treat it
// as opaque.
#pragma once

#include <array>
#include <cstdint>

namespace lq::emulator {

/// A tensor of global memory and the box of it that one instruction copies. Dimensions are those of
/// the tensor, the innermost first.
struct alignas(64) TensorMap {
  static constexpr std::uint32_t expected_magic = 0x50414D54;
  static constexpr int most_dimensions = 5;

  std::uint32_t magic = expected_magic;
  std::uint8_t rank = 0;
  std::uint8_t element_bytes = 0;
  std::uint8_t swizzle_bytes = 0;  // 0: rows lie as they are
  bool fills_with_nan = false;     // what is out of bounds, instead of zeros
  std::array<char, 8> type{};      // of an element, as in PTX
  std::uint64_t address = 0;
  std::array<std::uint64_t, most_dimensions - 1> strides{};  // bytes, of dimensions 1 and up
  std::array<std::uint32_t, most_dimensions> last{};         // index of each dimension
  std::array<std::uint16_t, most_dimensions> box{};          // elements that it spans
  std::array<std::uint8_t, most_dimensions> element_strides{};
};
static_assert(sizeof(TensorMap) == 128);

}  // namespace lq::emulator
