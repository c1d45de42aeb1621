#include "train/device_batches.h"

#include <algorithm>
#include <optional>

#include "data/synthetic.h"
#include "tests/support/devices.h"

namespace lq::testing {
namespace {

class DeviceBatchesTest : public ::testing::TestWithParam<Device> {
 protected:
  Loader loader() const {
    return {splits.train,
            std::make_shared<NormalizeTransform>(per_pixel_normalization(splits)),
            {.batch = 4, .threads = 0, .shuffle = true, .seed = 3}};
  }

  DatasetSplits splits = make_synthetic(
      {.train_images = 22, .test_images = 1, .height = 5, .width = 3, .channels = 2});
};

template <typename T>
bool equal(const Tensor& there, const Tensor& expected) {
  const Tensor here = there.to(Device{});
  return here.shape() == expected.shape() && std::ranges::equal(here.span<T>(), expected.span<T>());
}

/// Every batch of the loader, the small one at the end included, in more epochs than buffers.
TEST_P(DeviceBatchesTest, AreThoseOfTheLoader) {
  Loader expected = loader();
  Loader own = loader();
  DeviceBatches batches(own, GetParam());
  for (const auto& [epoch, first] : {std::pair{0, 0}, {1, 0}, {1, 3}, {2, 0}}) {
    expected.start(epoch, first);
    batches.start(epoch, first);
    std::int64_t count = 0;
    while (const std::optional<Batch> batch = batches.next()) {
      const std::optional<Batch> host = expected.next();
      ASSERT_TRUE(host.has_value());
      EXPECT_EQ(batch->images.device(), GetParam());
      EXPECT_EQ(batch->index, host->index);
      EXPECT_TRUE(equal<float>(batch->images, host->images)) << "batch " << host->index;
      EXPECT_TRUE(equal<std::int32_t>(batch->labels, host->labels)) << "batch " << host->index;
      ++count;
    }
    EXPECT_EQ(count, expected.batches() - first);
    EXPECT_FALSE(expected.next().has_value());
    EXPECT_FALSE(batches.next().has_value());
  }
}

TEST_P(DeviceBatchesTest, CanStartAnewInTheMiddle) {
  Loader own = loader();
  DeviceBatches batches(own, GetParam());
  EXPECT_FALSE(batches.next().has_value());
  batches.start(0);
  batches.next();
  batches.start(5);
  const std::optional<Batch> batch = batches.next();
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(batch->epoch, 5);
  EXPECT_EQ(batch->index, 0);
}

INSTANTIATE_TEST_SUITE_P(Devices, DeviceBatchesTest, ::testing::ValuesIn(all_devices()),
                         device_name);

}  // namespace
}  // namespace lq::testing
