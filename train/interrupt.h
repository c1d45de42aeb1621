// A polite end for a run that is told to stop.
#pragma once

#include <csignal>

namespace lq {

/// While it lives, the first SIGINT and the first SIGTERM only set a flag, so that a run can write
/// its checkpoint; the next one of the same kind ends the program as usual. A signal that the
/// program ignored before (nohup, background jobs) stays ignored. One scope at a time in a program.
class InterruptScope {
 public:
  InterruptScope();
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;

  /// Whether a signal has arrived since the scope began.
  static bool requested();

 private:
  struct sigaction previous_interrupt_ {};
  struct sigaction previous_terminate_ {};
};

}  // namespace lq
