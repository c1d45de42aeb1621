#include "emulator/instructions/wmma_memory.h"

#include <algorithm>

#include "emulator/instructions/matrix.h"
#include "emulator/instructions/memory_access.h"

namespace lq::emulator {
namespace {

/// How wmma reads or writes the lanes' registers: in parts of `unit` bytes each.
class FragmentAccess {
 public:
  FragmentAccess(Warp& warp, const Instruction& instruction, LaneMask mask)
      : warp_(warp),
        instruction_(instruction),
        transfer_(operation_of<MatrixTransfer>(warp, instruction)),
        bits_(bits_of(transfer_.element)),
        register_bytes_(bits_ == 64 ? 8 : 4),
        start_(warp, instruction, 1) {
    require_whole_warp(warp, instruction, mask);
    const bool in_words = transfer_.inner_is_contiguous && !transfer_.is_accumulator;
    unit_ = in_words ? register_bytes_ : static_cast<unsigned>(bits_ / 8);
    stride_ = warp.lanes<std::int32_t>(instruction.sources[2])[0];
    check_operands();
  }

  /// Calls body(bytes in memory, bytes in the register, their number).
  template <typename Body>
  void run(AccessKind kind, Body&& body) {
    const Slot* const slots = slots_of(warp_, instruction_);
    const int parts = static_cast<int>(register_bytes_ / unit_);
    for (int r = 0; r < transfer_.registers; ++r) {
      auto* const lanes = warp_.lanes<std::byte>(slots[r]);
      for (int part = 0; part < parts; ++part) {
        LaneAddresses addresses = start_;
        for (int lane = 0; lane < warp_size; ++lane) {
          addresses.values[lane] += offset(r, lane, part);
        }
        count_request(warp_, instruction_, addresses, all_lanes, {instruction_.space, kind, unit_});
        for (int lane = 0; lane < warp_size; ++lane) {
          std::byte* const memory =
              checked_bytes(warp_, instruction_, lane, addresses[lane], unit_, kind);
          body(memory,
               lanes + static_cast<unsigned>(lane) * register_bytes_ +
                   static_cast<unsigned>(part) * unit_,
               unit_);
        }
      }
    }
  }

 private:
  /// Lanes agree on the matrix, and its start is aligned to what a lane has of it. The PTX ISA
  /// wants that of each row, too, but the CUDA C++ guide is content with 16 bytes there, and
  /// programs are.
  void check_operands() const {
    const auto* const strides = warp_.lanes<std::int32_t>(instruction_.sources[2]);
    for (int lane = 1; lane < warp_size; ++lane) {
      if (start_[lane] == start_[0] && strides[lane] == stride_) continue;
      fault(warp_, instruction_, lane,
            "wmma: the lane's address or stride differs from those of lane 0");
    }
    const unsigned bytes = static_cast<unsigned>(transfer_.registers) * register_bytes_;
    if (start_[0] % bytes != 0) {
      fault(warp_, instruction_, 0,
            fmt::format("wmma: address {:#x}, a multiple of {} bytes expected", start_[0], bytes));
    }
    const int row_bits = 8 * static_cast<int>(std::min(bytes, 16U));
    if (std::int64_t{stride_} * bits_ % row_bits != 0) {
      fault(warp_, instruction_, 0,
            fmt::format("wmma: stride of {} elements, a multiple of {} expected", stride_,
                        row_bits / bits_));
    }
  }

  /// In bytes, of part `part` of register r.
  std::uint64_t offset(int r, int lane, int part) const {
    int outer = lane / 4;
    int inner = 0;
    const int row_blocks = transfer_.outer / 8;
    if (transfer_.is_accumulator) {
      const bool is_pair = transfer_.element == MatrixElement::f16;
      const int block = is_pair ? r : r / 2;
      outer += 8 * (block % row_blocks);
      inner = 8 * (block / row_blocks) + 2 * (lane % 4) + (is_pair ? part : r % 2);
    } else {
      // Registers beyond those that hold the matrix repeat it.
      const int block = r % operand_registers(transfer_.outer, transfer_.inner, transfer_.element);
      outer += 8 * (block % row_blocks);
      const int per_register = static_cast<int>(register_bytes_) * 8 / bits_;
      inner = (block / row_blocks * 4 + lane % 4) * per_register + part;
    }
    const std::int64_t element = transfer_.inner_is_contiguous
                                     ? std::int64_t{outer} * stride_ + inner
                                     : std::int64_t{inner} * stride_ + outer;
    return static_cast<std::uint64_t>(element * bits_ / 8);
  }

  Warp& warp_;
  const Instruction& instruction_;
  const MatrixTransfer& transfer_;
  int bits_;
  unsigned register_bytes_;
  LaneAddresses start_;
  unsigned unit_ = 0;
  std::int32_t stride_ = 0;
};

}  // namespace

void load_fragment(Frame& frame, const Instruction& instruction, LaneMask mask) {
  FragmentAccess access(warp_of(frame), instruction, mask);
  access.run(AccessKind::read, [](const std::byte* memory, std::byte* lane, unsigned bytes) {
    std::memcpy(lane, memory, bytes);
  });
}

void store_fragment(Frame& frame, const Instruction& instruction, LaneMask mask) {
  FragmentAccess access(warp_of(frame), instruction, mask);
  access.run(AccessKind::write, [](std::byte* memory, const std::byte* lane, unsigned bytes) {
    std::memcpy(memory, lane, bytes);
  });
}

}  // namespace lq::emulator
