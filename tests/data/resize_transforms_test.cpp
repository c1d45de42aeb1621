#include "data/resize_transforms.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "data/image_file.h"
#include "tests/data/files.h"
#include "tests/data/photographs.h"

namespace lq::testing {
namespace {

Rng rng_of(std::uint64_t sample) { return Rng(3, RngPurpose::augmentation, 1, sample); }

struct Prepared {
  CropWindow window;
  std::vector<std::uint8_t> pixels;
};

Prepared prepare(const Transform& transform, const Image& image, Rng rng = rng_of(0)) {
  SourceImage source;
  source.set_decoded() = image;
  Prepared prepared;
  prepared.pixels.resize(static_cast<std::size_t>(transform.image_shape().elements()));
  prepared.window = transform.prepare(source, rng, prepared.pixels);
  return prepared;
}

/// What a transform makes of a file, and the region that it has decoded for it.
std::pair<Prepared, PixelRegion> prepare_file(const Transform& transform,
                                              const std::vector<std::byte>& file, Rng rng) {
  SourceImage source;
  source.set_encoded("a") = file;
  source.read_header();
  Prepared prepared;
  prepared.pixels.resize(static_cast<std::size_t>(transform.image_shape().elements()));
  prepared.window = transform.prepare(source, rng, prepared.pixels);
  return {prepared, source.last_region()};
}

/// All of an image, scaled.
Image scaled(const Image& image, int height, int width, Interpolation interpolation) {
  Resampler resampler;
  resampler.set(interpolation, {image.height, height, 0, height}, {image.width, width, 0, width});
  Image part, result;
  copy_region(image, resampler.region(), part);
  result.resize(height, width, image.channels);
  resampler.run(part, result.pixels);
  return result;
}

std::vector<std::uint8_t> cut(const Image& image, const PixelRegion& region) {
  Image part;
  copy_region(image, region, part);
  return part.pixels;
}

constexpr ResizeOptions small{.crop = 14, .shorter_side = 16};

TEST(CentreCrop, IsTheCentreOfTheScaledImage) {
  const CentreCropTransform transform(small);
  EXPECT_EQ(transform.image_shape(), (Shape{14, 14, 3}));
  for (const auto& [height, width, expected_height, expected_width] :
       {std::array{40, 61, 16, 24}, {61, 40, 24, 16}, {9, 9, 16, 16}, {1, 1, 16, 16}}) {
    const Image image = random_photograph(height, width, 3, 7);
    const Image whole = scaled(image, expected_height, expected_width, Interpolation::bicubic);
    const Prepared prepared = prepare(transform, image);
    EXPECT_EQ(prepared.window, CropWindow{});
    EXPECT_EQ(prepared.pixels,
              cut(whole, {(expected_height - 14) / 2, (expected_width - 14) / 2, 14, 14}));
  }
}

TEST(CentreCrop, OrderAndInterpolationAreOptions) {
  const Image image = random_photograph(40, 61, 3, 8);
  ResizeOptions options = small;
  options.interpolation = Interpolation::bicubic_opencv;
  std::vector<std::uint8_t> expected =
      cut(scaled(image, 16, 24, options.interpolation), {1, 5, 14, 14});
  EXPECT_EQ(prepare(CentreCropTransform(options), image).pixels, expected);
  options.order = ChannelOrder::bgr;
  for (std::size_t i = 0; i < expected.size(); i += 3) std::swap(expected[i], expected[i + 2]);
  const CentreCropTransform transform(options);
  EXPECT_EQ(prepare(transform, image).pixels, expected);
  EXPECT_EQ(transform.normalization(), imagenet_normalization(ChannelOrder::bgr));
}

TEST(CentreCrop, GreyImagesGetThreeEqualChannels) {
  const Image image = random_photograph(20, 30, 1, 9);
  const std::vector<std::uint8_t> grey =
      cut(scaled(image, 16, 24, Interpolation::bicubic), {1, 5, 14, 14});
  const Prepared prepared = prepare(CentreCropTransform(small), image);
  for (std::size_t i = 0; i < prepared.pixels.size(); ++i) {
    ASSERT_EQ(prepared.pixels[i], grey[i / 3]);
  }
}

TEST(CentreCrop, ExtremeExtents) {
  const CentreCropTransform transform({});
  for (const auto& [height, width] : {std::pair{20, 20000}, {20000, 20}, {1, 1}, {1, 3000}}) {
    Image image;
    image.resize(height, width, 1);
    std::ranges::fill(image.pixels, std::uint8_t{77});
    const Prepared prepared = prepare(transform, image);
    EXPECT_TRUE(std::ranges::all_of(prepared.pixels, [](auto pixel) { return pixel == 77; }));
  }
}

TEST(CentreCrop, LongFiles) {
  const std::vector<std::byte> file = encode_jpeg(random_photograph(20, 20000, 3, 14));
  const CentreCropTransform transform({});
  EXPECT_EQ(prepare_file(transform, file, rng_of(0)).first.pixels,
            prepare(transform, decode_image(file)).pixels);
}

/// A file gives what the decoded image gives: what is decoded is enough.
TEST(ResizeTransforms, FilesGiveWhatDecodedImagesGive) {
  const std::vector<std::byte> file = encode_jpeg(random_photograph(300, 420, 3, 10));
  const Image decoded = decode_image(file);
  const RandomResizedCropTransform augmented({.crop = 64, .shorter_side = 72}, {}, true);
  const RandomCropTransform plain({.crop = 64, .shorter_side = 72}, true);
  for (const Transform* transform : std::initializer_list<const Transform*>{&augmented, &plain}) {
    for (std::uint64_t sample = 0; sample < 40; ++sample) {
      const Prepared prepared = prepare_file(*transform, file, rng_of(sample)).first;
      const Prepared expected = prepare(*transform, decoded, rng_of(sample));
      ASSERT_EQ(prepared.window, expected.window);
      ASSERT_EQ(prepared.pixels, expected.pixels) << sample;
    }
  }
}

TEST(RandomCrop, DrawsItsNumbersInTheOrderThatIsPromised) {
  const Image image = random_photograph(40, 61, 3, 11);
  const Image whole = scaled(image, 16, 24, Interpolation::bicubic);
  for (const bool flip : {false, true}) {
    const RandomCropTransform transform(small, flip);
    for (std::uint64_t sample = 0; sample < 60; ++sample) {
      Rng rng = rng_of(sample);
      const auto top = static_cast<int>(rng.below(3)), left = static_cast<int>(rng.below(11));
      const bool mirrored = flip && rng.below(2) == 1;
      const Prepared prepared = prepare(transform, image, rng_of(sample));
      EXPECT_EQ(prepared.window, (CropWindow{.mirrored = mirrored}));
      EXPECT_EQ(prepared.pixels, cut(whole, {top, left, 14, 14}));
    }
  }
}

// --- Regions of random area and aspect

struct RegionMoments {
  int found = 0;
  double accepted = 0;    // part of all tries
  double area = 0;        // mean of part of the image's area
  double log_aspect = 0;  // mean of |log(width / height)|
  double top = 0;         // mean of (top + 1/2) / (places that there are)
};

RegionMoments moments(AugmentationStyle style, int height, int width, int samples) {
  RegionMoments sums;
  for (int i = 0; i < samples; ++i) {
    Rng rng = rng_of(static_cast<std::uint64_t>(i));
    const auto region = random_region(style, height, width, rng);
    if (!region) continue;
    EXPECT_GE(region->top, 0);
    EXPECT_GE(region->left, 0);
    EXPECT_LE(region->top + region->height, height);
    EXPECT_LE(region->left + region->width, width);
    ++sums.found;
    sums.area += 1.0 * region->height * region->width / (1.0 * height * width);
    sums.log_aspect += std::fabs(std::log(1.0 * region->width / region->height));
    const int room = height - region->height;
    const int places = style == AugmentationStyle::official ? std::max(room, 1) : room + 1;
    sums.top += (region->top + 0.5) / places;
  }
  sums.area /= sums.found;
  sums.log_aspect /= sums.found;
  sums.top /= sums.found;
  return sums;
}

/// Mean area and |log aspect| of what is accepted, by integration over area, aspect and turn.
RegionMoments expected_moments(AugmentationStyle style, int height, int width) {
  RegionMoments sums;
  constexpr int steps = 1000;
  int accepted = 0;
  for (int i = 0; i < steps; ++i) {
    const double part = 0.08 + 0.92 * (i + 0.5) / steps;
    for (int j = 0; j < steps; ++j) {
      const double aspect = 0.75 + (4.0 / 3 - 0.75) * (j + 0.5) / steps;
      const double ratio = style == AugmentationStyle::fb_resnet ? aspect * aspect : aspect;
      const double area = part * height * width;
      for (const bool turned : {false, true}) {
        const double w = std::sqrt(area * (turned ? 1 / ratio : ratio)), h = area / w;
        if (std::floor(w + 0.5) > width || std::floor(h + 0.5) > height) continue;
        ++accepted;
        sums.area += part;
        sums.log_aspect += std::fabs(std::log(ratio));
      }
    }
  }
  sums.accepted = accepted / (2.0 * steps * steps);
  sums.area /= accepted;
  sums.log_aspect /= accepted;
  return sums;
}

TEST(RandomRegion, AreasAndAspectsAreDistributedAsTheFormulasSay) {
  constexpr int samples = 20000;
  for (const AugmentationStyle style :
       {AugmentationStyle::fb_resnet, AugmentationStyle::official}) {
    for (const auto& [height, width] : {std::pair{2000, 2000}, {1500, 2000}, {3000, 1200}}) {
      const RegionMoments found = moments(style, height, width, samples);
      const RegionMoments expected = expected_moments(style, height, width);
      // None is found where ten tries fail.
      const double none = samples * std::pow(1 - expected.accepted, 10);
      EXPECT_NEAR(samples - found.found, none, 5 * std::sqrt(none + 1));
      // Five standard deviations of means of so many numbers: areas deviate by 0.27, logarithms of
      // aspects by at most 0.17, offsets by 0.29.
      const double root = std::sqrt(samples);
      EXPECT_NEAR(found.area, expected.area, 5 * 0.27 / root);
      EXPECT_NEAR(found.log_aspect, expected.log_aspect, 5 * 0.17 / root);
      EXPECT_NEAR(found.top, 0.5, 5 * 0.29 / root);
    }
  }
}

TEST(RandomRegion, TouchesTheLastRowAndColumnInTheStyleOfFbResnetAlone) {
  constexpr int height = 6, width = 7, often = 500;
  for (const AugmentationStyle style :
       {AugmentationStyle::fb_resnet, AugmentationStyle::official}) {
    // By extent: the places that were seen, with their numbers.
    std::map<int, std::map<int, int>> tops, lefts;
    for (std::uint64_t sample = 0; sample < 20000; ++sample) {
      Rng rng = rng_of(sample);
      const auto region = random_region(style, height, width, rng);
      if (!region) continue;
      ++tops[region->height][region->top];
      ++lefts[region->width][region->left];
    }
    const auto expect_places = [&](const std::map<int, std::map<int, int>>& seen, int whole) {
      bool has_room = false, has_none = false;
      for (const auto& [extent, places] : seen) {
        int count = 0;
        for (const auto& [place, number] : places) count += number;
        if (count < often) continue;  // one of at most seven places is missed once in 10^33 times
        const int room = whole - extent;
        const int last = style == AugmentationStyle::official ? std::max(room - 1, 0) : room;
        EXPECT_EQ(places.begin()->first, 0) << extent;
        EXPECT_EQ(places.rbegin()->first, last) << extent;
        EXPECT_EQ(std::ssize(places), last + 1) << extent;
        (room > 0 ? has_room : has_none) = true;
      }
      EXPECT_TRUE(has_room && has_none);
    };
    expect_places(tops, height);
    expect_places(lefts, width);
  }
}

TEST(RandomRegion, IsNothingForImagesThatAreTooNarrow) {
  Rng rng = rng_of(1);
  EXPECT_FALSE(random_region(AugmentationStyle::fb_resnet, 20, 2000, rng).has_value());
  // Then the centre is taken.
  const Image image = random_photograph(16, 400, 3, 12);
  const RandomResizedCropTransform transform(
      small, {.brightness = 0, .contrast = 0, .saturation = 0, .lighting = 0}, false);
  EXPECT_EQ(prepare(transform, image).pixels,
            cut(scaled(image, 14, 350, Interpolation::bicubic), {0, 168, 14, 14}));
}

TEST(RandomResizedCrop, ScalesTheRegionAlone) {
  const Image image = random_photograph(50, 70, 3, 13);
  const RandomResizedCropTransform transform(
      small, {.brightness = 0, .contrast = 0, .saturation = 0, .lighting = 0}, true);
  int mirrored = 0;
  for (std::uint64_t sample = 0; sample < 200; ++sample) {
    Rng rng = rng_of(sample);
    const auto region = random_region(AugmentationStyle::fb_resnet, 50, 70, rng);
    ASSERT_TRUE(region.has_value());
    Image part;
    copy_region(image, *region, part);
    const Prepared prepared = prepare(transform, image, rng_of(sample));
    ASSERT_EQ(prepared.pixels, scaled(part, 14, 14, Interpolation::bicubic).pixels);
    EXPECT_EQ(prepared.window, (CropWindow{.mirrored = prepared.window.mirrored}));
    mirrored += prepared.window.mirrored ? 1 : 0;
  }
  EXPECT_NEAR(mirrored, 100, 5 * std::sqrt(50));
}

/// A shorter side of 400 pixels shrinks to 20: by 2 at least from an image of an eighth of it, of
/// 50 x 63.
TEST(ReducingGap, DecodesWhatShrinksFarAtAFraction) {
  const std::vector<std::byte> file = encode_jpeg(random_photograph(400, 501, 3, 15));
  for (const auto& [gap, expected_height] : {std::pair{0.0F, 400},
                                             {1.0F, 50},
                                             {2.0F, 50},
                                             {2.5F, 50},
                                             {2.6F, 100},
                                             {5.1F, 200},
                                             {10.0F, 200},
                                             {10.1F, 400}}) {
    const ResizeOptions options{.crop = 20, .shorter_side = 20, .reducing_gap = gap};
    const auto [prepared, region] =
        prepare_file(RandomCropTransform(options, true), file, rng_of(1));
    EXPECT_EQ(region.height, expected_height) << gap;
  }
}

/// Windows and regions are where they are without it, as drawn; what is seen differs by less than a
/// shift by a pixel would make it.
TEST(ReducingGap, ShowsTheSame) {
  const std::vector<std::byte> file = encode_jpeg(hills(611, 807, 3), {.quality = 95});
  ResizeOptions full{.crop = 40, .shorter_side = 50};
  ResizeOptions reduced = full;
  reduced.reducing_gap = 2;
  const ColourJitterOptions colours;
  const auto expect_alike = [&](const Transform& expected, const Transform& actual) {
    int smaller = 0;
    for (std::uint64_t sample = 0; sample < 40; ++sample) {
      const auto [a, region] = prepare_file(expected, file, rng_of(sample));
      const auto [b, reduced_region] = prepare_file(actual, file, rng_of(sample));
      EXPECT_EQ(a.window, b.window);
      EXPECT_LT(mean_difference(a.pixels, b.pixels), 4) << sample;
      smaller += reduced_region.height < region.height ? 1 : 0;
    }
    EXPECT_GT(smaller, 20);
  };
  expect_alike(RandomCropTransform(full, true), RandomCropTransform(reduced, true));
  expect_alike(RandomResizedCropTransform(full, colours, true),
               RandomResizedCropTransform(reduced, colours, true));
  EXPECT_EQ(prepare_file(CentreCropTransform(full), file, rng_of(0)).first.pixels,
            prepare_file(CentreCropTransform(reduced), file, rng_of(0)).first.pixels)
      << "evaluation";
}

TEST(ReducingGap, NarrowImagesKeepAPixel) {
  const std::vector<std::byte> file = encode_jpeg(random_photograph(3, 3000, 1, 17));
  const RandomResizedCropTransform transform({.crop = 1, .shorter_side = 1, .reducing_gap = 1}, {},
                                             true);
  for (std::uint64_t sample = 0; sample < 40; ++sample) {
    const auto [prepared, region] = prepare_file(transform, file, rng_of(sample));
    EXPECT_GE(region.height, 1);
    EXPECT_LE(region.height, 3);
  }
}

TEST(ResizeTransforms, RefuseOptionsOutOfRange) {
  const auto gap = [](float reducing_gap, Interpolation interpolation) {
    return error_of([&] {
      validate(ResizeOptions{.interpolation = interpolation, .reducing_gap = reducing_gap});
    });
  };
  expect_contains(gap(0.5F, Interpolation::bicubic), {"reducing_gap is 0.5"});
  expect_contains(gap(-1, Interpolation::bicubic), {"reducing_gap is -1"});
  expect_contains(gap(std::nanf(""), Interpolation::bicubic), {"reducing_gap is nan"});
  expect_contains(gap(2, Interpolation::bicubic_opencv),
                  {"reducing_gap is 2", "0 where interpolation is not bicubic"});
  const auto refusal = [](int crop, int shorter_side) {
    return error_of([&] { CentreCropTransform({.crop = crop, .shorter_side = shorter_side}); });
  };
  expect_contains(refusal(0, 4), {"crop 0 and shorter_side 4"});
  expect_contains(refusal(227, 224), {"crop 227 and shorter_side 224"});
  expect_contains(refusal(4, 20001), {"shorter_side <= 20000"});
}

}  // namespace
}  // namespace lq::testing
