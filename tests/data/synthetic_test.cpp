#include "data/synthetic.h"

#include <limits>

#include "tests/data/files.h"

namespace lq {
namespace {

using testing::Bytes;
using testing::error_of;
using testing::expect_contains;

Bytes pixels(const Dataset& dataset, std::int64_t index) {
  Image image;
  dataset.load(index, image);
  return image.pixels;
}

TEST(Synthetic, DependsOnNothingButItsOptions) {
  const SyntheticOptions options{.train_images = 20, .test_images = 20};
  const DatasetSplits first = make_synthetic(options);
  const DatasetSplits second = make_synthetic(options);
  SyntheticOptions reseeded = options;
  reseeded.seed = 1;
  const DatasetSplits other = make_synthetic(reseeded);
  for (std::int64_t i = 0; i < 20; ++i) {
    EXPECT_EQ(pixels(*first.train, i), pixels(*second.train, i));
    EXPECT_EQ(pixels(*first.test, i), pixels(*second.test, i));
    EXPECT_NE(pixels(*first.train, i), pixels(*other.train, i));
    EXPECT_NE(pixels(*first.train, i), pixels(*first.test, i));
  }
}

TEST(Synthetic, MoreImagesDoNotChangeTheFirstOnes) {
  const DatasetSplits few = make_synthetic({.train_images = 3, .test_images = 1});
  const DatasetSplits many = make_synthetic({.train_images = 9, .test_images = 1});
  for (std::int64_t i = 0; i < 3; ++i) EXPECT_EQ(pixels(*few.train, i), pixels(*many.train, i));
}

TEST(Synthetic, HasTheAskedSizes) {
  const DatasetSplits splits = make_synthetic(
      {.train_images = 7, .test_images = 4, .height = 5, .width = 3, .channels = 2, .classes = 3});
  EXPECT_EQ(splits.train->size(), 7);
  EXPECT_EQ(splits.test->size(), 4);
  EXPECT_EQ(splits.train->image_shape(), (Shape{5, 3, 2}));
  EXPECT_EQ(splits.train->classes().size(), 3U);
  for (std::int64_t i = 0; i < 7; ++i) EXPECT_EQ(splits.train->label(i), i % 3);
  EXPECT_EQ(make_synthetic({.train_images = 1, .test_images = 1, .height = 1, .width = 1})
                .train->image_shape(),
            (Shape{1, 1, 3}));
}

TEST(Synthetic, PatternsAreTheirOwnMirrorImage) {
  for (const int width : {8, 9}) {
    const DatasetSplits splits = make_synthetic(
        {.train_images = 2, .test_images = 1, .height = 6, .width = width, .noise = 0.0F});
    const Bytes image = pixels(*splits.train, 1);
    EXPECT_NE(image, pixels(*splits.train, 0));
    for (int h = 0; h < 6; ++h) {
      for (int w = 0; w < width; ++w) {
        for (int c = 0; c < 3; ++c) {
          ASSERT_EQ(image[(h * width + w) * 3 + c], image[(h * width + width - 1 - w) * 3 + c]);
        }
      }
    }
  }
}

// A test image is closest to the mean training image of its own class.
TEST(Synthetic, ClassesCanBeLearned) {
  const DatasetSplits splits = make_synthetic({.train_images = 300, .test_images = 100});
  constexpr int classes = 10;
  const auto values = static_cast<std::size_t>(splits.train->image_shape().elements());
  std::vector<std::vector<double>> means(classes, std::vector<double>(values));
  for (std::int64_t i = 0; i < 300; ++i) {
    const Bytes image = pixels(*splits.train, i);
    for (std::size_t v = 0; v < values; ++v) means[splits.train->label(i)][v] += image[v] / 30.0;
  }
  for (std::int64_t i = 0; i < 100; ++i) {
    const Bytes image = pixels(*splits.test, i);
    int nearest = -1;
    double least = std::numeric_limits<double>::infinity();
    for (int label = 0; label < classes; ++label) {
      double distance = 0.0;
      for (std::size_t v = 0; v < values; ++v) {
        distance += (image[v] - means[label][v]) * (image[v] - means[label][v]);
      }
      if (distance < least) {
        least = distance;
        nearest = label;
      }
    }
    EXPECT_EQ(nearest, splits.test->label(i));
  }
}

TEST(Synthetic, RefusesOptionsOutOfRange) {
  expect_contains(error_of([] { make_synthetic({.train_images = 0}); }), {"train_images is 0"});
  expect_contains(error_of([] { make_synthetic({.height = -1}); }), {"height is -1"});
  expect_contains(error_of([] { make_synthetic({.classes = 0}); }), {"classes is 0"});
  expect_contains(error_of([] { make_synthetic({.noise = -1.0F}); }), {"noise is -1"});
  expect_contains(
      error_of([] { make_synthetic({.train_images = std::numeric_limits<std::int64_t>::max()}); }),
      {"synthetic: 9223372036854775807 and ", "bytes in all"});
  expect_contains(
      error_of([] { make_synthetic({.noise = std::numeric_limits<float>::quiet_NaN()}); }),
      {"noise is nan"});
}

}  // namespace
}  // namespace lq
