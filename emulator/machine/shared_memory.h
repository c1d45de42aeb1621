// A block's shared memory, with what is needed to find races between its warps, reads of bytes that
// nobody wrote, and accesses to what asynchronous copies are at.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace lq::emulator {

/// Each warp has a clock, and knows of every other warp the last tick that happened before its own
/// present: a barrier makes all who took part know each other's ticks. An access is a race if an
/// earlier one of another warp to the same bytes, at least one of them a write, did not happen
/// before. Accesses of lanes of one warp are taken as ordered.
class SharedMemory {
 public:
  static constexpr int most_warps = 32;
  enum class Access { read, write, read_and_write };
  enum class Verdict {
    fine,
    unwritten,
    race_with_write,
    race_with_read,
    in_flight,  // an asynchronous copy will write there
  };

  void reset(std::size_t bytes, int warps);
  std::size_t bytes() const { return size_; }
  std::byte* data() { return data_.data(); }

  /// Of 1, 2, 4, 8 or 16 bytes that lie in the memory, aligned. Strong accesses (atomics, volatile,
  /// and those with a memory order) do not race with one another, and one that meets what another
  /// warp wrote makes known all that the writer knew.
  /// `place` is for messages.
  Verdict access(int warp, std::uint32_t offset, unsigned bytes, Access access, bool strong,
                 std::uint32_t place);
  /// Who made the race that access() found, or issued the copy, and at what place.
  int other_warp() const { return other_warp_; }
  std::uint32_t other_place() const { return other_place_; }

  /// An asynchronous copy of the warp will write whole words: until it has, nobody may access them.
  Verdict begin_write(int warp, std::uint32_t offset, unsigned bytes, std::uint32_t place);
  /// The copy has written, as a write that the warp makes now.
  void end_write(int warp, std::uint32_t offset, unsigned bytes);

  /// Warps of the mask have met at a barrier.
  void synchronize(std::uint32_t warps);

 private:
  /// A warp, its tick and the bytes that it accessed.
  struct Stamp {
    std::uint32_t tick = 0;  // 0: none
    std::uint32_t place = 0;
    std::uint8_t warp = 0;
    std::uint8_t bytes = 0;
    bool strong = false;
  };
  struct Word {
    Stamp write;
    std::array<Stamp, 2> reads;  // the last two of different warps
    std::uint8_t written = 0;
    bool is_in_flight = false;
  };

  bool races(const Stamp& stamp, int warp, unsigned bytes, bool strong) const {
    return stamp.tick != 0 && !(strong && stamp.strong) && stamp.warp != warp &&
           (stamp.bytes & bytes) != 0 &&
           stamp.tick > known_[static_cast<std::size_t>(warp)][stamp.warp];
  }
  std::uint32_t now(int warp) const {
    return known_[static_cast<std::size_t>(warp)][static_cast<std::size_t>(warp)];
  }
  Verdict access_word(Word& word, int warp, unsigned bytes, Access access, bool strong,
                      std::uint32_t place);
  void acquire(int warp, int from);
  Verdict conflict(const Stamp& stamp, Verdict verdict) {
    other_warp_ = stamp.warp;
    other_place_ = stamp.place;
    return verdict;
  }

  std::size_t size_ = 0;
  std::vector<std::byte> data_;
  std::vector<Word> words_;
  std::array<std::array<std::uint32_t, most_warps>, most_warps> known_{};
  int other_warp_ = 0;
  std::uint32_t other_place_ = 0;
};

}  // namespace lq::emulator
