#include <cstddef>

#include "kernels/common/simd.h"
#include "kernels/pool/pool_isa.h"

namespace lq::kernels::LQNET_ISA {

namespace {

using ByteVector = std::uint8_t __attribute__((vector_size(simd_lanes)));
using ShortVector = std::int16_t __attribute__((vector_size(2 * simd_lanes)));

// By way of 16 bits: compilers do a conversion by a factor of four lane by lane.
IntVector widen(ByteVector bytes) {
  return __builtin_convertvector(__builtin_convertvector(bytes, ShortVector), IntVector);
}
ByteVector narrow(IntVector values) {
  return __builtin_convertvector(__builtin_convertvector(values, ShortVector), ByteVector);
}

// A block of channels: a whole vector, or what is left after the last whole one.
struct WholeBlock {
  static constexpr std::size_t lanes = simd_lanes;
};
struct PartialBlock {
  std::size_t lanes;
};

template <typename Vector, typename Element, typename Block>
Vector load_block(const Element* from, Block block) {
  Vector vector{};
  __builtin_memcpy(&vector, from, block.lanes * sizeof(Element));
  return vector;
}

template <typename Element, typename Vector, typename Block>
void store_block(Element* to, const Vector& vector, Block block) {
  __builtin_memcpy(to, &vector, block.lanes * sizeof(Element));
}

/// Runs body(first channel, block) over all channels.
template <typename Body>
void for_each_block(std::int64_t channels, const Body& body) {
  std::int64_t c = 0;
  for (; c + simd_lanes <= channels; c += simd_lanes) body(c, WholeBlock{});
  if (c < channels) body(c, PartialBlock{static_cast<std::size_t>(channels - c)});
}

/// Runs body(offset in elements, place) over the pixels, row by row.
template <typename Body>
void for_each_pixel(const PoolRectangle& pixels, const Body& body) {
  std::int32_t row_place = pixels.first_place;
  for (std::int64_t row = 0; row < pixels.rows; ++row) {
    std::int32_t place = row_place;
    for (std::int64_t column = 0; column < pixels.columns; ++column) {
      body(row * pixels.row_stride + column * pixels.channels, place);
      place += pixels.place_per_column;
    }
    row_place += pixels.place_per_row;
  }
}

void max(const PoolRectangle& pixels, const float* x, float* y, std::uint8_t* argmax) {
  for_each_block(pixels.channels, [&](std::int64_t c, auto block) {
    FloatVector best = load_block<FloatVector>(x + c, block);
    IntVector winner = IntVector{} + pixels.first_place;
    for_each_pixel(pixels, [&](std::int64_t offset, std::int32_t place) {
      const FloatVector value = load_block<FloatVector>(x + offset + c, block);
      // True also for a NaN; the first NaN stays, because it does not equal itself.
      const IntVector wins = ~(value <= best) & (best == best);
      best = wins ? value : best;
      winner = wins ? IntVector{} + place : winner;
    });
    store_block(y + c, best, block);
    if (argmax) store_block(argmax + c, narrow(winner), block);
  });
}

void sum_of_won(const PoolRectangle& windows, const float* grad_y, const std::uint8_t* argmax,
                const float* initial, float* grad_x) {
  for_each_block(windows.channels, [&](std::int64_t c, auto block) {
    FloatVector sum{};
    if (initial) sum = load_block<FloatVector>(initial + c, block);
    for_each_pixel(windows, [&](std::int64_t offset, std::int32_t place) {
      const IntVector won = widen(load_block<ByteVector>(argmax + offset + c, block)) == place;
      sum += won ? load_block<FloatVector>(grad_y + offset + c, block) : FloatVector{};
    });
    store_block(grad_x + c, sum, block);
  });
}

}  // namespace

extern const PoolKernels pool_kernels = {max, sum_of_won};

}  // namespace lq::kernels::LQNET_ISA
