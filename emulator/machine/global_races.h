// Finds races between the blocks of a launch in global memory.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace lq::emulator {

class LaunchRaces;

/// For moments: who waits lets other threads of the host run.
class SpinMutex {
 public:
  void lock();
  void unlock() { flag_.clear(std::memory_order_release); }

 private:
  std::atomic_flag flag_{};
};

/// What a block has done and heard of. Its accesses belong to periods, which end at fences; a
/// strong write behind the fence releases all periods before it, at a time that grows from release
/// to release of the launch. Who reads what was written there, strongly, knows everything that was
/// released up to that time. One number per block instead of one per pair takes some unordered
/// accesses as ordered, and never the other way round.
struct BlockClock {
  LaunchRaces* races = nullptr;  // null: nothing is looked at
  std::uint32_t launch = 0;
  std::uint32_t block = 0;
  std::uint32_t period = 0;
  std::uint32_t first_period = 0;  // of the launch
  std::uint32_t acquired = 0;
  std::uint32_t released = 0;         // time of the last release, 0: none
  std::vector<std::uint32_t> fenced;  // periods that wait for a strong write
  /// Words whose last write, a strong one of another block with this stamp, a strong read has seen:
  /// what the block writes there comes behind it.
  std::unordered_map<std::uint64_t, std::int32_t> seen;
  bool has_fenced = false;
  bool has_read_strongly = false;
};

/// An access of lanes of one warp. The place is a number of up to `place_bits` bits.
struct RaceAccess {
  static constexpr int place_bits = 22;
  bool writes = false;
  bool strong = false;  // atomic, volatile or with a memory order, for more than one block
  std::uint32_t place = 0;
  std::uint32_t thread = 0;  // in the block, below 1024
};

/// The earlier access of a race.
struct RaceConflict {
  bool found = false;
  bool wrote = false;
  std::uint32_t block = 0;
  std::uint32_t place = 0;
  std::uint32_t thread = 0;
};

/// Stamps of the words of global memory: the last write, the first reader and the last reader of
/// another block, of the current launch. Pages of it exist where something was accessed.
class GlobalRaces {
 public:
  /// For `bytes` of memory. Without room for the stamps, is_on() is false.
  explicit GlobalRaces(std::uint64_t bytes);
  ~GlobalRaces();
  GlobalRaces(const GlobalRaces&) = delete;
  GlobalRaces& operator=(const GlobalRaces&) = delete;

  bool is_on() const { return groups_ != nullptr && known_ != nullptr; }

  /// Whether the block has accessed all words around this one in the same way, and nobody else has
  /// since, so that access() has nothing to do. `offset` is that of a word.
  bool is_known(const BlockClock& clock, std::uint64_t offset, const RaceAccess& access) const {
    return __atomic_load_n(&known_[offset / 4 / group_words][access.writes ? 1 : 0],
                           __ATOMIC_RELAXED) == tag_of(clock.period, access.strong, 0xF);
  }
  /// The same of one word.
  bool is_word_known(const BlockClock& clock, std::uint64_t offset, unsigned bytes,
                     const RaceAccess& access) const {
    const Group& group = groups_[offset / 4 / group_words];
    const std::size_t word = offset / 4 % group_words;
    const std::int32_t mine = tag_of(clock.period, access.strong, bytes);
    const std::int32_t oldest = tag_of(clock.first_period, false, 0);
    const auto is_mine_or_old = [&](Which which) {
      return group.tags[which][word] == mine || group.tags[which][word] < oldest;
    };
    if (access.writes) {
      return group.tags[write][word] == mine && is_mine_or_old(first_read) &&
             is_mine_or_old(last_read);
    }
    return is_mine_or_old(write) &&
           (group.tags[first_read][word] == mine || group.tags[last_read][word] == mine);
  }
  /// `words` words from the offset on; of one word, `bytes` tells which. Each lane has
  /// `words_per_lane` of them, and the first lane is that of access.thread.
  RaceConflict access(const BlockClock& clock, std::uint64_t offset, unsigned words, unsigned bytes,
                      const RaceAccess& access, unsigned words_per_lane);

