#include "train/interrupt.h"

#include <cstddef>

namespace lq {

namespace {

volatile std::sig_atomic_t signal_arrived = 0;

void note_signal(int) { signal_arrived = 1; }

void install(int signal_number, struct sigaction* previous) {
  struct sigaction action {};
  action.sa_handler = note_signal;
  // System calls go on as if nothing had happened.
  action.sa_flags = SA_RESTART;
  if (signal_number != SIGHUP) action.sa_flags |= static_cast<int>(SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  sigaction(signal_number, &action, previous);
  if (previous->sa_handler == SIG_IGN) sigaction(signal_number, previous, nullptr);
}

}  // namespace

InterruptScope::InterruptScope() {
  signal_arrived = 0;
  for (std::size_t i = 0; i < signals_.size(); ++i) install(signals_[i], &previous_[i]);
}

InterruptScope::~InterruptScope() {
  for (std::size_t i = 0; i < signals_.size(); ++i) {
    sigaction(signals_[i], &previous_[i], nullptr);
  }
}

bool InterruptScope::requested() { return signal_arrived != 0; }

}  // namespace lq
