#include "data/augmentation.h"

#include <cmath>
#include <map>
#include <tuple>

#include "tests/data/files.h"
#include "tests/support/random.h"

namespace lq {
namespace {

using testing::error_of;
using testing::expect_contains;

Image random_image(int height, int width, int channels, std::uint64_t seed) {
  Rng rng(seed, RngPurpose::test);
  Image image;
  image.resize(height, width, channels);
  for (std::uint8_t& pixel : image.pixels) pixel = static_cast<std::uint8_t>(rng.below(256));
  return image;
}

Normalization random_normalization(const Shape& shape) {
  return {.mean = testing::random_uniform(shape, 3, 0.0F, 255.0F)};
}

Rng augmentation_rng(std::uint64_t sample) { return Rng(11, RngPurpose::augmentation, 2, sample); }

std::vector<float> apply(const Transform& transform, const Image& image, Rng rng) {
  // Values that no transform writes, so that an element that it leaves out is seen.
  std::vector<float> output(static_cast<std::size_t>(transform.output_shape().elements()), 1e30F);
  transform.apply(image, rng, output);
  return output;
}

// Pads, then crops, then mirrors, each as a pass of its own.
std::vector<float> naive_pad_crop_flip(const Image& image, const Normalization& normalization,
                                       const PadCropFlipOptions& options, Rng rng) {
  const int p = options.padding;
  const int padded_width = image.width + 2 * p;
  std::map<std::tuple<int, int, int>, int> padded;
  for (int h = 0; h < image.height + 2 * p; ++h) {
    for (int w = 0; w < padded_width; ++w) {
      for (int c = 0; c < image.channels; ++c) {
        const int row = h - p;
        const int column = w - p;
        const bool inside = row >= 0 && row < image.height && column >= 0 && column < image.width;
        padded[{h, w, c}] =
            inside ? image.pixels[(row * image.width + column) * image.channels + c] : 0;
      }
    }
  }
  const auto top = static_cast<int>(rng.below(static_cast<std::uint32_t>(2 * p + 1)));
  const auto left = static_cast<int>(rng.below(static_cast<std::uint32_t>(2 * p + 1)));
  const bool mirror = options.flip && rng.below(2) == 1;
  std::vector<float> output;
  for (int h = 0; h < image.height; ++h) {
    for (int w = 0; w < image.width; ++w) {
      for (int c = 0; c < image.channels; ++c) {
        const int column = mirror ? image.width - 1 - w : w;
        const auto value = static_cast<float>(padded[{h + top, column + left, c}]);
        output.push_back((value - normalization.mean.span<float>()[output.size()]) / 128.0F);
      }
    }
  }
  return output;
}

TEST(NormalizeTransform, SubtractsTheMeanAndDivides) {
  Image image;
  image.resize(1, 2, 2);
  image.pixels = {0, 255, 128, 7};
  const Normalization normalization{
      .mean = Tensor::from(std::vector<float>{64.0F, 127.0F, 0.5F, 7.0F}, {1, 2, 2})};
  EXPECT_EQ(apply(NormalizeTransform(normalization), image, augmentation_rng(0)),
            (std::vector<float>{-0.5F, 1.0F, 127.5F / 128.0F, 0.0F}));
}

TEST(PadCropFlip, EqualsTheNaiveWay) {
  struct Case {
    int height, width, channels;
    PadCropFlipOptions options;
  };
  for (const auto& [height, width, channels, options] : std::vector<Case>{
           {32, 32, 3, {}},
           {32, 32, 1, {}},
           {7, 5, 2, {}},
           {1, 1, 3, {}},
           {3, 9, 1, {.padding = 1, .flip = true}},
           {6, 4, 3, {.padding = 0, .flip = true}},
           {6, 4, 3, {.padding = 2, .flip = false}},
           {3, 2, 4, {.padding = 8, .flip = true}},  // windows that may miss the image
       }) {
    const Normalization normalization = random_normalization({height, width, channels});
    const PadCropFlipTransform transform(normalization, options);
    for (std::uint64_t sample = 0; sample < 40; ++sample) {
      const Image image = random_image(height, width, channels, sample);
      const Rng rng = augmentation_rng(sample);
      ASSERT_EQ(apply(transform, image, rng),
                naive_pad_crop_flip(image, normalization, options, rng))
          << height << "x" << width << "x" << channels << " padding " << options.padding
          << " sample " << sample;
    }
  }
}

TEST(PadCropFlip, PaddingBecomesMinusTheMean) {
  const Normalization normalization = random_normalization({8, 8, 3});
  const PadCropFlipTransform transform(normalization);
  Image white;
  white.resize(8, 8, 3);
  std::ranges::fill(white.pixels, 255);
  const auto mean = normalization.mean.span<float>();
  int padding = 0;
  for (std::uint64_t sample = 0; sample < 20; ++sample) {
    const std::vector<float> output = apply(transform, white, augmentation_rng(sample));
    for (std::size_t v = 0; v < output.size(); ++v) {
      if (output[v] == -mean[v] / 128.0F) {
        ++padding;
      } else {
        ASSERT_EQ(output[v], (255.0F - mean[v]) / 128.0F);
      }
    }
  }
  // 20 windows of 8 x 8 x 3 values; a shift by 20/9 on average along both axes hides about half.
  EXPECT_GT(padding, 20 * 8 * 8 * 3 / 4);
}

// Reads offsets and direction back from two pixels of the output: every one of the 9 x 9 x 2
// windows is equally likely.
TEST(PadCropFlip, DrawsEveryWindowEquallyOften) {
  constexpr int size = 12;
  Image image;
  image.resize(size, size, 1);
  for (int i = 0; i < size * size; ++i) image.pixels[i] = static_cast<std::uint8_t>(1 + i);
  const PadCropFlipTransform transform({.mean = Tensor::zeros({size, size, 1}), .divisor = 1.0F});

  constexpr int windows = 9 * 9 * 2;
  constexpr int expected = 100;
  std::map<std::tuple<int, int, bool>, int> counts;
  for (std::uint64_t sample = 0; sample < windows * expected; ++sample) {
    const std::vector<float> output = apply(transform, image, augmentation_rng(sample));
    const int here = static_cast<int>(output[6 * size + 6]) - 1;
    const int left_of_here = static_cast<int>(output[6 * size + 5]) - 1;
    const bool mirrored = left_of_here > here;
    const int top = here / size - 6;
    const int left = here % size - (mirrored ? 5 : 6);
    ASSERT_LE(std::abs(top), 4);
    ASSERT_LE(std::abs(left), 4);
    ++counts[{top, left, mirrored}];
  }
  EXPECT_EQ(counts.size(), static_cast<std::size_t>(windows));
  double chi_square = 0.0;
  for (const auto& [window, count] : counts) {
    chi_square += std::pow(count - expected, 2) / expected;
  }
  // Mean 161 and standard deviation 18 for 161 degrees of freedom: five deviations.
  EXPECT_LT(chi_square, 161 + 5 * 18);
}

TEST(PadCropFlip, DependsOnTheKeyOfTheNumbersOnly) {
  const PadCropFlipTransform transform(random_normalization({16, 16, 3}));
  const Image image = random_image(16, 16, 3, 1);
  EXPECT_EQ(apply(transform, image, augmentation_rng(5)),
            apply(transform, image, augmentation_rng(5)));
  EXPECT_NE(apply(transform, image, augmentation_rng(5)),
            apply(transform, image, augmentation_rng(6)));
}

TEST(Transforms, RefuseWhatDoesNotFit) {
  const Normalization normalization = random_normalization({4, 4, 3});
  const PadCropFlipTransform augment(normalization);
  const NormalizeTransform plain(normalization);
  for (const Transform* transform : std::initializer_list<const Transform*>{&augment, &plain}) {
    expect_contains(
        error_of([&] { apply(*transform, random_image(4, 5, 3, 1), augmentation_rng(0)); }),
        {"4x5x3", "4x4x3"});
    Rng rng = augmentation_rng(0);
    std::vector<float> small(47);
    expect_contains(error_of([&] { transform->apply(random_image(4, 4, 3, 1), rng, small); }),
                    {"47", "48"});
  }
  expect_contains(error_of([&] { PadCropFlipTransform(normalization, {.padding = -1}); }),
                  {"padding is -1"});
  expect_contains(error_of([] { NormalizeTransform(Normalization{}); }), {"mean"});
  expect_contains(
      error_of([&] { NormalizeTransform({.mean = normalization.mean, .divisor = 0.0F}); }),
      {"divisor is 0"});
}

}  // namespace
}  // namespace lq
