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

struct Prepared {
  CropWindow window;
  std::vector<std::uint8_t> pixels;

  friend bool operator==(const Prepared&, const Prepared&) = default;
};

Prepared prepare(const Transform& transform, const Image& image, Rng rng) {
  Prepared result;
  result.pixels.resize(static_cast<std::size_t>(transform.image_shape().elements()));
  SourceImage source;
  source.set_decoded() = image;
  result.window = transform.prepare(source, rng, result.pixels);
  return result;
}

TEST(NormalizeTransform, TakesTheImageAsItIs) {
  const Image image = random_image(5, 4, 3, 1);
  const NormalizeTransform transform(random_normalization({5, 4, 3}));
  EXPECT_EQ(prepare(transform, image, augmentation_rng(0)), (Prepared{CropWindow{}, image.pixels}));
}

// The offsets of a padded image are counted from the corner of the padding.
TEST(PadCropFlip, DrawsItsNumbersInTheOrderThatIsPromised) {
  for (const PadCropFlipOptions& options :
       {PadCropFlipOptions{}, PadCropFlipOptions{.padding = 0, .flip = true},
        PadCropFlipOptions{.padding = 2, .flip = false}, PadCropFlipOptions{.padding = 300}}) {
    const PadCropFlipTransform transform(random_normalization({6, 4, 3}), options);
    const auto offsets = static_cast<std::uint32_t>(2 * options.padding + 1);
    for (std::uint64_t sample = 0; sample < 100; ++sample) {
      const Image image = random_image(6, 4, 3, sample);
      Rng rng = augmentation_rng(sample);
      CropWindow expected;
      expected.top = static_cast<std::int32_t>(rng.below(offsets)) - options.padding;
      expected.left = static_cast<std::int32_t>(rng.below(offsets)) - options.padding;
      expected.mirrored = options.flip && rng.below(2) == 1;
      ASSERT_EQ(prepare(transform, image, augmentation_rng(sample)),
                (Prepared{expected, image.pixels}))
          << "padding " << options.padding << " sample " << sample;
    }
  }
}

// Every one of the 9 x 9 x 2 windows is equally likely.
TEST(PadCropFlip, DrawsEveryWindowEquallyOften) {
  const Image image = random_image(1, 1, 1, 1);
  const PadCropFlipTransform transform(random_normalization({1, 1, 1}));
  constexpr int windows = 9 * 9 * 2;
  constexpr int expected = 100;
  std::map<std::tuple<int, int, bool>, int> counts;
  for (std::uint64_t sample = 0; sample < windows * expected; ++sample) {
    const CropWindow window = prepare(transform, image, augmentation_rng(sample)).window;
    ASSERT_LE(std::abs(window.top), 4);
    ASSERT_LE(std::abs(window.left), 4);
    ++counts[{window.top, window.left, window.mirrored}];
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
  EXPECT_EQ(prepare(transform, image, augmentation_rng(5)),
            prepare(transform, image, augmentation_rng(5)));
  EXPECT_NE(prepare(transform, image, augmentation_rng(5)),
            prepare(transform, image, augmentation_rng(6)));
}

TEST(Transforms, RefuseWhatDoesNotFit) {
  const Normalization normalization = random_normalization({4, 4, 3});
  const PadCropFlipTransform augment(normalization);
  const NormalizeTransform plain(normalization);
  for (const Transform* transform : std::initializer_list<const Transform*>{&augment, &plain}) {
    expect_contains(
        error_of([&] { prepare(*transform, random_image(4, 5, 3, 1), augmentation_rng(0)); }),
        {"4x5x3", "4x4x3"});
    Rng rng = augmentation_rng(0);
    std::vector<std::uint8_t> small(47);
    SourceImage image;
    image.set_decoded() = random_image(4, 4, 3, 1);
    expect_contains(error_of([&] { transform->prepare(image, rng, small); }), {"47", "48"});
  }
  expect_contains(error_of([&] { PadCropFlipTransform(normalization, {.padding = -1}); }),
                  {"padding is -1"});
  expect_contains(error_of([] { NormalizeTransform(Normalization{}); }), {"mean"});
  expect_contains(
      error_of([&] { NormalizeTransform({.mean = normalization.mean, .divisor = {0.0F}}); }),
      {"divisor is 0"});
}

}  // namespace
}  // namespace lq
