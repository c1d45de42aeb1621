#include "bench/data_pipeline.h"

#include <gtest/gtest.h>

#include <atomic>

#include "data/synthetic.h"
#include "tests/support/defective_images.h"
#include "tests/support/errors.h"

namespace lq::testing {
namespace {

constexpr std::int64_t images = 12;

/// Images in memory, of which number 5 cannot be read from then on that it has been for `times`
/// times.
bench::DataPipelineTiming timed(std::int64_t times) {
  const auto all = make_synthetic({.train_images = images, .test_images = 1}).train;
  std::atomic<std::int64_t> reads = 0;
  const auto defective = std::make_shared<DefectiveImages>(all, [&](std::int64_t index) {
    if (index == 5 && reads++ >= times) throw UnreadableImage("5.png: is gone");
  });
  const Shape shape = all->image_shape();
  const auto as_they_are = std::make_shared<NormalizeTransform>(
      Normalization{.mean = Tensor::zeros({shape[0], shape[1], shape[2]})});
  return bench::time_data_pipeline(defective, {{"as they are", as_they_are}},
                                   {.images = images, .batch = 5, .threads = 2, .rounds = 1});
}

/// Once to see whether it can be read, once for the regions, and three times in the round.
TEST(DataPipelineTest, TimesAllWays) {
  const bench::DataPipelineTiming timing = timed(5);
  EXPECT_EQ(timing.images, images);
  EXPECT_EQ(timing.skipped.count, 0);
  EXPECT_GT(timing.decoding_rate, 0);
  ASSERT_EQ(timing.paths.size(), 1U);
  EXPECT_GT(timing.paths[0].of_decoding, 0);
  EXPECT_GT(timing.paths[0].of_region_decoding, 0);
}

TEST(DataPipelineTest, ImagesThatAreLostOnTheWayAreErrors) {
  for (std::int64_t times = 1; times < 5; ++times) {
    EXPECT_TRUE(throws_error([&] { timed(times); }, "5.png: is gone")) << times;
  }
}

TEST(DataPipelineTest, ImagesThatCannotBeReadAreLeftOut) {
  const bench::DataPipelineTiming timing = timed(0);
  EXPECT_EQ(timing.images, images - 1);
  ASSERT_EQ(timing.skipped.named.size(), 1U);
  EXPECT_EQ(timing.skipped.named[0].message, "5.png: is gone");
  EXPECT_GT(timing.paths.at(0).images_per_s, 0);
}

}  // namespace
}  // namespace lq::testing
