#include "emulator/instructions/memory.h"

#include <algorithm>
#include <type_traits>

#include "emulator/instructions/integers.h"
#include "emulator/instructions/memory_access.h"

namespace lq::emulator {
namespace {

/// Whether all lanes run and lie side by side, in written global memory.
bool is_row(const Warp& warp, const Instruction& instruction, const LaneAddresses& addresses,
            LaneMask mask, unsigned bytes) {
  if (mask != all_lanes || instruction.space != Space::global || instruction.elements != 1 ||
      (instruction.detail & MemoryDetail::strong) != 0) {
    return false;
  }
  std::uint64_t difference = addresses[0] & (bytes - 1);
  for (int lane = 0; lane < warp_size; ++lane) {
    difference |= addresses[lane] ^ (addresses[0] + static_cast<std::uint64_t>(lane) * bytes);
  }
  return difference == 0 &&
         warp.block->memory().is_row_written(addresses[0], bytes * std::uint64_t{warp_size});
}

/// Where a lane's vector starts, of which only the elements that somebody reads have to be written.
const std::byte* read_elements(Warp& warp, const Instruction& instruction, int lane,
                               std::uint64_t address, unsigned element_bytes) {
  const unsigned bytes = element_bytes * instruction.elements;
  if (instruction.unread == 0) {
    return checked_bytes(warp, instruction, lane, address, bytes, AccessKind::read);
  }
  check_aligned(warp, instruction, lane, address, bytes);
  const std::byte* start = nullptr;
  for (unsigned element = 0; element < instruction.elements; ++element) {
    if ((instruction.unread >> element & 1) != 0) continue;
    const unsigned offset = element * element_bytes;
    start =
        checked_bytes(warp, instruction, lane, address + offset, element_bytes, AccessKind::read) -
        offset;
  }
  return start;
}

void find_row_race(Warp& warp, const Instruction& instruction, std::uint64_t address,
                   unsigned bytes, AccessKind kind) {
  const BlockClock& clock = warp.block->clock;
  if (clock.races == nullptr) return;
  GlobalRaces& races = warp.block->memory().races();
  const std::uint64_t offset = warp.block->memory().offset_of(address);
  const unsigned words = bytes / 4 * warp_size;
  const RaceAccess access = race_access(warp, instruction, 0, kind);
  const bool is_aligned = offset % (4 * warp_size) == 0;
  if (is_aligned && races.is_known(clock, offset, access) &&
      races.is_known(clock, offset + 4 * (words - 1), access)) {
    return;
  }
  if (!races.access(clock, offset, words, 0xF, access, bytes / 4).found) return;
  // The lane that meets the other access again is the one to be named.
  for (int lane = 0; lane < warp_size; ++lane) {
    find_global_race(warp, instruction, lane, address + static_cast<unsigned>(lane) * bytes, bytes,
                     kind);
  }
}

template <typename Memory, typename Register>
void load(Frame& frame, const Instruction& instruction, LaneMask mask) {
  Warp& warp = warp_of(frame);
  const LaneAddresses addresses(warp, instruction);
  const unsigned bytes = sizeof(Memory) * instruction.elements;
  count_request(warp, instruction, addresses, mask, {instruction.space, AccessKind::read, bytes});
  const Slot* const slots = slots_of(warp, instruction);
  Register* to[8];
  for (int element = 0; element < instruction.elements; ++element) {
    to[element] = warp.lanes<Register>(slots[element]);
  }
  if constexpr (sizeof(Memory) == sizeof(Register) && sizeof(Memory) >= 4) {
    if (is_row(warp, instruction, addresses, mask, bytes)) {
      find_row_race(warp, instruction, addresses[0], bytes, AccessKind::read);
      std::memcpy(to[0], warp.block->memory().host_bytes(addresses[0]), bytes * warp_size);
      return;
    }
  }
  using Signed = std::make_signed_t<Memory>;
  const bool extends = (instruction.detail & MemoryDetail::sign_extend) != 0;
  for_each_lane(mask, [&](int lane) {
    const std::byte* const from =
        read_elements(warp, instruction, lane, addresses[lane], sizeof(Memory));
    for (int element = 0; element < instruction.elements; ++element) {
      if ((instruction.unread >> element & 1) != 0) continue;
      Memory value;
      std::memcpy(&value, from + static_cast<std::size_t>(element) * sizeof(Memory),
                  sizeof(Memory));
      to[element][lane] = extends ? static_cast<Register>(static_cast<Signed>(value))
                                  : static_cast<Register>(value);
    }
    acquire_after_read(warp, instruction, addresses[lane]);
  });
}

template <typename Memory, typename Register>
void store(Frame& frame, const Instruction& instruction, LaneMask mask) {
  Warp& warp = warp_of(frame);
  const LaneAddresses addresses(warp, instruction);
  const unsigned bytes = sizeof(Memory) * instruction.elements;
  count_request(warp, instruction, addresses, mask, {instruction.space, AccessKind::write, bytes});
  const Slot* const slots = slots_of(warp, instruction);
  const Register* from[8];
  for (int element = 0; element < instruction.elements; ++element) {
    from[element] = warp.lanes<Register>(slots[element]);
  }
  if constexpr (sizeof(Memory) == sizeof(Register) && sizeof(Memory) >= 4) {
    if (is_row(warp, instruction, addresses, mask, bytes)) {
      find_row_race(warp, instruction, addresses[0], bytes, AccessKind::write);
      std::memcpy(warp.block->memory().host_bytes(addresses[0]), from[0], bytes * warp_size);
      return;
    }
  }
  for_each_lane(mask, [&](int lane) {
    std::byte* const to =
        checked_bytes(warp, instruction, lane, addresses[lane], bytes, AccessKind::write);
    for (int element = 0; element < instruction.elements; ++element) {
      const auto value = static_cast<Memory>(from[element][lane]);
      std::memcpy(to + static_cast<std::size_t>(element) * sizeof(Memory), &value, sizeof(Memory));
    }
  });
}

template <template <typename, typename> class Access>
Handler choose(int access_bytes, int register_bytes) {
  using namespace integers;
  switch (16 * access_bytes + register_bytes) {
    case 16 * 1 + 2:
      return Access<u8, u16>::handler;
    case 16 * 1 + 4:
      return Access<u8, u32>::handler;
    case 16 * 1 + 8:
      return Access<u8, u64>::handler;
    case 16 * 2 + 2:
      return Access<u16, u16>::handler;
    case 16 * 2 + 4:
      return Access<u16, u32>::handler;
    case 16 * 2 + 8:
      return Access<u16, u64>::handler;
    case 16 * 4 + 4:
      return Access<u32, u32>::handler;
    case 16 * 4 + 8:
      return Access<u32, u64>::handler;
    case 16 * 8 + 8:
      return Access<u64, u64>::handler;
    default:
      return nullptr;
  }
}

template <typename Memory, typename Register>
struct Load {
  static constexpr Handler handler = load<Memory, Register>;
};
template <typename Memory, typename Register>
struct Store {
  static constexpr Handler handler = store<Memory, Register>;
};

}  // namespace

Handler load_handler(int access_bytes, int register_bytes) {
  return choose<Load>(access_bytes, register_bytes);
}
Handler store_handler(int access_bytes, int register_bytes) {
  return choose<Store>(access_bytes, register_bytes);
}

void fence_grid(Frame& frame, const Instruction&, LaneMask) {
  BlockClock& clock = warp_of(frame).block->clock;
  if (clock.races != nullptr) clock.races->fence(clock);
}

}  // namespace lq::emulator
