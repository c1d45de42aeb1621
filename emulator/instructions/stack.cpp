#include "emulator/instructions/stack.h"

#include <algorithm>

#include "core/error.h"
#include "emulator/instructions/memory_access.h"
#include "emulator/machine/interpreter.h"

namespace lq::emulator {
namespace {

std::uint64_t value_of(const Frame& frame, const Instruction& instruction, int lane) {
  const Slot slot = instruction.sources[0];
  return instruction.register_bytes == 8 ? frame.lanes<std::uint64_t>(slot)[lane]
                                         : frame.lanes<std::uint32_t>(slot)[lane];
}

void set_all(Frame& frame, const Instruction& instruction, LaneMask mask, std::uint32_t value) {
  const Slot slot = instruction.results[0];
  for_each_lane(mask, [&](int lane) {
    if (instruction.register_bytes == 8) {
      frame.lanes<std::uint64_t>(slot)[lane] = value;
    } else {
      frame.lanes<std::uint32_t>(slot)[lane] = value;
    }
  });
}

}  // namespace

void allocate_on_stack(Frame& frame, const Instruction& instruction, LaneMask mask) {
  Warp& warp = warp_of(frame);
  // All lanes take as much as the one that wants most.
  std::uint64_t bytes = 0;
  for_each_lane(mask, [&](int lane) {
    const std::uint64_t wanted = value_of(frame, instruction, lane);
    if (wanted > most_local_bytes) {
      fault(warp, instruction, lane,
            fmt::format("alloca of {} bytes, at most {} expected", wanted, most_local_bytes));
    }
    bytes = std::max(bytes, wanted);
  });
  set_all(frame, instruction, mask, grow_stack(warp, static_cast<std::uint32_t>(bytes)));
}

void save_stack(Frame& frame, const Instruction& instruction, LaneMask mask) {
  const Activation& top = warp_of(frame).top();
  set_all(frame, instruction, mask, top.local + top.function->local_bytes + top.stack_bytes);
}

void restore_stack(Frame& frame, const Instruction& instruction, LaneMask mask) {
  Activation& top = warp_of(frame).top();
  if (mask != top.live) return;
  std::uint64_t end = 0;
  for_each_lane(mask, [&](int lane) { end = std::max(end, value_of(frame, instruction, lane)); });
  const std::uint64_t begin = std::uint64_t{top.local} + top.function->local_bytes;
  if (end >= begin && end - begin <= top.stack_bytes) {
    top.stack_bytes = static_cast<std::uint32_t>(end - begin);
  }
}

}  // namespace lq::emulator
