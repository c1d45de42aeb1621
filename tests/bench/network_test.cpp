#include "bench/network.h"

#include <gtest/gtest.h>

#include "core/threads.h"
#include "tests/deploy/resnet20_model.h"
#include "tests/support/errors.h"

namespace lq::bench {
namespace {

using testing::ResNet20Model;
using testing::throws_error;

TEST(NetworkBenchTest, TimesEveryOperation) {
  const int threads = num_threads();
  const deploy::PackedModel model = ResNet20Model(2, 2).model();
  const NetworkTiming timing = time_network(model, {.batch = 2, .threads = 2, .rounds = 3});
  set_num_threads(threads);
  EXPECT_GT(timing.us, 0);
  EXPECT_GT(timing.fp32_us, 0);
  EXPECT_GT(timing.int8_us, 0);
  EXPECT_DOUBLE_EQ(timing.images_per_s, 2e6 / timing.us);

  ASSERT_EQ(timing.operations.size(), model.operations.size());
  double percent = 0;
  int counting = 0;
  for (const OperationTiming& operation : timing.operations) {
    EXPECT_GT(operation.us, 0) << operation.name;
    percent += operation.percent;
    EXPECT_EQ(operation.peak_percent.has_value(), operation.arithmetic == "bits");
    EXPECT_GT(operation.peak_percent.value_or(1), 0);
    counting += operation.arithmetic == "bits" ? 1 : 0;
  }
  EXPECT_NEAR(percent, 100.0, 1e-9);
  EXPECT_EQ(counting, 18);

  const OperationTiming& first = timing.operations.front();
  const OperationTiming& last = timing.operations.back();
  EXPECT_EQ(first.name, "conv0");
  EXPECT_EQ(first.arithmetic, "floats");
  EXPECT_EQ(last.name, "fc");
  EXPECT_EQ(last.arithmetic, "floats");
  EXPECT_EQ(timing.operations[timing.operations.size() - 2].arithmetic, "");
  EXPECT_DOUBLE_EQ(timing.float_percent(), first.percent + last.percent);
}

TEST(NetworkBenchTest, RefusesWhatCannotBeMeant) {
  const deploy::PackedModel model = ResNet20Model(1, 1).model();
  EXPECT_TRUE(throws_error([&] { time_network(model, {.batch = 0}); }, "batch 0"));
  EXPECT_TRUE(throws_error([&] { time_network(model, {.rounds = 0}); }, "0 rounds"));
}

}  // namespace
}  // namespace lq::bench
