// A polite end for work that is told to stop.
#pragma once

#include <array>
#include <csignal>

namespace lq {

/// While it lives, the first SIGINT, the first SIGTERM and every SIGHUP only set a flag, so that a
/// run can write its checkpoint; the next SIGINT or SIGTERM ends the program as usual. A terminal
/// that closes may send SIGHUP twice, by its shell and by the system, which is no second wish. A
/// signal that the program ignored before (nohup, background jobs) stays ignored. One scope at a
/// time in a program.
class InterruptScope {
 public:
  InterruptScope();
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;

  /// Whether a signal has arrived since the scope began.
  static bool requested();

 private:
  static constexpr std::array signals_{SIGINT, SIGTERM, SIGHUP};

  std::array<struct sigaction, signals_.size()> previous_{};
};

}  // namespace lq
