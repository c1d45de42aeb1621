// Copies that threads have issued and that are not complete.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>

namespace lq::emulator {

struct Warp;

/// cp.async: up to 16 bytes to the shared memory of the thread's own block. The bytes are those
/// that were there when it was issued, and have to be there until it is complete.
struct SmallCopy {
  std::uint32_t group = 0;
  std::uint32_t place = 0;  // of the instruction
  std::uint32_t to = 0;
  std::uint8_t bytes = 0;
  std::uint8_t bytes_read = 0;  // the others are zero
  const std::byte* from = nullptr;
  std::array<std::byte, 16> data{};
};

/// What a thread has issued.
struct ThreadCopies {
  std::deque<SmallCopy> small;
  std::uint32_t group = 0;  // the one that the next commit ends
};

/// Of a lane; threads that copy nothing have none.
ThreadCopies& copies_of(Warp& warp, int lane);

/// The place of a copy whose source has changed since it was issued, if there is one.
using ChangedSource = std::optional<std::uint32_t>;

/// Completes the oldest copies of the thread as long as `until` holds; they are writes of its warp.
ChangedSource complete_small_copies(Warp& warp, int lane,
                                    const std::function<bool(const SmallCopy&)>& until);

}  // namespace lq::emulator
