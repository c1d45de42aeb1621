#include "emulator/instructions/matrix_memory.h"

#include <algorithm>
#include <array>

#include "emulator/instructions/matrix.h"
#include "emulator/instructions/memory_access.h"

namespace lq::emulator {
namespace {

constexpr unsigned row_bytes = 16;

/// 8 x 8 elements of 16 bits. In a register lane `4 * row + i` has elements 2 i and 2 i + 1 of its
/// row, so that the lanes side by side are the rows one behind the other.
struct SmallMatrix {
  std::array<std::array<std::uint16_t, 8>, 8> rows;

  SmallMatrix transposed() const {
    SmallMatrix result;
    for (std::size_t row = 0; row < 8; ++row) {
      for (std::size_t column = 0; column < 8; ++column) {
        result.rows[column][row] = rows[row][column];
      }
    }
    return result;
  }
};
static_assert(sizeof(SmallMatrix) == sizeof(std::uint32_t) * warp_size);

SmallMatrix matrix_in(const Frame& frame, Slot slot) {
  SmallMatrix matrix;
  std::memcpy(&matrix, frame.lanes<std::byte>(slot), sizeof(matrix));
  return matrix;
}
void put_matrix(const Frame& frame, Slot slot, const SmallMatrix& matrix) {
  std::memcpy(frame.lanes<std::byte>(slot), &matrix, sizeof(matrix));
}

/// Calls body(row of matrix, checked bytes) for each row of each register's matrix.
template <typename Body>
void for_each_row(Warp& warp, const Instruction& instruction, LaneMask mask, AccessKind kind,
                  Body&& body) {
  require_whole_warp(warp, instruction, mask);
  const LaneAddresses addresses(warp, instruction, 1);
  const int rows = 8 * instruction.list_size;
  const LaneMask lanes = rows == warp_size ? all_lanes : (LaneMask{1} << rows) - 1;
  count_request(warp, instruction, addresses, lanes, {instruction.space, kind, row_bytes});
  for (int row = 0; row < rows; ++row) {
    body(static_cast<std::size_t>(row),
         checked_bytes(warp, instruction, row, addresses[row], row_bytes, kind));
  }
}

template <bool is_transposed>
void load_rows(Frame& frame, const Instruction& instruction, LaneMask mask) {
  Warp& warp = warp_of(frame);
  std::array<SmallMatrix, 4> matrices;
  for_each_row(warp, instruction, mask, AccessKind::read,
               [&](std::size_t row, const std::byte* from) {
                 std::memcpy(&matrices[row / 8].rows[row % 8], from, row_bytes);
               });
  const Slot* const slots = slots_of(warp, instruction);
  for (std::size_t i = 0; i < instruction.list_size; ++i) {
    put_matrix(frame, slots[i], is_transposed ? matrices[i].transposed() : matrices[i]);
  }
}

template <bool is_transposed>
void store_rows(Frame& frame, const Instruction& instruction, LaneMask mask) {
  Warp& warp = warp_of(frame);
  const Slot* const slots = slots_of(warp, instruction);
  std::array<SmallMatrix, 4> matrices;
  for (std::size_t i = 0; i < instruction.list_size; ++i) {
    const SmallMatrix matrix = matrix_in(frame, slots[i]);
    matrices[i] = is_transposed ? matrix.transposed() : matrix;
  }
  for_each_row(warp, instruction, mask, AccessKind::write, [&](std::size_t row, std::byte* to) {
    std::memcpy(to, &matrices[row / 8].rows[row % 8], row_bytes);
  });
}

}  // namespace

void load_matrices(Frame& frame, const Instruction& instruction, LaneMask mask) {
  load_rows<false>(frame, instruction, mask);
}
void load_matrices_transposed(Frame& frame, const Instruction& instruction, LaneMask mask) {
  load_rows<true>(frame, instruction, mask);
}
void store_matrices(Frame& frame, const Instruction& instruction, LaneMask mask) {
  store_rows<false>(frame, instruction, mask);
}
void store_matrices_transposed(Frame& frame, const Instruction& instruction, LaneMask mask) {
  store_rows<true>(frame, instruction, mask);
}

void transpose_matrix(Frame& frame, const Instruction& instruction, LaneMask mask) {
  const Warp& warp = warp_of(frame);
  require_whole_warp(warp, instruction, mask);
  const Slot* const slots = slots_of(warp, instruction);
  put_matrix(frame, slots[0], matrix_in(frame, slots[1]).transposed());
}

}  // namespace lq::emulator
