#include "emulator/machine/global_races.h"

#include <sys/mman.h>

#include <algorithm>
#include <thread>

namespace lq::emulator {
namespace {

constexpr int period_shift = 5;
constexpr std::int32_t strong_bit = 1 << 4;
constexpr int thread_bits = 10;
// Fences of a loop that waits would make periods without end; those beyond share one.
constexpr std::size_t most_fenced = 256;

std::uint32_t period_of(std::int32_t tag) {
  return static_cast<std::uint32_t>(tag) >> period_shift;
}
std::int32_t bytes_of(std::int32_t tag) { return tag & 0xF; }

/// Whether each tag is `mine` or older than the launch. Written for vectors: a row has 32 words.
bool all_old_or_mine(const std::int32_t* tags, unsigned count, std::int32_t oldest,
                     std::int32_t mine) {
  const auto is_other = [&](unsigned i) { return -int{tags[i] >= oldest} & (tags[i] ^ mine); };
  std::int32_t others = 0;
  if (count == 32) {
    for (unsigned i = 0; i < 32; ++i) others |= is_other(i);
  } else {
    for (unsigned i = 0; i < count; ++i) others |= is_other(i);
  }
  return others == 0;
}

void* reserve(std::uint64_t bytes) {
  void* const result = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return result == MAP_FAILED ? nullptr : result;
}

}  // namespace

void SpinMutex::lock() {
  while (flag_.test_and_set(std::memory_order_acquire)) std::this_thread::yield();
}

GlobalRaces::GlobalRaces(std::uint64_t bytes) : group_count_(bytes / 4 / group_words) {
  groups_ = static_cast<Group*>(reserve(group_count_ * sizeof(Group)));
  known_ = static_cast<Known*>(reserve(group_count_ * sizeof(Known)));
}

GlobalRaces::~GlobalRaces() {
  if (groups_ != nullptr) munmap(groups_, group_count_ * sizeof(Group));
  if (known_ != nullptr) munmap(known_, group_count_ * sizeof(Known));
  for (std::atomic<Chunk*>& chunk : chunks_) delete chunk.load();
}

void GlobalRaces::begin_launch() {
  if (launches_++ > 0) return;
  // Nobody asks for periods of launches that have ended.
  const std::uint32_t next = next_period_;
  for (std::uint32_t chunk = 0; chunk < next >> chunk_bits && chunk < chunks_.size(); ++chunk) {
    delete chunks_[chunk].exchange(nullptr);
  }
  if (next > most_periods / 2) {
    madvise(groups_, group_count_ * sizeof(Group), MADV_DONTNEED);
    madvise(known_, group_count_ * sizeof(Known), MADV_DONTNEED);
    delete chunks_[std::min<std::size_t>(next >> chunk_bits, chunks_.size() - 1)].exchange(nullptr);
    next_period_ = 1;
  }
}

void GlobalRaces::end_launch() { --launches_; }

/// 0 when there are no more numbers; such a block is not looked at.
std::uint32_t GlobalRaces::add_period(const BlockClock& clock) {
  if (next_period_ >= most_periods - 65536) return 0;
  const std::uint32_t number = next_period_++;
  std::atomic<Chunk*>& chunk = chunks_[number >> chunk_bits];
  if (chunk.load(std::memory_order_acquire) == nullptr) {
    const std::lock_guard lock(mutex_);
    if (chunk.load() == nullptr) chunk.store(new Chunk, std::memory_order_release);
  }
  Period& added = period(number);
  added.launch = clock.launch;
  added.block = clock.block;
  added.release = 0;
  added.has_written_strongly = false;
  return number;
}

void GlobalRaces::see(BlockClock& clock, std::uint64_t offset) {
  const std::uint64_t word = offset / 4;
  const std::uint64_t index = word / group_words;
  const std::lock_guard lock(locks_[index % lock_count]);
  const std::int32_t tag = groups_[index].tags[write][word % group_words];
  const std::uint32_t number = period_of(tag);
  const bool is_of_another = (tag & strong_bit) != 0 && number >= clock.first_period &&
                             number != clock.period && period(number).block != clock.block;
  if (is_of_another) clock.seen[word] = tag;
}

/// Whether the access with this tag is one of another block that nothing orders before `mine`.
bool GlobalRaces::conflicts(const BlockClock& clock, Which which, std::int32_t tag,
                            std::int32_t mine) {
  const std::uint32_t number = period_of(tag);
  if (number < clock.first_period || number == clock.period) return false;
  if ((bytes_of(tag) & bytes_of(mine)) == 0 || (tag & mine & strong_bit) != 0) return false;
  const Period& other = period(number);
  if (other.launch != clock.launch || other.block == clock.block) return false;
  // A write may depend on what was read, and needs no fence to come after it.
  if (which != write && other.has_written_strongly && clock.has_read_strongly) return false;
  const std::uint32_t release = other.release;
  return release == 0 || release > clock.acquired;
}

RaceConflict GlobalRaces::conflict(std::int32_t tag, std::uint32_t info, bool wrote) {
  return {true, wrote, period(period_of(tag)).block, info >> thread_bits,
          info & ((1U << thread_bits) - 1)};
}

RaceConflict GlobalRaces::access_word(const BlockClock& clock, Group& group, unsigned word,
                                      std::int32_t mine, const RaceAccess& access,
                                      std::uint32_t info) {
  // A plain read of what others update strongly is how loops of compare-and-swap begin, those of
  // the toolkit among them: it is let pass.
  const bool is_updated_strongly = (group.tags[write][word] & strong_bit) != 0;
  const auto has_seen_update = [&] {
    const auto index = static_cast<std::uint64_t>(&group - groups_);
    const auto found = clock.seen.find(index * group_words + word);
    return found != clock.seen.end() && found->second == group.tags[write][word];
  };
  const bool is_ordered = is_updated_strongly && (!access.writes || has_seen_update());
  if (!is_ordered && conflicts(clock, write, group.tags[write][word], mine)) {
    return conflict(group.tags[write][word], group.infos[write][word], true);
  }
  if (access.writes && !access.strong) {
    for (const Which read : {first_read, last_read}) {
      if (conflicts(clock, read, group.tags[read][word], mine)) {
        return conflict(group.tags[read][word], group.infos[read][word], false);
      }
    }
  }
  const auto is_of_block = [&](std::int32_t tag) {
    const std::uint32_t number = period_of(tag);
    return number == clock.period ||
           (number >= clock.first_period && period(number).launch == clock.launch &&
            period(number).block == clock.block);
  };
  Which which = write;
  if (!access.writes) {
    const std::int32_t first = group.tags[first_read][word];
    which = period_of(first) < clock.first_period || is_of_block(first) ? first_read : last_read;
  }
  std::int32_t& tag = group.tags[which][word];
  if (period_of(tag) == clock.period) {
    const bool is_same_strength = ((tag ^ mine) & strong_bit) == 0;
    // Of one period, a weak access tells more than a strong one.
    const bool is_told = (tag & strong_bit) == 0 && (bytes_of(mine) & ~bytes_of(tag)) == 0;
    if (is_told) return {};
    tag = is_same_strength ? tag | mine : mine;
  } else {
    tag = mine;
  }
  group.infos[which][word] = info;
  return {};
}

RaceConflict GlobalRaces::access_group(const BlockClock& clock, Group& group, unsigned first,
                                       unsigned end, std::int32_t mine, const RaceAccess& access,
                                       unsigned at, unsigned words_per_lane) {
  const std::uint32_t info = access.place << thread_bits | access.thread;
  const std::int32_t oldest = tag_of(clock.first_period, false, 0);
  const unsigned count = end - first;
  bool is_simple = bytes_of(mine) == 0xF;
  for (int which = 0; which < which_count && is_simple; ++which) {
    is_simple = all_old_or_mine(group.tags[which] + first, count, oldest, mine);
  }
  const bool follows_readers = !is_simple && !access.writes && bytes_of(mine) == 0xF &&
                               !clock.has_fenced &&
                               all_old_or_mine(group.tags[write] + first, count, oldest, mine);
  if (is_simple || follows_readers) {
    const Which which = access.writes ? write : follows_readers ? last_read : first_read;
    for (unsigned i = 0; i < count; ++i) group.tags[which][first + i] = mine;
    for (unsigned i = 0; i < count; ++i) {
      group.infos[which][first + i] = info + (at + i) / words_per_lane;
    }
    Known& known = known_[&group - groups_];
    for (std::int32_t& tag : known) {
      if (tag != mine) __atomic_store_n(&tag, 0, __ATOMIC_RELAXED);
    }
    if (count == group_words) {
      __atomic_store_n(&known[access.writes ? 1 : 0], mine, __ATOMIC_RELAXED);
    }
    return {};
  }
  for (std::int32_t& tag : known_[&group - groups_]) __atomic_store_n(&tag, 0, __ATOMIC_RELAXED);
  for (unsigned i = 0; i < count; ++i) {
    const RaceConflict found =
        access_word(clock, group, first + i, mine, access, info + (at + i) / words_per_lane);
    if (found.found) return found;
  }
  return {};
}

RaceConflict GlobalRaces::access(const BlockClock& clock, std::uint64_t offset, unsigned words,
                                 unsigned bytes, const RaceAccess& access,
                                 unsigned words_per_lane) {
  const std::int32_t mine = tag_of(clock.period, access.strong, bytes);
  std::uint64_t word = offset / 4;
  for (unsigned at = 0; at < words;) {
    const std::uint64_t index = word / group_words;
    const auto first = static_cast<unsigned>(word % group_words);
    const unsigned count = std::min(words - at, group_words - first);
    // Checking and stamping are one step for all threads of the host: of two accesses, one sees
    // the other.
    const std::lock_guard lock(locks_[index % lock_count]);
    const RaceConflict found =
        access_group(clock, groups_[index], first, first + count, mine, access, at, words_per_lane);
    if (found.found) return found;
    word += count;
    at += count;
  }
  return {};
}

LaunchRaces::LaunchRaces(GlobalRaces& memory) : memory_(memory) {
  const std::lock_guard lock(memory_.mutex_);
  memory_.begin_launch();
  launch_ = memory_.next_launch_++;
  first_period_ = memory_.next_period_;
}

LaunchRaces::~LaunchRaces() {
  const std::lock_guard lock(memory_.mutex_);
  memory_.end_launch();
}

void LaunchRaces::start_block(BlockClock& clock, std::uint64_t block) {
  clock = {};
  clock.launch = launch_;
  clock.block = static_cast<std::uint32_t>(block);
  clock.period = memory_.add_period(clock);
  clock.first_period = first_period_;
  if (clock.period != 0) clock.races = this;
}

void LaunchRaces::fence(BlockClock& clock) {
  clock.has_fenced = true;
  const std::uint32_t next = clock.fenced.size() < most_fenced ? memory_.add_period(clock) : 0;
  const bool is_listed = !clock.fenced.empty() && clock.fenced.back() == clock.period;
  if (!is_listed) clock.fenced.push_back(clock.period);
  if (next != 0) clock.period = next;
}

void LaunchRaces::release_fenced(BlockClock& clock) {
  memory_.period(clock.period).has_written_strongly = true;
  if (clock.fenced.empty()) return;
  clock.released = ++time_;
  for (const std::uint32_t number : clock.fenced) memory_.period(number).release = clock.released;
  clock.fenced.clear();
  // What follows is not behind the strong write.
  if (const std::uint32_t next = memory_.add_period(clock)) clock.period = next;
}

void LaunchRaces::meet(const std::vector<BlockClock*>& clocks) {
  std::uint32_t last = 0;
  for (BlockClock* const clock : clocks) {
    fence(*clock);
    release_fenced(*clock);
    last = std::max(last, clock->released);
  }
  for (BlockClock* const clock : clocks) {
    clock->has_read_strongly = true;
    clock->acquired = std::max(clock->acquired, last);
  }
}

void LaunchRaces::release(BlockClock& clock, std::uint64_t offset) {
  release_fenced(clock);
  if (clock.released == 0) return;
  Shard& at = shard(offset);
  const std::lock_guard lock(at.mutex);
  std::uint32_t& time = at.times[offset / 4];
  time = std::max(time, clock.released);
}

void LaunchRaces::acquire(BlockClock& clock, std::uint64_t offset) {
  clock.has_read_strongly = true;
  memory_.see(clock, offset);
  if (time_ == 0) return;
  Shard& at = shard(offset);
  const std::lock_guard lock(at.mutex);
  const auto found = at.times.find(offset / 4);
  if (found != at.times.end()) clock.acquired = std::max(clock.acquired, found->second);
}

}  // namespace lq::emulator
