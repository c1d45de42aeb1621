#include "emulator/instructions/warpgroup.h"

#include <algorithm>

#include "emulator/instructions/integers.h"
#include "emulator/instructions/matrix.h"
#include "emulator/instructions/memory_access.h"

namespace lq::emulator {
namespace {

using namespace integers;

constexpr int warps_of_group = 4;
constexpr int rows_of_warp = 16;
constexpr int most_columns = 256;
constexpr unsigned chunk = WarpgroupState::read_bytes;  // lie together in every layout
constexpr int words_of_row = 8;                         // along the depth
constexpr u32 register_unit = 64;                       // no two registers start in one

void require_whole_group(const Warp& warp, const Instruction& instruction, LaneMask mask) {
  require_whole_warp(warp, instruction, mask);
  const std::size_t first = static_cast<std::size_t>(warp.index / warps_of_group * warps_of_group);
  const std::vector<Warp>& warps = warp.block->warps;
  if (first + warps_of_group <= warps.size()) return;
  fault(warp, instruction, 0,
        fmt::format("a warpgroup has 4 warps, but the block's last one has {}",
                    warps.size() - first));
}

/// A matrix in shared memory, as its descriptor says. What is read counts as being read until the
/// open group is complete.
class SharedMatrix {
 public:
  SharedMatrix(Warp& warp, const Instruction& instruction, int source, bool outer_is_contiguous)
      : warp_(warp), instruction_(instruction), outer_is_contiguous_(outer_is_contiguous) {
    const auto* const descriptors = warp.lanes<u64>(instruction.sources[source]);
    if (!std::equal(descriptors + 1, descriptors + warp_size, descriptors)) {
      fault(warp, instruction, 0, "wgmma: lanes of the warp have different descriptors");
    }
    const u64 bits = descriptors[0];
    start_ = (bits & 0x3FFF) * chunk;
    leading_ = (bits >> 16 & 0x3FFF) * chunk;
    stride_ = (bits >> 32 & 0x3FFF) * chunk;
    constexpr u64 chunks_of_mode[] = {1, 8, 4, 2};
    row_chunks_ = chunks_of_mode[bits >> 62];
    if (const u64 base_offset = bits >> 49 & 7; base_offset != 0) {
      fault(warp, instruction, 0,
            fmt::format("wgmma: base offset {} in a descriptor is not supported by the emulator",
                        base_offset));
    }
  }

  /// Rows `first` and following as words along the depth.
  void read(int first, int rows, u32* words) const {
    if (outer_is_contiguous_) {
      read_transposed(first, rows, words);
      return;
    }
    for (int row = 0; row < rows; ++row) {
      for (u64 i = 0; i < 2; ++i) {
        std::memcpy(words + row * words_of_row + 4 * i,
                    bytes_at(chunk_along_depth(static_cast<u64>(first + row), i)), chunk);
      }
    }
  }

 private:
  /// 8 rows of a chunk each; chunks along the depth follow in the row if they are swizzled.
  u64 chunk_along_depth(u64 row, u64 i) const {
    const u64 step = row_chunks_ == 1 ? leading_ : chunk;
    return start_ + row % 8 * (row_chunks_ * chunk) + row / 8 * stride_ + i * step;
  }
  /// 8 rows of elements with the same place along the depth.
  u64 chunk_of_rows(u64 row_block, u64 depth) const {
    const u64 of_depth = depth % 8 * (row_chunks_ * chunk);
    if (row_chunks_ == 1) return start_ + of_depth + row_block * stride_ + depth / 8 * leading_;
    return start_ + of_depth + row_block % row_chunks_ * chunk +
           row_block / row_chunks_ * leading_ + depth / 8 * stride_;
  }
  const std::byte* bytes_at(u64 offset) const {
    // The place within 8 chunks is mixed with the number of the 128 bytes.
    offset ^= (offset >> 7 & (row_chunks_ - 1)) * chunk;
    Block& block = *warp_.block;
    SharedMemory& shared = block.shared;
    if (offset + chunk > shared.bytes()) {
      fault_bounds(warp_, instruction_, 0, "shared", offset, chunk, shared.bytes());
    }
    const auto at = static_cast<u32>(offset);
    const u32 place = place_of(warp_, instruction_);
    check_shared(warp_, instruction_, 0, {&block, at}, chunk, AccessKind::read,
                 shared.begin_read(warp_.agent, at, chunk, place));
    WarpgroupState& state = warp_.warpgroup;
    state.reads.push_back({state.committed + 1, place, at});
    return shared.data() + offset;
  }
  void read_transposed(int first, int rows, u32* words) const {
    auto* const elements = reinterpret_cast<std::uint16_t*>(words);
    constexpr int depth = 2 * words_of_row;
    for (int row = 0; row < rows; row += 8) {
      for (int i = 0; i < depth; ++i) {
        std::uint16_t column[8];
        std::memcpy(
            column,
            bytes_at(chunk_of_rows(static_cast<u64>((first + row) / 8), static_cast<u64>(i))),
            chunk);
        for (int r = 0; r < 8; ++r) elements[(row + r) * depth + i] = column[r];
      }
    }
  }

