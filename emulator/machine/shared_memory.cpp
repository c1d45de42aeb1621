#include "emulator/machine/shared_memory.h"

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
  const unsigned of_word = bytes < 4 ? ((1U << bytes) - 1) << offset % 4 : 0xF;
  const Stamp own{clocks_->now(agent), place, static_cast<std::uint16_t>(agent),
                  static_cast<std::uint8_t>(of_word), strong};
  if (bytes < 4) return access_word(*word, own, access);
  for (unsigned i = 0; i < bytes / 4; ++i) {
    const Verdict verdict = access_word(word[i], own, access);
    if (verdict != Verdict::fine) return verdict;
  }
  return Verdict::fine;
}

SharedMemory::Verdict SharedMemory::access_word(Word& word, const Stamp& own, Access access) {
  if (word.is_in_flight) [[unlikely]]
    return conflict(word.write, Verdict::in_flight);
  if (races(word.write, own)) return conflict(word.write, Verdict::race_with_write);
  if (access != Access::write) {
    if ((word.written & own.bytes) != own.bytes) return Verdict::unwritten;
    if (own.strong && word.write.strong && word.write.agent != own.agent) {
      clocks_->acquire(own.agent, word.write.agent);
    }
  }
  const auto add_to = [&](Stamp& before) {
    const bool same =
        before.tick == own.tick && before.agent == own.agent && before.strong == own.strong;
    const std::uint8_t others = same ? before.bytes : std::uint8_t{0};
    before = own;
    before.bytes |= others;
  };
  if (access == Access::read) {
    if (word.reads[0].agent != own.agent) word.reads[1] = word.reads[0];
    add_to(word.reads[0]);
    return Verdict::fine;
  }
  if (word.readers != 0) [[unlikely]]
    return Verdict::being_read;
  for (const Stamp& read : word.reads) {
    if (races(read, own)) return conflict(read, Verdict::race_with_read);
  }
  add_to(word.write);
  word.written |= own.bytes;
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
  const Stamp own{.agent = static_cast<std::uint16_t>(agent), .bytes = 0xF};
  for (unsigned i = 0; i < bytes / 4; ++i) {
    const Word& word = words_[offset / 4 + i];
    if (word.is_in_flight) return conflict(word.write, Verdict::in_flight);
    if (races(word.write, own)) return conflict(word.write, Verdict::race_with_write);
  }
  return Verdict::fine;
}

}  // namespace lq::emulator
