#include "emulator/machine/shared_memory.h"

#include <algorithm>

namespace lq::emulator {

void SharedMemory::reset(std::size_t bytes, WarpClocks& clocks) {
  size_ = bytes;
  clocks_ = &clocks;
  // Padded so that whole words exist.
  data_.assign(bytes + 16, std::byte{0xCB});
  words_.assign(bytes / 4 + 4, Word{});
}

SharedMemory::Verdict SharedMemory::access(int agent, std::uint32_t offset, unsigned bytes,
                                           Access access, bool strong, std::uint32_t place) {
  Word* word = &words_[offset / 4];
  if (bytes < 4) {
    return access_word(*word, agent, ((1U << bytes) - 1) << offset % 4, access, strong, place);
  }
  for (unsigned i = 0; i < bytes / 4; ++i) {
    const Verdict verdict = access_word(word[i], agent, 0xF, access, strong, place);
    if (verdict != Verdict::fine) return verdict;
  }
  return Verdict::fine;
}

SharedMemory::Verdict SharedMemory::access_word(Word& word, int agent, unsigned bytes,
                                                Access access, bool strong, std::uint32_t place) {
  if (word.is_in_flight) [[unlikely]]
    return conflict(word.write, Verdict::in_flight);
  if (races(word.write, agent, bytes, strong)) {
    return conflict(word.write, Verdict::race_with_write);
  }
  if (access != Access::write) {
    if ((word.written & bytes) != bytes) return Verdict::unwritten;
    if (strong && word.write.strong && word.write.agent != agent) {
      clocks_->acquire(agent, word.write.agent);
    }
  }
  const std::uint32_t now = clocks_->now(agent);
  const auto stamp = [&](const Stamp& before) {
    const bool same = before.tick == now && before.agent == agent && before.strong == strong;
    return Stamp{now, place, static_cast<std::uint16_t>(agent),
                 static_cast<std::uint8_t>(same ? before.bytes | bytes : bytes), strong};
  };
  if (access == Access::read) {
    Stamp& last = word.reads[0];
    if (last.agent != agent) word.reads[1] = last;
    last = stamp(last);
    return Verdict::fine;
  }
  if (word.readers != 0) [[unlikely]]
    return Verdict::being_read;
  for (const Stamp& read : word.reads) {
    if (races(read, agent, bytes, strong)) return conflict(read, Verdict::race_with_read);
  }
  word.write = stamp(word.write);
  word.written = static_cast<std::uint8_t>(word.written | bytes);
  return Verdict::fine;
}

SharedMemory::Verdict SharedMemory::begin_write(int agent, std::uint32_t offset, unsigned bytes,
                                                std::uint32_t place) {
  const Verdict verdict = access(agent, offset, bytes, Access::write, false, place);
  if (verdict != Verdict::fine) return verdict;
  for (unsigned i = 0; i < bytes / 4; ++i) words_[offset / 4 + i].is_in_flight = true;
  return Verdict::fine;
}

void SharedMemory::end_write(int agent, std::uint32_t tick, std::uint32_t offset, unsigned bytes) {
  for (unsigned i = 0; i < bytes / 4; ++i) {
    Word& word = words_[offset / 4 + i];
    word.is_in_flight = false;
    word.write.agent = static_cast<std::uint16_t>(agent);
    word.write.tick = tick;
  }
}

SharedMemory::Verdict SharedMemory::begin_read(int agent, std::uint32_t offset, unsigned bytes,
                                               std::uint32_t place) {
  const Verdict verdict = access(agent, offset, bytes, Access::read, false, place);
  // Unwritten words may be let pass, and are then read like others.
  if (verdict != Verdict::fine && verdict != Verdict::unwritten) return verdict;
  for (unsigned i = 0; i < bytes / 4; ++i) {
    Word& word = words_[offset / 4 + i];
    // What copies wrote is in their proxy already.
    const bool by_copy = word.write.agent == clocks_->copies();
    if (!by_copy && !clocks_->is_fenced(agent, word.write.agent, word.write.tick)) {
      return conflict(word.write, Verdict::not_fenced);
    }
    ++word.readers;
  }
  return verdict;
}

void SharedMemory::end_read(std::uint32_t offset, unsigned bytes) {
  for (unsigned i = 0; i < bytes / 4; ++i) --words_[offset / 4 + i].readers;
}

SharedMemory::Verdict SharedMemory::look_at_object(int agent, std::uint32_t offset,
                                                   unsigned bytes) {
  for (unsigned i = 0; i < bytes / 4; ++i) {
    const Word& word = words_[offset / 4 + i];
    if (word.is_in_flight) return conflict(word.write, Verdict::in_flight);
    if (races(word.write, agent, 0xF, false)) return conflict(word.write, Verdict::race_with_write);
  }
  return Verdict::fine;
}

}  // namespace lq::emulator
