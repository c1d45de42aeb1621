// A block's shared memory, with what is needed to find races between warps, reads of bytes that
// nobody wrote, and accesses to what asynchronous copies are at.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "emulator/machine/warp_clocks.h"

namespace lq::emulator {

/// An access is a race if an earlier one of another warp to the same bytes, at least one of them a
/// write, did not happen before, as the clocks of the cluster tell. Accesses of lanes of one warp
/// are taken as ordered. Warps are named by their number in the cluster, their agent.
class SharedMemory {
 public:
  enum class Access { read, write, read_and_write };
  enum class Verdict {
    fine,
    unwritten,
    race_with_write,
    race_with_read,
    in_flight,   // an asynchronous copy will write there
    being_read,  // by an asynchronous copy or product, and so nobody may write there
    not_fenced,  // written, but an asynchronous reader need not see it
  };

  void reset(std::size_t bytes, WarpClocks& clocks);
  std::size_t bytes() const { return size_; }
  std::byte* data() { return data_.data(); }

  /// Of 1, 2, 4, 8 or 16 bytes that lie in the memory, aligned. Strong accesses (atomics, volatile,
  /// and those with a memory order) do not race with one another, and one that meets what another
  /// warp wrote makes known all that the writer knew.
  /// `place` is for messages.
  Verdict access(int agent, std::uint32_t offset, unsigned bytes, Access access, bool strong,
                 std::uint32_t place);
  /// Who made the race that access() found, and at what place.
  int other_agent() const { return other_agent_; }
  std::uint32_t other_place() const { return other_place_; }

  /// An asynchronous copy of the agent will write whole words: until it has, nobody else may access
  /// them.
  Verdict begin_write(int agent, std::uint32_t offset, unsigned bytes, std::uint32_t place);
  /// The copy has written, as a write of this agent at this tick.
  void end_write(int agent, std::uint32_t tick, std::uint32_t offset, unsigned bytes);
  /// An asynchronous copy or product of the agent reads whole words: until it has, nobody may write
  /// them. What others wrote has to have passed a proxy fence.
  Verdict begin_read(int agent, std::uint32_t offset, unsigned bytes, std::uint32_t place);
  void end_read(std::uint32_t offset, unsigned bytes);
  /// Whether the agent may use the object that lies there since it was written at once.
  Verdict look_at_object(int agent, std::uint32_t offset, unsigned bytes);

 private:
  /// A warp, its tick and the bytes that it accessed.
  struct Stamp {
    std::uint32_t tick = 0;  // 0: none
    std::uint32_t place = 0;
    std::uint16_t agent = 0;
    std::uint8_t bytes = 0;
    bool strong = false;
  };
  struct Word {
    Stamp write;
    std::array<Stamp, 2> reads;  // the last two of different warps
    std::uint8_t written = 0;
    bool is_in_flight = false;
    std::uint16_t readers = 0;  // asynchronous ones
  };

  bool races(const Stamp& before, const Stamp& own) const {
    return before.tick != 0 && !(own.strong && before.strong) && before.agent != own.agent &&
           (before.bytes & own.bytes) != 0 && !clocks_->knows(own.agent, before.agent, before.tick);
  }
  Verdict access_word(Word& word, const Stamp& own, Access access);
  Verdict conflict(const Stamp& stamp, Verdict verdict) {
    other_agent_ = stamp.agent;
    other_place_ = stamp.place;
    return verdict;
  }

  std::size_t size_ = 0;
  std::vector<std::byte> data_;
  std::vector<Word> words_;
  WarpClocks* clocks_ = nullptr;
  int other_agent_ = 0;
  std::uint32_t other_place_ = 0;
};

}  // namespace lq::emulator
