#include "train/interrupt.h"

#include <gtest/gtest.h>

namespace lq::testing {
namespace {

int signals_seen = 0;
void count_signal(int) { ++signals_seen; }

/// Signals that whoever started the tests had ignored count again.
class InterruptScopeTest : public ::testing::Test {
 protected:
  ~InterruptScopeTest() override { std::signal(SIGINT, previous_); }

 private:
  void (*previous_)(int) = std::signal(SIGINT, SIG_DFL);
};
using InterruptScopeDeathTest = InterruptScopeTest;

TEST_F(InterruptScopeTest, NotesTheFirstSignalOfEitherKind) {
  for (const int signal_number : {SIGINT, SIGTERM}) {
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

TEST_F(InterruptScopeTest, RestoresWhatWasThere) {
  std::signal(SIGINT, count_signal);
  {
    const InterruptScope scope;
    std::raise(SIGINT);
    EXPECT_EQ(signals_seen, 0);
  }
  std::raise(SIGINT);
  EXPECT_EQ(signals_seen, 1);
}

TEST_F(InterruptScopeTest, IgnoredSignalsStayIgnored) {
  std::signal(SIGINT, SIG_IGN);
  {
    const InterruptScope scope;
    std::raise(SIGINT);
    EXPECT_FALSE(InterruptScope::requested());
  }
}

}  // namespace
}  // namespace lq::testing
