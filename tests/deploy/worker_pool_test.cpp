#include "deploy/worker_pool.h"

#include <gtest/gtest.h>

#if defined(__linux__)
#include <sched.h>
#endif

#include <chrono>
#include <set>

#include "tests/support/errors.h"

namespace lq::testing {
namespace {

using deploy::WorkerPool;

TEST(WorkerPoolTest, RunsEveryWorkerOnceAndTheCallerIsTheFirst) {
  for (const int workers : {1, 2, 3, 8}) {
    WorkerPool pool(workers);
    EXPECT_EQ(pool.workers(), workers);
    std::vector<std::thread::id> ids(workers);
    std::vector<int> calls(workers, 0);
    pool.run([&](int worker) {
      ids[worker] = std::this_thread::get_id();
      ++calls[worker];
    });
    EXPECT_EQ(calls, std::vector<int>(workers, 1));
    EXPECT_EQ(ids[0], std::this_thread::get_id());
    EXPECT_EQ(std::set(ids.begin(), ids.end()).size(), ids.size());
  }
}

TEST(WorkerPoolTest, BarriersSeparatePhases) {
  constexpr int workers = 3;
  constexpr int phases = 500;
  WorkerPool pool(workers);
  // Every worker writes its own element, and reads those of all others in the next phase.
  std::vector<int> written(workers, 0);
  std::vector<int> wrong(workers, 0);
  for (int run = 0; run < 5; ++run) {
    std::fill(written.begin(), written.end(), 0);
    pool.run([&](int worker) {
      for (int phase = 1; phase <= phases; ++phase) {
        written[worker] = phase;
        pool.barrier();
        for (const int other : written) wrong[worker] += other == phase ? 0 : 1;
        pool.barrier();
      }
    });
  }
  EXPECT_EQ(wrong, std::vector<int>(workers, 0));
}

#if defined(__linux__)
TEST(WorkerPoolTest, WorkersLeaveTheCallersCoreButMayGoWhereTheyLike) {
  cpu_set_t allowed;
  ASSERT_EQ(sched_getaffinity(0, sizeof allowed, &allowed), 0);
  if (CPU_COUNT(&allowed) < 2) GTEST_SKIP() << "one core";
  WorkerPool pool(2);
  // The caller stays where it is.
  const int core = sched_getcpu();
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(core, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  int elsewhere = 0;
  int free = 0;
  constexpr int runs = 20;
  for (int run = 0; run < runs; ++run) {
    pool.run([&](int worker) {
      if (worker == 0) return;
      elsewhere += sched_getcpu() != core ? 1 : 0;
      cpu_set_t own;
      free += sched_getaffinity(0, sizeof own, &own) == 0 && CPU_EQUAL(&own, &allowed) ? 1 : 0;
      // For the next run: here, where it should not stay.
      sched_setaffinity(0, sizeof one, &one);
      sched_setaffinity(0, sizeof allowed, &allowed);
    });
  }
  EXPECT_EQ(sched_setaffinity(0, sizeof allowed, &allowed), 0);
  EXPECT_EQ(free, runs);
  EXPECT_GE(elsewhere, runs / 2);  // other programs may be in the way
}
#endif

TEST(WorkerPoolTest, SleepingWorkersWakeUp) {
  WorkerPool pool(2);
  std::atomic<int> calls = 0;
  for (int run = 0; run < 3; ++run) {
    // Longer than workers spin; and the caller waits that long for the other one.
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    pool.run([&](int worker) {
      if (worker == 1) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      ++calls;
    });
  }
  EXPECT_EQ(calls, 6);
}

TEST(WorkerPoolTest, NeverUsedPoolsEnd) {
  for (int i = 0; i < 20; ++i) WorkerPool pool(4);
}

TEST(WorkerPoolTest, RefusesCountsOutOfRange) {
  EXPECT_TRUE(throws_error([] { WorkerPool pool(0); }, "0 workers, expected 1 to 1024"));
  EXPECT_TRUE(throws_error([] { WorkerPool pool(1025); }, "1025 workers"));
}

}  // namespace
}  // namespace lq::testing
