#include "emulator/instructions/data.h"

#include "emulator/instructions/handler.h"

namespace lq::emulator {
namespace {

const DeviceMemory& memory_of(Frame& frame) { return warp_of(frame).block->memory(); }

// Bytes are in registers of 16 bits.
template <typename Whole, typename Register, int part_bits>
void pack(Frame& frame, const Instruction& instruction, LaneMask mask) {
  const Slot* const parts = slots_of(warp_of(frame), instruction);
  Whole values[warp_size] = {};
  for (int part = 0; part < instruction.list_size; ++part) {
    const Register* const from = frame.lanes<Register>(parts[part]);
    constexpr auto ones = static_cast<Whole>((std::uint64_t{1} << part_bits) - 1);
    for (int lane = 0; lane < warp_size; ++lane) {
      const auto value = static_cast<Whole>(static_cast<Whole>(from[lane]) & ones);
      values[lane] = static_cast<Whole>(values[lane] | value << (part * part_bits));
    }
  }
  Whole* const to = frame.lanes<Whole>(instruction.results[0]);
  for_each_lane(mask, [&](int lane) { to[lane] = values[lane]; });
}

template <typename Whole, typename Register, int part_bits>
void unpack(Frame& frame, const Instruction& instruction, LaneMask mask) {
  const Slot* const parts = slots_of(warp_of(frame), instruction);
  const Whole* const from = frame.lanes<Whole>(instruction.sources[0]);
  // A part may be the register that is split.
  Whole values[warp_size];
  for (int lane = 0; lane < warp_size; ++lane) values[lane] = from[lane];
  for (int part = 0; part < instruction.list_size; ++part) {
    Register* const to = frame.lanes<Register>(parts[part]);
    constexpr auto ones = static_cast<Whole>((std::uint64_t{1} << part_bits) - 1);
    for_each_lane(mask, [&](int lane) {
      to[lane] = static_cast<Register>(values[lane] >> (part * part_bits) & ones);
    });
  }
}

template <typename Function>
void map_addresses(Frame& frame, const Instruction& instruction, LaneMask mask,
                   Function&& function) {
  const auto* const from = frame.lanes<std::uint64_t>(instruction.sources[0]);
  auto* const to = frame.lanes<std::uint64_t>(instruction.results[0]);
  for_each_lane(mask, [&](int lane) { to[lane] = function(from[lane]); });
}

template <typename Test>
void test_addresses(Frame& frame, const Instruction& instruction, LaneMask mask, Test&& test) {
  const auto* const from = frame.lanes<std::uint64_t>(instruction.sources[0]);
  LaneMask bits = 0;
  for_each_lane(mask, [&](int lane) { bits |= LaneMask{test(from[lane])} << lane; });
  LaneMask& to = frame.predicate(instruction.results[0]);
  to = (to & ~mask) | bits;
}

}  // namespace

Handler pack_handler(int part_bytes, int parts) {
  const int bytes = part_bytes * parts;
  if (bytes == 2 && part_bytes == 1) return pack<std::uint16_t, std::uint16_t, 8>;
  if (bytes == 4 && part_bytes == 1) return pack<std::uint32_t, std::uint16_t, 8>;
  if (bytes == 4 && part_bytes == 2) return pack<std::uint32_t, std::uint16_t, 16>;
  if (bytes == 8 && part_bytes == 2) return pack<std::uint64_t, std::uint16_t, 16>;
  if (bytes == 8 && part_bytes == 4) return pack<std::uint64_t, std::uint32_t, 32>;
  return nullptr;
}

Handler unpack_handler(int part_bytes, int parts) {
  const int bytes = part_bytes * parts;
  if (bytes == 2 && part_bytes == 1) return unpack<std::uint16_t, std::uint16_t, 8>;
  if (bytes == 4 && part_bytes == 1) return unpack<std::uint32_t, std::uint16_t, 8>;
  if (bytes == 4 && part_bytes == 2) return unpack<std::uint32_t, std::uint16_t, 16>;
  if (bytes == 8 && part_bytes == 2) return unpack<std::uint64_t, std::uint16_t, 16>;
  if (bytes == 8 && part_bytes == 4) return unpack<std::uint64_t, std::uint32_t, 32>;
  return nullptr;
}

void to_shared_window(Frame& frame, const Instruction& instruction, LaneMask mask) {
  const std::uint64_t base = memory_of(frame).shared_window();
  // Other blocks of the cluster may be given the address.
  const Block& block = *warp_of(frame).block;
  const bool is_alone = block.cluster->blocks.size() == 1;
  const std::uint64_t own = is_alone ? 0 : (block.rank + 1) * DeviceMemory::window_bytes;
  map_addresses(frame, instruction, mask, [&](std::uint64_t a) {
    return base + a + (a < DeviceMemory::window_bytes ? own : 0);
  });
}
void from_shared_window(Frame& frame, const Instruction& instruction, LaneMask mask) {
  const std::uint64_t base = memory_of(frame).shared_window();
  map_addresses(frame, instruction, mask, [&](std::uint64_t a) { return a - base; });
}
void to_local_window(Frame& frame, const Instruction& instruction, LaneMask mask) {
  const std::uint64_t base = memory_of(frame).local_window();
  map_addresses(frame, instruction, mask, [&](std::uint64_t a) { return base + a; });
}
void from_local_window(Frame& frame, const Instruction& instruction, LaneMask mask) {
  const std::uint64_t base = memory_of(frame).local_window();
  map_addresses(frame, instruction, mask, [&](std::uint64_t a) { return a - base; });
}
void to_param_window(Frame& frame, const Instruction& instruction, LaneMask mask) {
  const std::uint64_t base = memory_of(frame).param_window();
  map_addresses(frame, instruction, mask, [&](std::uint64_t a) { return base + a; });
}
void from_param_window(Frame& frame, const Instruction& instruction, LaneMask mask) {
  const std::uint64_t base = memory_of(frame).param_window();
  map_addresses(frame, instruction, mask, [&](std::uint64_t a) { return a - base; });
}

void is_global_address(Frame& frame, const Instruction& instruction, LaneMask mask) {
  const DeviceMemory& memory = memory_of(frame);
  test_addresses(frame, instruction, mask, [&](std::uint64_t a) { return memory.contains(a); });
}
void is_shared_address(Frame& frame, const Instruction& instruction, LaneMask mask) {
  const std::uint64_t base = memory_of(frame).shared_window();
  const std::uint64_t own = warp_of(frame).block->rank + 1;
  test_addresses(frame, instruction, mask, [&](std::uint64_t a) {
    const std::uint64_t number = (a - base) / DeviceMemory::window_bytes;
    return number == 0 || number == own;
  });
}
void is_cluster_address(Frame& frame, const Instruction& instruction, LaneMask mask) {
  const std::uint64_t base = memory_of(frame).shared_window();
  const std::size_t blocks = warp_of(frame).block->cluster->blocks.size();
  test_addresses(frame, instruction, mask, [&](std::uint64_t a) {
    return (a - base) / DeviceMemory::window_bytes <= blocks;
  });
}
void is_param_address(Frame& frame, const Instruction& instruction, LaneMask mask) {
  const std::uint64_t base = memory_of(frame).param_window();
  test_addresses(frame, instruction, mask,
                 [&](std::uint64_t a) { return a - base < DeviceMemory::window_bytes; });
}
void is_local_address(Frame& frame, const Instruction& instruction, LaneMask mask) {
  const std::uint64_t base = memory_of(frame).local_window();
  test_addresses(frame, instruction, mask,
                 [&](std::uint64_t a) { return a - base < DeviceMemory::window_bytes; });
}

}  // namespace lq::emulator
