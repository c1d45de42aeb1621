#include "train/interrupt.h"

#include <gtest/gtest.h>

namespace lq::testing {
namespace {

int signals_seen = 0;
void count_signal(int) { ++signals_seen; }

/// Signals that whoever started the tests had ignored count again.
class InterruptScopeTest : public ::testing::Test {
 protected:
  ~InterruptScopeTest() override {
    std::signal(SIGINT, previous_interrupt_);
    std::signal(SIGHUP, previous_hangup_);
  }

 private:
  void (*previous_interrupt_)(int) = std::signal(SIGINT, SIG_DFL);
  void (*previous_hangup_)(int) = std::signal(SIGHUP, SIG_DFL);
};
using InterruptScopeDeathTest = InterruptScopeTest;

TEST_F(InterruptScopeTest, NotesTheFirstSignalOfEachKind) {
  for (const int signal_number : {SIGINT, SIGTERM, SIGHUP}) {
    const InterruptScope scope;
    EXPECT_FALSE(InterruptScope::requested());
    std::raise(signal_number);
    EXPECT_TRUE(InterruptScope::requested());
  }
}

TEST_F(InterruptScopeDeathTest, ASecondSignalHasItsUsualEffect) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // other tests leave threads behind
  EXPECT_EXIT(
      {
        const InterruptScope scope;
        std::raise(SIGINT);
        std::raise(SIGINT);
      },
      ::testing::KilledBySignal(SIGINT), "");
}

TEST_F(InterruptScopeTest, ATerminalThatClosesMaySignalTwice) {
  const InterruptScope scope;
  std::raise(SIGHUP);
  std::raise(SIGHUP);
  EXPECT_TRUE(InterruptScope::requested());
}

TEST_F(InterruptScopeTest, RestoresWhatWasThere) {
  for (const int signal_number : {SIGINT, SIGHUP}) {
    signals_seen = 0;
    std::signal(signal_number, count_signal);
    {
      const InterruptScope scope;
      std::raise(signal_number);
      EXPECT_EQ(signals_seen, 0);
    }
    std::raise(signal_number);
    EXPECT_EQ(signals_seen, 1);
  }
}

TEST_F(InterruptScopeTest, IgnoredSignalsStayIgnored) {
  for (const int signal_number : {SIGINT, SIGHUP}) {
    std::signal(signal_number, SIG_IGN);
    const InterruptScope scope;
    std::raise(signal_number);
    EXPECT_FALSE(InterruptScope::requested());
  }
}

}  // namespace
}  // namespace lq::testing