 private:
  friend class LaunchRaces;
  static constexpr unsigned group_words = 32;
  static constexpr unsigned chunk_bits = 16;
  static constexpr std::uint32_t most_periods = std::uint32_t{1} << 26;
  static constexpr std::size_t lock_count = 1024;

  /// A tag is period << 5 | strong << 4 | bytes, and so the larger the later; the rest says who.
  enum Which { write, first_read, last_read, which_count };
  struct Group {
    std::int32_t tags[which_count][group_words];
    std::uint32_t infos[which_count][group_words];
  };
  struct Period {
    std::uint32_t launch = 0;
    std::uint32_t block = 0;
    std::atomic<std::uint32_t> release{0};  // time, 0: not released
    std::atomic<bool> has_written_strongly{false};
  };
  using Chunk = std::array<Period, std::size_t{1} << chunk_bits>;

  static std::int32_t tag_of(std::uint32_t period, bool strong, unsigned bytes) {
    return static_cast<std::int32_t>(period << 5 | (strong ? 1U << 4 : 0U) | bytes);
  }
  std::uint32_t add_period(const BlockClock& clock);
  Period& period(std::uint32_t number) {
    return (*chunks_[number >> chunk_bits].load(
        std::memory_order_acquire))[number % (1U << chunk_bits)];
  }
  /// After a strong read of the word. Writes are stamped before they are done, so that the stamp of
  /// what was read, or of a later write, is there.
  void see(BlockClock& clock, std::uint64_t offset);
  bool conflicts(const BlockClock& clock, Which which, std::int32_t tag, std::int32_t mine);
  RaceConflict access_word(const BlockClock& clock, Group& group, unsigned word, std::int32_t mine,
                           const RaceAccess& access, std::uint32_t info);
  RaceConflict access_group(const BlockClock& clock, Group& group, unsigned first, unsigned end,
                            std::int32_t mine, const RaceAccess& access, unsigned at,
                            unsigned words_per_lane);
  RaceConflict conflict(std::int32_t tag, std::uint32_t info, bool wrote);
  void begin_launch();
  void end_launch();

  std::uint64_t group_count_ = 0;
  Group* groups_ = nullptr;
  /// The tag that all words of a group have, as read and as written; 0 if there is none.
  using Known = std::int32_t[2];
  Known* known_ = nullptr;
  std::array<SpinMutex, lock_count> locks_{};
  std::array<std::atomic<Chunk*>, (most_periods >> chunk_bits)> chunks_{};
  std::atomic<std::uint32_t> next_period_{1};
  std::mutex mutex_;  // of the launches, and of new chunks
  int launches_ = 0;  // that run
  std::uint32_t next_launch_ = 1;
};

/// The races of one launch; its blocks report fences and strong accesses here.
class LaunchRaces {
 public:
  explicit LaunchRaces(GlobalRaces& memory);
  ~LaunchRaces();
  LaunchRaces(const LaunchRaces&) = delete;
  LaunchRaces& operator=(const LaunchRaces&) = delete;

  void start_block(BlockClock& clock, std::uint64_t block);
  /// A fence for more than one block.
  void fence(BlockClock& clock);
  /// Before a strong write to the word.
  void release(BlockClock& clock, std::uint64_t offset);
  /// After a strong read of the word: a write that it has seen has told its time before.
  void acquire(BlockClock& clock, std::uint64_t offset);
  /// Blocks have met at a barrier of theirs.
  void meet(const std::vector<BlockClock*>& clocks);

 private:
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::uint64_t, std::uint32_t> times;  // of releases, by word
  };
  /// A strong write: periods that a fence has ended are released.
  void release_fenced(BlockClock& clock);
  Shard& shard(std::uint64_t offset) { return shards_[offset / 4 % shards_.size()]; }

  GlobalRaces& memory_;
  std::uint32_t launch_ = 0;
  std::uint32_t first_period_ = 0;
  std::atomic<std::uint32_t> time_{0};
  std::array<Shard, 64> shards_;
};

}  // namespace lq::emulator
