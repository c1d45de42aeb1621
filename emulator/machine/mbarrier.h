// The state of an mbarrier object.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "emulator/machine/async_copies.h"
#include "emulator/machine/warp_clocks.h"

namespace lq::emulator {

/// A phase is complete when all arrivals that it expects and all transactions have come. Functions
/// return what is wrong, or nothing.
struct Mbarrier {
  /// The largest count of arrivals and, in both directions, of transactions.
  static constexpr std::uint32_t most = (1U << 20) - 1;

  std::uint32_t expected = 0;  // arrivals in each phase
  std::uint32_t pending = 0;
  std::int64_t transactions = 0;  // bytes that have yet to come
  std::uint64_t phase = 0;
  WarpClocks::Knowledge arrived;    // what those who arrived know
  WarpClocks::Knowledge completed;  // the same at the end of the last phase
  std::deque<MbarrierEvent> events;

  std::string arrive(std::uint32_t count, bool drops, bool may_complete);
  std::string add_pending();
  std::string add_transactions(std::int64_t bytes);

  /// The format of the object in memory and of what arrivals return: a tag of 4 bits, and 20 bits
  /// each of the phase, the expected and the pending count.
  std::uint64_t state() const;
  static bool is_state(std::uint64_t state) { return state >> 60 == tag; }
  static std::uint32_t pending_of(std::uint64_t state) { return state & most; }
  static std::uint32_t phase_of(std::uint64_t state) { return state >> 40 & most; }

 private:
  static constexpr std::uint64_t tag = 0xB;
  void complete_phase_if_all_came();
};

}  // namespace lq::emulator
