#include "emulator/instructions/mbarrier.h"

#include "emulator/instructions/async_copy.h"

namespace lq::emulator {
namespace {

constexpr unsigned object_bytes = 8;

void check_text(const Warp& warp, const Instruction& instruction, int lane,
                const std::string& wrong) {
  if (!wrong.empty()) fault(warp, instruction, lane, wrong);
}

SharedPlace locate_object(Warp& warp, const Instruction& instruction, int lane, Space space,
                          std::uint64_t address) {
  check_aligned(warp, instruction, lane, address, object_bytes);
  return locate_shared(warp, instruction, lane, space, address, object_bytes);
}

/// init and inval write the object as a store does.
void write_object(Warp& warp, const Instruction& instruction, int lane, const SharedPlace& place) {
  check_shared(warp, instruction, lane, place, object_bytes, AccessKind::write,
               place.block->shared.access(warp.agent, place.offset, object_bytes, AccessKind::write,
                                          false, place_of(warp, instruction)));
}

void for_each_barrier(Frame& frame, const Instruction& instruction, LaneMask mask, auto&& body) {
  Warp& warp = warp_of(frame);
  const LaneAddresses addresses(warp, instruction);
  for_each_lane(mask, [&](int lane) {
    body(warp, lane, find_mbarrier(warp, instruction, lane, instruction.space, addresses[lane]));
  });
}

void release_to(Warp& warp, const Instruction& instruction, const MbarrierPlace& place) {
  if ((instruction.detail & MbarrierDetail::relaxed) != 0) return;
  warp.block->cluster->clocks.release(warp.agent, place.barrier->arrived);
  meet_in_shared_memory(warp, *place.block);
}

std::uint32_t count_of(const Warp& warp, const Instruction& instruction, int lane) {
  const bool has_count =
      is_slot(instruction.sources[1]) && (instruction.detail & MbarrierDetail::expects) == 0;
  return has_count ? warp.lanes<std::uint32_t>(instruction.sources[1])[lane] : 1;
}

void add_transactions(Warp& warp, const Instruction& instruction, int lane, Mbarrier& barrier,
                      int sign) {
  const std::int64_t bytes = warp.lanes<std::uint32_t>(instruction.sources[1])[lane];
  check_text(warp, instruction, lane, barrier.add_transactions(sign * bytes));
}

/// Makes the oldest event happen.
void run_event(Warp& warp, const Instruction& instruction, int lane, const MbarrierPlace& place) {
  Mbarrier& barrier = *place.barrier;
  const MbarrierEvent event = std::move(barrier.events.front());
  barrier.events.pop_front();
  WarpClocks& clocks = warp.block->cluster->clocks;
  if (event.copy != nullptr) {
    check_source(warp, instruction, lane, write_to_shared(event));
    clocks.release(clocks.copies(), barrier.arrived);
    check_text(warp, instruction, lane,
               barrier.add_transactions(-std::int64_t{event.transaction_bytes}));
  } else {
    const auto is_before = [&](const SmallCopy& copy) { return copy.number < event.end_number; };
    check_source(warp, instruction, lane,
                 complete_small_copies(*event.warp, event.lane, event.tick, is_before));
    clocks.add(*event.knowledge, barrier.arrived);
    check_text(warp, instruction, lane, barrier.arrive(1, false, true));
  }
  store_mbarrier(place);
}

/// What the lane has in a source that has to be a state.
std::uint64_t state_in(const Warp& warp, const Instruction& instruction, int lane, Slot source) {
  const std::uint64_t state = warp.lanes<std::uint64_t>(source)[lane];
  if (!Mbarrier::is_state(state)) {
    fault(warp, instruction, lane, fmt::format("{:#x} is no state of an mbarrier", state));
  }
  return state;
}

/// Whether the phase that the lane asks for is complete.
bool is_complete(const Warp& warp, const Instruction& instruction, int lane,
                 const Mbarrier& barrier) {
  const Slot source = instruction.sources[1];
  if ((instruction.detail & MbarrierDetail::parity) != 0) {
    const std::uint32_t parity = warp.lanes<std::uint32_t>(source)[lane];
    if (parity > 1) fault(warp, instruction, lane, fmt::format("a phase parity of {}", parity));
    return (barrier.phase & 1) != parity;
  }
  const std::uint64_t state = state_in(warp, instruction, lane, source);
  const std::uint32_t behind =
      (static_cast<std::uint32_t>(barrier.phase) - Mbarrier::phase_of(state)) & Mbarrier::most;
  if (behind > 1) {
    fault(warp, instruction, lane,
          fmt::format("the state is that of phase {}, and the mbarrier is in phase {}: only the "
                      "present and the last one can be waited for",
                      Mbarrier::phase_of(state), barrier.phase));
  }
  return behind == 1;
}

}  // namespace

MbarrierPlace find_mbarrier(Warp& warp, const Instruction& instruction, int lane, Space space,
                            std::uint64_t address) {
  const SharedPlace place = locate_object(warp, instruction, lane, space, address);
  const auto found = place.block->mbarriers.find(place.offset);
  if (found == place.block->mbarriers.end()) {
    fault(
        warp, instruction, lane,
        fmt::format("there is no mbarrier at shared offset {}: it was not initialized, or has been "
                    "invalidated",
                    place.offset));
  }
  check_shared(warp, instruction, lane, place, object_bytes, AccessKind::read_and_write,
               place.block->shared.look_at_object(warp.agent, place.offset, object_bytes));
  std::uint64_t bits = 0;
  std::memcpy(&bits, place.block->shared.data() + place.offset, object_bytes);
  if (bits != found->second.state()) {
    fault(warp, instruction, lane,
          fmt::format("the mbarrier at shared offset {} has been written over", place.offset));
  }
  return {place.block, place.offset, &found->second};
}

void store_mbarrier(const MbarrierPlace& place) {
  const std::uint64_t bits = place.barrier->state();
  std::memcpy(place.block->shared.data() + place.offset, &bits, object_bytes);
  ++place.block->cluster->events;
}

void fence_mbarrier_init(Frame& frame, const Instruction&, LaneMask) {
  Warp& warp = warp_of(frame);
  warp.block->cluster->clocks.release(warp.agent, warp.fenced_inits);
}

void mbarrier_init(Frame& frame, const Instruction& instruction, LaneMask mask) {
  Warp& warp = warp_of(frame);
  const LaneAddresses addresses(warp, instruction);
  for_each_lane(mask, [&](int lane) {
    const SharedPlace place =
        locate_object(warp, instruction, lane, instruction.space, addresses[lane]);
    write_object(warp, instruction, lane, place);
    const std::uint32_t count = warp.lanes<std::uint32_t>(instruction.sources[1])[lane];
    if (count == 0 || count > Mbarrier::most) {
      fault(warp, instruction, lane,
            fmt::format("an mbarrier of {} arrivals, 1 to {} expected", count, Mbarrier::most));
    }
    const auto [entry, is_new] = place.block->mbarriers.try_emplace(place.offset);
    if (!is_new) {
      fault(warp, instruction, lane,
            fmt::format("the mbarrier at shared offset {} is initialized again without "
                        "mbarrier.inval",
                        place.offset));
    }
    entry->second.expected = count;
    entry->second.pending = count;
    store_mbarrier({place.block, place.offset, &entry->second});
  });
}

void mbarrier_inval(Frame& frame, const Instruction& instruction, LaneMask mask) {
  for_each_barrier(frame, instruction, mask, [&](Warp& warp, int lane, const MbarrierPlace& place) {
    if (!place.barrier->events.empty()) {
      fault(warp, instruction, lane,
            fmt::format(
                "the mbarrier is invalidated while the asynchronous copy at {} has not "
                "completed",
                text_of_place(*warp.block->launch->program, place.barrier->events.front().place)));
    }
    write_object(warp, instruction, lane, {place.block, place.offset});
    place.block->mbarriers.erase(place.offset);
    std::memset(place.block->shared.data() + place.offset, 0xCB, object_bytes);
  });
}

void mbarrier_arrive(Frame& frame, const Instruction& instruction, LaneMask mask) {
  for_each_barrier(frame, instruction, mask, [&](Warp& warp, int lane, const MbarrierPlace& place) {
    Mbarrier& barrier = *place.barrier;
    if (is_slot(instruction.results[0])) {
      warp.lanes<std::uint64_t>(instruction.results[0])[lane] = barrier.state();
    }
    if ((instruction.detail & MbarrierDetail::expects) != 0) {
      add_transactions(warp, instruction, lane, barrier, 1);
    }
    release_to(warp, instruction, place);
    check_text(warp, instruction, lane,
               barrier.arrive(count_of(warp, instruction, lane),
                              (instruction.detail & MbarrierDetail::drops) != 0,
                              (instruction.detail & MbarrierDetail::no_complete) == 0));
    store_mbarrier(place);
  });
}

void mbarrier_expect(Frame& frame, const Instruction& instruction, LaneMask mask) {
  for_each_barrier(frame, instruction, mask, [&](Warp& warp, int lane, const MbarrierPlace& place) {
    add_transactions(warp, instruction, lane, *place.barrier, 1);
    store_mbarrier(place);
  });
}

void mbarrier_complete(Frame& frame, const Instruction& instruction, LaneMask mask) {
  for_each_barrier(frame, instruction, mask, [&](Warp& warp, int lane, const MbarrierPlace& place) {
    add_transactions(warp, instruction, lane, *place.barrier, -1);
    store_mbarrier(place);
  });
}

void mbarrier_wait(Frame& frame, const Instruction& instruction, LaneMask mask) {
  LaneMask complete = 0;
  for_each_barrier(frame, instruction, mask, [&](Warp& warp, int lane, const MbarrierPlace& place) {
    Mbarrier& barrier = *place.barrier;
    bool done = is_complete(warp, instruction, lane, barrier);
    while (!done && !barrier.events.empty()) {
      run_event(warp, instruction, lane, place);
      done = is_complete(warp, instruction, lane, barrier);
    }
    if (!done) {
      if (warp.waits.instruction == nullptr) {
        warp.waits = {&instruction, &barrier, place.offset, lane};
      }
      return;
    }
    complete |= LaneMask{1} << lane;
    if ((instruction.detail & MbarrierDetail::relaxed) == 0) {
      warp.block->cluster->clocks.acquire(warp.agent, barrier.completed);
    }
  });
  LaneMask& result = frame.predicate(instruction.results[0]);
  result = (result & ~mask) | complete;
}

void mbarrier_pending_count(Frame& frame, const Instruction& instruction, LaneMask mask) {
  const Warp& warp = warp_of(frame);
  auto* const counts = frame.lanes<std::uint32_t>(instruction.results[0]);
  for_each_lane(mask, [&](int lane) {
    counts[lane] = Mbarrier::pending_of(state_in(warp, instruction, lane, instruction.sources[0]));
  });
}

void copies_arrive(Frame& frame, const Instruction& instruction, LaneMask mask) {
  Warp& warp = warp_of(frame);
  WarpClocks& clocks = warp.block->cluster->clocks;
  const std::uint32_t tick = clocks.now(warp.agent);
  const auto knowledge = std::make_shared<WarpClocks::Knowledge>();
  clocks.release(warp.agent, *knowledge);
  for_each_barrier(frame, instruction, mask, [&](Warp&, int lane, const MbarrierPlace& place) {
    if ((instruction.detail & MbarrierDetail::expected) == 0) {
      check_text(warp, instruction, lane, place.barrier->add_pending());
    }
    place.barrier->events.push_back({.place = place_of(warp, instruction),
                                     .warp = &warp,
                                     .lane = lane,
                                     .end_number = copies_of(warp, lane).next_number,
                                     .tick = tick,
                                     .knowledge = knowledge});
    store_mbarrier(place);
  });
}

}  // namespace lq::emulator
