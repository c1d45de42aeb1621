// Nothing is allocated while a packed network runs.

#include <gtest/gtest.h>

#include "deploy/packed_network.h"
#include "tests/deploy/random_model.h"
#include "tests/deploy/resnet20_model.h"
#include "tests/support/allocation_counter.h"

namespace lq::testing {
namespace {

long allocations_of_runs(const PackedModel& model, const std::vector<float>& images,
                         std::int64_t count, int threads) {
  deploy::PackedNetwork network(model, {.max_batch = 2, .threads = threads, .measure = true});
  std::vector<float> scores(count * network.classes());
  const long before = allocation_count();
  network.run(images, scores);
  network.run(images, scores);
  return allocation_count() - before;
}

TEST(AllocationTest, RunsAllocateNothing) {
  if (!counts_allocations()) GTEST_SKIP() << "a sanitizer has allocation functions of its own";
  const long before = allocation_count();
  const std::vector<int> something(100);
  ASSERT_GT(allocation_count(), before) << "allocations are not counted";
  for (std::uint32_t seed = 0; seed < 30; ++seed) {
    RandomModel random(seed);
    for (const int threads : {1, 3}) {
      EXPECT_EQ(allocations_of_runs(random.model(), random.images(5), 5, threads), 0)
          << "seed " << seed << ", " << threads << " threads";
    }
  }
  const ResNet20Model network(2, 2);
  EXPECT_EQ(allocations_of_runs(network.model(), std::vector<float>(3 * 32 * 32 * 3, 0.5F), 3, 2),
            0);
}

}  // namespace
}  // namespace lq::testing
