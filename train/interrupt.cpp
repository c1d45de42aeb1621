#include "train/interrupt.h"

namespace lq {

namespace {

volatile std::sig_atomic_t signal_arrived = 0;

void note_signal(int) { signal_arrived = 1; }

void install(int signal_number, struct sigaction* previous) {
  struct sigaction action {};
  action.sa_handler = note_signal;
  // The handler serves once, and system calls go on as if nothing had happened.
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  sigemptyset(&action.sa_mask);
  sigaction(signal_number, &action, previous);
  if (previous->sa_handler == SIG_IGN) sigaction(signal_number, previous, nullptr);
}

}  // namespace

InterruptScope::InterruptScope() {
  signal_arrived = 0;
  install(SIGINT, &previous_interrupt_);
  install(SIGTERM, &previous_terminate_);
}

InterruptScope::~InterruptScope() {
  sigaction(SIGINT, &previous_interrupt_, nullptr);
  sigaction(SIGTERM, &previous_terminate_, nullptr);
}

bool InterruptScope::requested() { return signal_arrived != 0; }

}  // namespace lq
