#include "data/normalization.h"

#include <cmath>

#include "data/in_memory_dataset.h"
#include "data/synthetic.h"
#include "tests/data/files.h"

namespace lq {
namespace {

using testing::error_of;
using testing::expect_contains;

std::vector<long double> naive_mean(std::initializer_list<const Dataset*> parts) {
  std::vector<long double> mean;
  long double images = 0.0L;
  for (const Dataset* part : parts) {
    for (std::int64_t i = 0; i < part->size(); ++i) {
      Image image;
      part->load(i, image);
      mean.resize(image.pixels.size());
      for (std::size_t v = 0; v < mean.size(); ++v) mean[v] += image.pixels[v];
      images += 1.0L;
    }
  }
  for (long double& value : mean) value /= images;
  return mean;
}

// The mean is rounded twice, to double and to float: at most one unit of the last place of a float
// away from the exact one.
void expect_mean(const Normalization& normalization, const std::vector<long double>& expected) {
  const auto mean = normalization.mean.span<float>();
  ASSERT_EQ(mean.size(), expected.size());
  for (std::size_t v = 0; v < mean.size(); ++v) {
    const auto exact = static_cast<float>(expected[v]);
    ASSERT_LE(std::nextafter(exact, 0.0F), mean[v]) << v;
    ASSERT_GE(std::nextafter(exact, 256.0F), mean[v]) << v;
  }
}

TEST(PerPixelNormalization, IsTheMeanOfTheTrainingImages) {
  const DatasetSplits splits = make_synthetic(
      {.train_images = 37, .test_images = 23, .height = 5, .width = 7, .channels = 3});
  const Normalization normalization = per_pixel_normalization(splits);
  EXPECT_EQ(normalization.mean.shape(), (Shape{5, 7, 3}));
  EXPECT_EQ(normalization.divisor, std::vector<float>{128.0F});
  expect_mean(normalization, naive_mean({splits.train.get()}));
}

TEST(PerPixelNormalization, CanTakeTheTestImagesToo) {
  const DatasetSplits splits = make_synthetic(
      {.train_images = 37, .test_images = 23, .height = 5, .width = 7, .channels = 3});
  const std::vector<long double> both = naive_mean({splits.train.get(), splits.test.get()});
  expect_mean(per_pixel_normalization(splits, MeanSource::train_and_test), both);
  EXPECT_GT(std::abs(both[0] - naive_mean({splits.train.get()})[0]), 1e-3L);
}

std::shared_ptr<const Dataset> dataset_of(const Shape& shape, std::int64_t images) {
  return std::make_shared<InMemoryDataset>(
      shape, std::vector<std::uint8_t>(static_cast<std::size_t>(images * shape.elements()), 255),
      std::vector<std::int32_t>(static_cast<std::size_t>(images)), std::vector<std::string>{"a"});
}

TEST(PerPixelNormalization, IsExactForExtremeValues) {
  const DatasetSplits splits{dataset_of({1, 1, 1}, 100'000), dataset_of({1, 1, 1}, 1)};
  EXPECT_EQ(per_pixel_normalization(splits).mean.span<float>()[0], 255.0F);
}

class DatasetOfVariedSizes final : public Dataset {
 public:
  std::int64_t size() const override { return 1; }
  Shape image_shape() const override { return {0, 0, 3}; }
  std::span<const std::string> classes() const override { return {}; }
  std::int32_t label(std::int64_t /*index*/) const override { return 0; }
  void load(std::int64_t /*index*/, Image& image) const override { image.resize(1, 2, 3); }
};

TEST(PerPixelNormalization, RefusesWhatHasNoMeanImage) {
  const auto varied = std::make_shared<DatasetOfVariedSizes>();
  expect_contains(error_of([&] { per_pixel_normalization({varied, varied}); }), {"differ in size"});
  const DatasetSplits unlike{dataset_of({1, 1, 1}, 1), dataset_of({2, 1, 1}, 1)};
  expect_contains(error_of([&] { per_pixel_normalization(unlike, MeanSource::train_and_test); }),
                  {"2x1x1", "1x1x1"});
  const DatasetSplits empty{dataset_of({1, 1, 1}, 0), dataset_of({1, 1, 1}, 0)};
  expect_contains(error_of([&] { per_pixel_normalization(empty); }), {"empty"});
}

TEST(ImagenetNormalization, HasTheUsualNumbers) {
  const Normalization rgb = imagenet_normalization();
  EXPECT_EQ(rgb.mean.shape(), (Shape{1, 1, 3}));
  const std::array mean{123.675, 116.28, 103.53};
  const std::array deviation{58.395, 57.12, 57.375};
  const Normalization bgr = imagenet_normalization(ChannelOrder::bgr);
  for (int c = 0; c < 3; ++c) {
    EXPECT_NEAR(rgb.mean.span<float>()[c], mean[c], 1e-5);
    EXPECT_NEAR(rgb.divisor[c], deviation[c], 1e-5);
    EXPECT_EQ(rgb.scale()[c], 1.0F / rgb.divisor[c]);
    EXPECT_EQ(bgr.mean.span<float>()[c], rgb.mean.span<float>()[2 - c]);
    EXPECT_EQ(bgr.divisor[c], rgb.divisor[2 - c]);
  }
}

TEST(Normalization, OneDivisorIsForAllChannels) {
  const Normalization normalization{.mean = Tensor::zeros({2, 2, 3}), .divisor = {4.0F}};
  EXPECT_EQ(normalization.scale(), (std::vector<float>{0.25F, 0.25F, 0.25F}));
}

TEST(Normalization, RefusesOtherShapes) {
  expect_contains(error_of([] { validate({.mean = Tensor::zeros({3})}); }), {"not H W C"});
  expect_contains(error_of([] {
                    validate({.mean = Tensor::zeros({1, 1, 3}), .divisor = {1.0F, 2.0F}});
                  }),
                  {"2 divisors for 3 channels"});
  expect_contains(error_of([] {
                    validate({.mean = Tensor::zeros({1, 1, 2}), .divisor = {1.0F, -2.0F}});
                  }),
                  {"divisor is -2"});
}

}  // namespace
}  // namespace lq
