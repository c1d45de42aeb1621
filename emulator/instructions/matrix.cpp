#include "emulator/instructions/matrix.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "emulator/instructions/memory_access.h"

namespace lq::emulator {
namespace {

using u32 = std::uint32_t;
using s32 = std::int32_t;

template <typename T>
T* list_lanes(Frame& frame, const Instruction& instruction, int index) {
  const Warp& warp = static_cast<Warp&>(frame);
  const Activation& top = warp.activations.back();
  return frame.lanes<T>(top.function->lists[instruction.list + static_cast<u32>(index)]);
}

/// Lane `lane` holds of an operand with rows (of A) or columns (of B) of words of 32 bits: register
/// r has the word `lane % 4 + 4 * (r / row_groups)` of row `lane / 4 + 8 * (r % row_groups)`.
template <int row_groups, int registers>
struct Words {
  static constexpr int words = 4 * registers / row_groups;
  std::array<std::array<u32, words>, 8 * row_groups> values;

  Words(Frame& frame, const Instruction& instruction, int first) {
    for (int r = 0; r < registers; ++r) {
      const u32* const from = list_lanes<u32>(frame, instruction, first + r);
      for (int lane = 0; lane < warp_size; ++lane) {
        const int row = lane / 4 + 8 * (r % row_groups);
        const int word = lane % 4 + 4 * (r / row_groups);
        values[static_cast<std::size_t>(row)][static_cast<std::size_t>(word)] = from[lane];
      }
    }
  }
};

/// Accumulators: register r has column `2 * (lane % 4) + r % 2` of row `lane / 4 + 8 * (r / 2)`.
template <typename T, int rows, typename Product>
void accumulate(Frame& frame, const Instruction& instruction, int first_c, Product&& product) {
  constexpr int registers = rows / 4;
  T results[registers][warp_size];
  for (int r = 0; r < registers; ++r) {
    const T* const c = list_lanes<T>(frame, instruction, first_c + r);
    for (int lane = 0; lane < warp_size; ++lane) {
      results[r][lane] = product(lane / 4 + 8 * (r / 2), 2 * (lane % 4) + r % 2, c[lane]);
    }
  }
  for (int r = 0; r < registers; ++r) {
    std::copy_n(results[r], warp_size, list_lanes<T>(frame, instruction, r));
  }
}

/// Products of words, added up: rows x words of A with columns x words of B. Register counts of d
/// and c are rows / 4.
template <typename T, int rows, int a_registers, int b_registers, T (*dot)(T, u32, u32)>
void multiply(Frame& frame, const Instruction& instruction, LaneMask) {
  constexpr int row_groups = rows / 8;
  constexpr int d_registers = rows / 4;
  const Words<row_groups, a_registers> a(frame, instruction, d_registers);
  const Words<1, b_registers> b(frame, instruction, d_registers + a_registers);
  static_assert(decltype(a)::words == decltype(b)::words);
  accumulate<T, rows>(frame, instruction, d_registers + a_registers + b_registers,
                      [&](int row, int column, T sum) {
                        const auto& x = a.values[static_cast<std::size_t>(row)];
                        const auto& y = b.values[static_cast<std::size_t>(column)];
                        for (std::size_t word = 0; word < x.size(); ++word) {
                          sum = dot(sum, x[word], y[word]);
                        }
                        return sum;
                      });
}

s32 xor_popc(s32 sum, u32 a, u32 b) { return sum + std::popcount(a ^ b); }
s32 and_popc(s32 sum, u32 a, u32 b) { return sum + std::popcount(a & b); }

/// Four bytes, with or without sign; sums wrap around.
template <bool a_signed, bool b_signed>
s32 dot_bytes(s32 sum, u32 a, u32 b) {
  u32 total = static_cast<u32>(sum);
  for (int i = 0; i < 32; i += 8) {
    const u32 x = a >> i & 0xFF;
    const u32 y = b >> i & 0xFF;
    total += (a_signed ? (x ^ 0x80) - 0x80 : x) * (b_signed ? (y ^ 0x80) - 0x80 : y);
  }
  return static_cast<s32>(total);
}

constexpr MatrixForm forms[] = {
    {"m8n8k128.row.col.s32.b1.b1.s32.xor.popc", multiply<s32, 8, 1, 1, xor_popc>, 2, 1, 1, 2},
    {"m8n8k128.row.col.s32.b1.b1.s32.and.popc", multiply<s32, 8, 1, 1, and_popc>, 2, 1, 1, 2},
    {"m16n8k128.row.col.s32.b1.b1.s32.xor.popc", multiply<s32, 16, 2, 1, xor_popc>, 4, 2, 1, 4},
    {"m16n8k128.row.col.s32.b1.b1.s32.and.popc", multiply<s32, 16, 2, 1, and_popc>, 4, 2, 1, 4},
    {"m16n8k256.row.col.s32.b1.b1.s32.xor.popc", multiply<s32, 16, 4, 2, xor_popc>, 4, 4, 2, 4},
    {"m16n8k256.row.col.s32.b1.b1.s32.and.popc", multiply<s32, 16, 4, 2, and_popc>, 4, 4, 2, 4},
    {"m8n8k16.row.col.s32.s8.s8.s32", multiply<s32, 8, 1, 1, dot_bytes<true, true>>, 2, 1, 1, 2},
    {"m8n8k16.row.col.s32.u8.u8.s32", multiply<s32, 8, 1, 1, dot_bytes<false, false>>, 2, 1, 1, 2},
    {"m8n8k16.row.col.s32.u8.s8.s32", multiply<s32, 8, 1, 1, dot_bytes<false, true>>, 2, 1, 1, 2},
    {"m8n8k16.row.col.s32.s8.u8.s32", multiply<s32, 8, 1, 1, dot_bytes<true, false>>, 2, 1, 1, 2},
    {"m16n8k16.row.col.s32.s8.s8.s32", multiply<s32, 16, 2, 1, dot_bytes<true, true>>, 4, 2, 1, 4},
    {"m16n8k16.row.col.s32.u8.u8.s32", multiply<s32, 16, 2, 1, dot_bytes<false, false>>, 4, 2, 1,
     4},
    {"m16n8k16.row.col.s32.u8.s8.s32", multiply<s32, 16, 2, 1, dot_bytes<false, true>>, 4, 2, 1, 4},
    {"m16n8k16.row.col.s32.s8.u8.s32", multiply<s32, 16, 2, 1, dot_bytes<true, false>>, 4, 2, 1, 4},
    {"m16n8k32.row.col.s32.s8.s8.s32", multiply<s32, 16, 4, 2, dot_bytes<true, true>>, 4, 4, 2, 4},
    {"m16n8k32.row.col.s32.u8.u8.s32", multiply<s32, 16, 4, 2, dot_bytes<false, false>>, 4, 4, 2,
     4},
    {"m16n8k32.row.col.s32.u8.s8.s32", multiply<s32, 16, 4, 2, dot_bytes<false, true>>, 4, 4, 2, 4},
    {"m16n8k32.row.col.s32.s8.u8.s32", multiply<s32, 16, 4, 2, dot_bytes<true, false>>, 4, 4, 2, 4},
};

}  // namespace

const MatrixForm* find_matrix_form(std::string_view text) {
  const auto* const found = std::find_if(std::begin(forms), std::end(forms),
                                         [&](const MatrixForm& form) { return form.text == text; });
  return found == std::end(forms) ? nullptr : found;
}

}  // namespace lq::emulator
