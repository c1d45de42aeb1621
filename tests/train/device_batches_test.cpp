#include "train/device_batches.h"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "data/synthetic.h"
#include "kernels/relu/relu.h"
#include "tests/support/defective_images.h"
#include "tests/support/devices.h"
#include "tests/support/errors.h"

namespace lq::testing {
namespace {

constexpr std::uint64_t seed = 3;

/// Pads, crops, mirrors and normalises one value after another.
std::vector<float> naive_pad_crop_flip(const Image& image, const Normalization& normalization,
                                       const PadCropFlipOptions& options, Rng rng) {
  const int p = options.padding;
  const auto byte_of_padded = [&](int h, int w, int c) {
    const int row = h - p, column = w - p;
    const bool inside = row >= 0 && row < image.height && column >= 0 && column < image.width;
    return inside ? int{image.pixels[(row * image.width + column) * image.channels + c]} : 0;
  };
  const auto top = static_cast<int>(rng.below(static_cast<std::uint32_t>(2 * p + 1)));
  const auto left = static_cast<int>(rng.below(static_cast<std::uint32_t>(2 * p + 1)));
  const bool mirror = options.flip && rng.below(2) == 1;
  std::vector<float> output;
  for (int h = 0; h < image.height; ++h) {
    for (int w = 0; w < image.width; ++w) {
      for (int c = 0; c < image.channels; ++c) {
        const int column = mirror ? image.width - 1 - w : w;
        const auto value = static_cast<float>(byte_of_padded(h + top, column + left, c));
        const auto means = normalization.mean.span<float>();
        output.push_back((value - means[output.size() % means.size()]) *
                         (1.0F / normalization.divisor[c % normalization.divisor.size()]));
      }
    }
  }
  return output;
}

class DeviceBatchesTest : public ::testing::TestWithParam<Device> {
 protected:
  Loader loader(std::shared_ptr<const Transform> transform) const {
    return {splits.train,
            std::move(transform),
            {.batch = 4, .threads = 0, .shuffle = true, .seed = seed}};
  }
  Loader loader() const { return loader(std::make_shared<NormalizeTransform>(normalization)); }

  /// All batches, the small one at the end included, in more epochs than buffers, against what
  /// `expected` makes of an image and the numbers that belong to it.
  template <typename Expected>
  void expect_batches(Loader own, const Expected& expected) const {
    DeviceBatches batches(own, GetParam());
    for (const auto& [epoch, first] : {std::pair{0, 0}, {1, 0}, {1, 3}, {2, 0}}) {
      const std::vector<std::int64_t> order = shuffled_order(splits.train->size(), seed, epoch);
      std::int64_t position = 4 * first;
      batches.start(epoch, first);
      while (const std::optional<Batch> batch = batches.next()) {
        EXPECT_EQ(batch->images.device(), GetParam());
        EXPECT_EQ(batch->labels.device(), GetParam());
        EXPECT_EQ(batch->epoch, epoch);
        EXPECT_EQ(batch->index, position / 4);
        const Tensor images = batch->images.to(Device{}), labels = batch->labels.to(Device{});
        EXPECT_EQ(images.shape(), (Shape{batch->size(), 5, 3, 2}));
        for (std::int64_t row = 0; row < batch->size(); ++row, ++position) {
          const std::int64_t index = order[position];
          Image image;
          splits.train->load(index, image);
          const std::vector<float> values =
              expected(image, Rng(seed, RngPurpose::augmentation, epoch, index));
          ASSERT_TRUE(std::ranges::equal(images.slice(row, row + 1).span<float>(), values))
              << "epoch " << epoch << " position " << position;
          ASSERT_EQ(labels.span<std::int32_t>()[row], splits.train->label(index));
        }
      }
      EXPECT_EQ(position, splits.train->size());
      EXPECT_FALSE(batches.next().has_value());
    }
  }

  DatasetSplits splits = make_synthetic(
      {.train_images = 22, .test_images = 1, .height = 5, .width = 3, .channels = 2});
  Normalization normalization = per_pixel_normalization(splits);
};

TEST_P(DeviceBatchesTest, OfEvaluationAreNormalised) {
  expect_batches(loader(), [&](const Image& image, const Rng& rng) {
    return naive_pad_crop_flip(image, normalization, {.padding = 0, .flip = false}, rng);
  });
}

/// Keeps images as they are, and normalises their channels.
class ChannelTransform final : public Transform {
 public:
  explicit ChannelTransform(Normalization normalization)
      : Transform({5, 3, 2}, std::move(normalization)) {}

