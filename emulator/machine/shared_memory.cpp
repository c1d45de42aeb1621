#include "emulator/machine/shared_memory.h"

#include <algorithm>

namespace lq::emulator {

void SharedMemory::reset(std::size_t bytes, int warps) {
  size_ = bytes;
  // Padded so that whole words exist.
  data_.assign(bytes + 16, std::byte{0xCB});
  words_.assign(bytes / 4 + 4, Word{});
  for (int warp = 0; warp < warps; ++warp) {
    known_[static_cast<std::size_t>(warp)].fill(0);
    known_[static_cast<std::size_t>(warp)][static_cast<std::size_t>(warp)] = 1;
  }
}

SharedMemory::Verdict SharedMemory::access(int warp, std::uint32_t offset, unsigned bytes,
                                           Access access, bool strong, std::uint32_t place) {
  Word* word = &words_[offset / 4];
  if (bytes < 4) {
    return access_word(*word, warp, ((1U << bytes) - 1) << offset % 4, access, strong, place);
  }
  for (unsigned i = 0; i < bytes / 4; ++i) {
    const Verdict verdict = access_word(word[i], warp, 0xF, access, strong, place);
    if (verdict != Verdict::fine) return verdict;
  }
  return Verdict::fine;
}

SharedMemory::Verdict SharedMemory::access_word(Word& word, int warp, unsigned bytes, Access access,
                                                bool strong, std::uint32_t place) {
  if (word.is_in_flight) [[unlikely]]
    return conflict(word.write, Verdict::in_flight);
  if (races(word.write, warp, bytes, strong)) return conflict(word.write, Verdict::race_with_write);
  if (access != Access::write) {
    if ((word.written & bytes) != bytes) return Verdict::unwritten;
    if (strong && word.write.strong && word.write.warp != warp) acquire(warp, word.write.warp);
  }
  const auto stamp = [&, tick = now(warp)](const Stamp& before) {
    const bool same = before.tick == tick && before.warp == warp && before.strong == strong;
    return Stamp{tick, place, static_cast<std::uint8_t>(warp),
                 static_cast<std::uint8_t>(same ? before.bytes | bytes : bytes), strong};
  };
  if (access == Access::read) {
    Stamp& last = word.reads[0];
    if (last.warp != warp) word.reads[1] = last;
    last = stamp(last);
    return Verdict::fine;
  }
  for (const Stamp& read : word.reads) {
    if (races(read, warp, bytes, strong)) return conflict(read, Verdict::race_with_read);
  }
  word.write = stamp(word.write);
  word.written = static_cast<std::uint8_t>(word.written | bytes);
  return Verdict::fine;
}

SharedMemory::Verdict SharedMemory::begin_write(int warp, std::uint32_t offset, unsigned bytes,
                                                std::uint32_t place) {
  const Verdict verdict = access(warp, offset, bytes, Access::write, false, place);
  if (verdict != Verdict::fine) return verdict;
  for (unsigned i = 0; i < bytes / 4; ++i) words_[offset / 4 + i].is_in_flight = true;
  return Verdict::fine;
}

void SharedMemory::end_write(int warp, std::uint32_t offset, unsigned bytes) {
  for (unsigned i = 0; i < bytes / 4; ++i) {
    Word& word = words_[offset / 4 + i];
    word.is_in_flight = false;
    word.write.tick = now(warp);
  }
}

void SharedMemory::acquire(int warp, int from) {
  auto& mine = known_[static_cast<std::size_t>(warp)];
  const auto& other = known_[static_cast<std::size_t>(from)];
  for (std::size_t i = 0; i < most_warps; ++i) mine[i] = std::max(mine[i], other[i]);
}

void SharedMemory::synchronize(std::uint32_t warps) {
  std::array<std::uint32_t, most_warps> together{};
  const auto for_each = [&](auto&& body) {
    for (std::size_t warp = 0; warp < most_warps; ++warp) {
      if ((warps >> warp & 1) != 0) body(warp);
    }
  };
  for_each([&](std::size_t warp) {
    for (std::size_t i = 0; i < most_warps; ++i) {
      together[i] = std::max(together[i], known_[warp][i]);
    }
  });
  for_each([&](std::size_t warp) {
    known_[warp] = together;
    ++known_[warp][warp];
  });
}

}  // namespace lq::emulator
