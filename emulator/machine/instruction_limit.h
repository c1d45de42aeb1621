// How long a launch may run.
#pragma once

#include <atomic>
#include <cstdint>

namespace lq::emulator {

struct Warp;

/// Counts the instructions of a host thread, and reports the launch that has no end.
class InstructionLimit {
 public:
  /// `total` are the instructions of all host threads, of which the launch may run `most`.
  InstructionLimit(std::uint64_t most, std::atomic<std::uint64_t>& total)
      : most_(most), total_(total) {}

  /// Throws Error if there were too many and the warp has not ended.
  void add(const Warp& warp, std::uint64_t instructions);

 private:
  [[noreturn]] void report(const Warp& warp) const;

  std::uint64_t most_;
  std::atomic<std::uint64_t>& total_;
  std::uint64_t unreported_ = 0;
};

}  // namespace lq::emulator