  CropWindow prepare(SourceImage& image, Rng& /*rng*/,
                     std::span<std::uint8_t> pixels) const override {
    std::ranges::copy(image.whole().pixels, pixels.begin());
    return {};
  }
};

TEST_P(DeviceBatchesTest, MayBeNormalisedByChannel) {
  const Normalization of_channels{
      .mean = Tensor::from(std::vector<float>{123.675F, 116.28F}, {1, 1, 2}),
      .divisor = {58.395F, 57.12F}};
  expect_batches(loader(std::make_shared<ChannelTransform>(of_channels)), [&](const Image& image,
                                                                              const Rng& rng) {
    return naive_pad_crop_flip(image, of_channels, {.padding = 0, .flip = false}, rng);
  });
}

TEST_P(DeviceBatchesTest, OfTrainingArePaddedCroppedAndMirrored) {
  // With 4, windows may miss the image.
  for (const int padding : {1, 4}) {
    const PadCropFlipOptions options{.padding = padding};
    expect_batches(loader(std::make_shared<PadCropFlipTransform>(normalization, options)),
                   [&](const Image& image, const Rng& rng) {
                     return naive_pad_crop_flip(image, normalization, options, rng);
                   });
  }
}

TEST_P(DeviceBatchesTest, LackImagesThatCannotBeRead) {
  // Batch 0 lacks one, and batch 1 all four.
  const auto refuse = [](std::int64_t index) {
    if (index == 2 || (index >= 4 && index < 8)) throw UnreadableImage("a gap");
  };
  Loader own(std::make_shared<DefectiveImages>(splits.train, refuse),
             std::make_shared<NormalizeTransform>(normalization), {.batch = 4, .threads = 0});
  DeviceBatches batches(own, GetParam());
  for (const std::int64_t epoch : {0, 1}) {
    batches.start(epoch);
    std::vector<std::int64_t> sizes;
    std::vector<std::int32_t> labels;
    while (const std::optional<Batch> batch = batches.next()) {
      EXPECT_EQ(batch->index, std::ssize(sizes));
      sizes.push_back(batch->size());
      if (batch->size() == 0) continue;
      EXPECT_EQ(batch->images.shape(), (Shape{batch->size(), 5, 3, 2}));
      const Tensor on_cpu = batch->labels.to(Device{});
      std::ranges::copy(on_cpu.span<std::int32_t>(), std::back_inserter(labels));
    }
    EXPECT_EQ(sizes, (std::vector<std::int64_t>{3, 0, 4, 4, 4, 2}));
    std::vector<std::int32_t> expected;
    for (std::int64_t i = 0; i < splits.train->size(); ++i) {
      if (i != 2 && (i < 4 || i >= 8)) expected.push_back(splits.train->label(i));
    }
    EXPECT_EQ(labels, expected);
    EXPECT_EQ(own.skipped().count, 5);
  }
}

TEST_P(DeviceBatchesTest, EmptyOnesLeaveTheOneBeforeAlone) {
  for (const std::int64_t empty : {1, 2}) {
    const auto refuse = [empty](std::int64_t index) {
      if (index >= 4 && index < 4 * (1 + empty)) throw UnreadableImage("a gap");
    };
    Loader own(std::make_shared<DefectiveImages>(splits.train, refuse),
               std::make_shared<NormalizeTransform>(normalization), {.batch = 4, .threads = 0});
    DeviceBatches batches(own, GetParam());
    batches.start(0);
    const std::optional<Batch> kept = batches.next();
    ASSERT_TRUE(kept.has_value());
    const auto values = [&] {
      const Tensor images = kept->images.to(Device{});
      const auto span = images.span<float>();
      return std::vector<float>(span.begin(), span.end());
    };
    const std::vector<float> expected = values();
    // With the last one, the batch behind them is made.
    for (std::int64_t i = 0; i < empty; ++i) {
      EXPECT_EQ(batches.next()->size(), 0);
      EXPECT_EQ(values(), expected);
    }
    const std::optional<Batch> behind = batches.next();
    ASSERT_EQ(behind->size(), 4);
    const Tensor labels = behind->labels.to(Device{});
    for (std::int64_t i = 0; i < 4; ++i) {
      EXPECT_EQ(labels.span<std::int32_t>()[i], splits.train->label(4 * (1 + empty) + i));
    }
  }
}

TEST_P(DeviceBatchesTest, AnErrorComesInPlaceOfItsBatch) {
  const auto refuse = [](std::int64_t index) {
    if (index == 9) fail("a broken disk");
  };
  Loader own(std::make_shared<DefectiveImages>(splits.train, refuse),
             std::make_shared<NormalizeTransform>(normalization), {.batch = 4, .threads = 0});
  DeviceBatches batches(own, GetParam());
  for (const std::int64_t epoch : {0, 1}) {
    batches.start(epoch);
    for (const std::int64_t index : {0, 1}) {
      const std::optional<Batch> batch = batches.next();
      ASSERT_TRUE(batch.has_value());
      EXPECT_EQ(batch->index, index);
      const Tensor labels = batch->labels.to(Device{});
      for (std::int64_t i = 0; i < 4; ++i) {
        EXPECT_EQ(labels.span<std::int32_t>()[i], splits.train->label(4 * index + i));
      }
    }
    EXPECT_TRUE(throws_error([&] { batches.next(); }, "a broken disk"));
  }
  batches.start(2, 2);
  EXPECT_TRUE(throws_error([&] { batches.next(); }, "a broken disk"));
  batches.start(3, 3);
  const std::optional<Batch> behind = batches.next();
  ASSERT_TRUE(behind.has_value());
  EXPECT_EQ(behind->index, 3);
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

TEST_P(DeviceBatchesTest, AreTheSameWhenMadeAhead) {
  Loader ahead = loader(), behind = loader();
  DeviceBatches batches(ahead, GetParam()), expected(behind, GetParam());
  for (const std::int64_t first : {0, 4}) {
    batches.start(1, first);
    expected.start(1, first);
    batches.prefetch();
    while (const std::optional<Batch> batch = expected.next()) {
      const std::optional<Batch> made = batches.next();
      ASSERT_TRUE(made.has_value());
      // Twice is once, and the batch at hand stays as it is.
      batches.prefetch();
      batches.prefetch();
      EXPECT_EQ(made->index, batch->index);
      EXPECT_TRUE(std::ranges::equal(made->images.to(Device{}).span<float>(),
                                     batch->images.to(Device{}).span<float>()));
    }
    batches.prefetch();
    EXPECT_FALSE(batches.next().has_value());
  }
}

TEST_P(DeviceBatchesTest, BuffersAreTakenAgainBehindTheWorkOnThem) {
  Loader own = loader(), other = loader();
  DeviceBatches batches(own, GetParam()), expected(other, GetParam());
  batches.start(0);
  expected.start(0);
  // Copies that nobody waits for until their source could have been written over.
  std::vector<Tensor> copies;
  while (const std::optional<Batch> batch = batches.next()) {
    copies.emplace_back(batch->images.shape(), DType::f32, GetParam());
    copies.back().copy_from(batch->images);
    batches.prefetch();
  }
  for (const Tensor& copy : copies) {
    const std::optional<Batch> batch = expected.next();
    ASSERT_TRUE(batch.has_value());
    EXPECT_TRUE(std::ranges::equal(copy.to(Device{}).span<float>(),
                                   batch->images.to(Device{}).span<float>()))
        << "batch " << batch->index;
  }
}

TEST_P(DeviceBatchesTest, TheLoaderIsAskedByPrefetch) {
  if (GetParam() == Device{}) GTEST_SKIP() << "the CPU makes a batch when it is asked for";
  std::int64_t asked = 0;  // images
  Loader own(std::make_shared<DefectiveImages>(splits.train, [&](std::int64_t) { ++asked; }),
             std::make_shared<NormalizeTransform>(normalization), {.batch = 4, .threads = 0});
  DeviceBatches batches(own, GetParam());
  batches.start(0);
  const std::int64_t of_first = asked;
  batches.next();
  EXPECT_EQ(asked, of_first);
  batches.prefetch();
  EXPECT_GT(asked, of_first);
}

INSTANTIATE_TEST_SUITE_P(Devices, DeviceBatchesTest, ::testing::ValuesIn(all_devices()),
                         device_name);

#if defined(LQNET_WITH_CUDA)
TEST(DeviceBatchesFaultTest, cuda_LeavesItsErrorToWhoCalls) {
  if (!has_cuda_device() || std::getenv("LQNET_EMULATED_CONTINUE") == nullptr) {
    GTEST_SKIP() << "leaves a device that cannot be used: runs alone, with "
                    "LQNET_EMULATED_CONTINUE=1";
  }
  const DatasetSplits splits =
      make_synthetic({.train_images = 12, .test_images = 1, .height = 5, .width = 3});
  Loader loader(splits.train, std::make_shared<NormalizeTransform>(per_pixel_normalization(splits)),
                {.batch = 4, .threads = 0});
  const Device cuda{DeviceType::cuda};
  EXPECT_TRUE(throws_error(
      [&] {
        DeviceBatches batches(loader, cuda);
        batches.start(0);
        batches.next();
        Tensor y({5}, DType::f32, cuda);
        const ConstView<float> nowhere(reinterpret_cast<const float*>(256), {5}, cuda);
        kernels::relu_forward(current_stream(cuda), nowhere, y.view<float>());
        batches.next();
      },
      "cudaError"));
}
#endif

}  // namespace
}  // namespace lq::testing