  Warp& warp_;
  const Instruction& instruction_;
  bool outer_is_contiguous_;
  u64 start_ = 0;
  u64 leading_ = 0;
  u64 stride_ = 0;
  u64 row_chunks_ = 1;
};

/// Whether d is added: the same for all lanes.
bool takes_sum(const Warp& warp, const Instruction& instruction) {
  const LaneMask scale = warp.predicate(instruction.sources[3]);
  if (scale != 0 && scale != all_lanes) {
    fault(warp, instruction, 0, "wgmma: lanes of the warp have different values of scale-d");
  }
  return scale != 0;
}

std::size_t register_index(const Warp& warp, Slot slot) {
  return (warp.activations.back().registers + slot.position) / register_unit;
}

/// Notes that the group that is open uses these registers.
void note_use(Warp& warp, const Slot* slots, int count, u32 WarpgroupState::Use::*use) {
  WarpgroupState& state = warp.warpgroup;
  for (int r = 0; r < count; ++r) {
    const std::size_t index = register_index(warp, slots[r]);
    if (index >= state.registers.size()) state.registers.resize(index + 1);
    state.registers[index].*use = state.committed + 1;
  }
}

/// What is left to wait for before the register in source 0 is touched.
WarpgroupState::Use open_use(const Warp& warp, const Instruction& instruction) {
  const WarpgroupState& state = warp.warpgroup;
  const std::size_t index = register_index(warp, instruction.sources[0]);
  if (index >= state.registers.size()) return {};
  const auto open = [&](u32 group) { return group > state.completed ? group : 0; };
  const WarpgroupState::Use& use = state.registers[index];
  return {.writing = open(use.writing), .reading = open(use.reading)};
}

[[noreturn]] void fault_early(const Warp& warp, const Instruction& instruction, LaneMask mask,
                              const char* does) {
  fault(
      warp, instruction, std::countr_zero(mask),
      fmt::format("wgmma.mma_async {} a register of this instruction, and no wgmma.wait_group has "
                  "waited for it",
                  does));
}

}  // namespace

void multiply_warpgroup(Frame& frame, const Instruction& instruction, LaneMask mask) {
  Warp& warp = warp_of(frame);
  require_whole_group(warp, instruction, mask);
  if (!warp.warpgroup.fenced) {
    fault(warp, instruction, 0, "wgmma: no wgmma.fence before the warp's first product");
  }
  const auto& operation = operation_of<WarpgroupProduct>(warp, instruction);
  const MatrixProduct& product = operation.product;
  const Slot* const d = slots_of(warp, instruction);
  const int results = accumulator_registers(product.rows, product.columns, product.result);
  alignas(64) u32 a[rows_of_warp * words_of_row];
  alignas(64) u32 b[most_columns * words_of_row];
  if (operation.a_in_registers) {
    gather_operand(frame, d + results, product.rows, product.depth, product.a, a);
  } else {
    const int first = warp.index % warps_of_group * rows_of_warp;
    SharedMatrix(warp, instruction, 1, operation.a_outer_is_contiguous)
        .read(first, rows_of_warp, a);
  }
  SharedMatrix(warp, instruction, 2, operation.b_outer_is_contiguous).read(0, product.columns, b);
  multiply_words(frame, product, a, b, operation.negates,
                 takes_sum(warp, instruction) ? d : nullptr, d);
  note_use(warp, d, results, &WarpgroupState::Use::writing);
  if (operation.a_in_registers) {
    const int operands = operand_registers(product.rows, product.depth, product.a);
    note_use(warp, d + results, operands, &WarpgroupState::Use::reading);
  }
}

void fence_warpgroup(Frame& frame, const Instruction& instruction, LaneMask mask) {
  require_whole_group(warp_of(frame), instruction, mask);
  warp_of(frame).warpgroup.fenced = true;
}

void commit_warpgroup(Frame& frame, const Instruction& instruction, LaneMask mask) {
  require_whole_group(warp_of(frame), instruction, mask);
  ++warp_of(frame).warpgroup.committed;
}

void wait_for_warpgroup(Frame& frame, const Instruction& instruction, LaneMask mask) {
  require_whole_group(warp_of(frame), instruction, mask);
  WarpgroupState& state = warp_of(frame).warpgroup;
  const u32 may_be_open = std::min<u32>(instruction.detail, state.committed);
  state.completed = std::max(state.completed, state.committed - may_be_open);
  const auto first_open =
      std::find_if(state.reads.begin(), state.reads.end(),
                   [&](const WarpgroupState::Read& read) { return read.group > state.completed; });
  for (auto read = state.reads.begin(); read != first_open; ++read) {
    warp_of(frame).block->shared.end_read(read->offset, chunk);
  }
  state.reads.erase(state.reads.begin(), first_open);
}

void check_may_be_read(Frame& frame, const Instruction& instruction, LaneMask mask) {
  const Warp& warp = warp_of(frame);
  if (open_use(warp, instruction).writing != 0) fault_early(warp, instruction, mask, "writes");
}

void check_may_be_written(Frame& frame, const Instruction& instruction, LaneMask mask) {
  const Warp& warp = warp_of(frame);
  const WarpgroupState::Use use = open_use(warp, instruction);
  if (use.writing != 0) fault_early(warp, instruction, mask, "writes");
  if (use.reading != 0) fault_early(warp, instruction, mask, "reads");
}

void check_whole_warpgroup(Frame& frame, const Instruction& instruction, LaneMask mask) {
  require_whole_group(warp_of(frame), instruction, mask);
}

}  // namespace lq::emulator
