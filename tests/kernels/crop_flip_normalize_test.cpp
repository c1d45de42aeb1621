#include "kernels/crop_flip_normalize/crop_flip_normalize.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "core/tensor.h"
#include "tests/support/backends.h"
#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/random.h"
#include "tests/support/staged.h"

namespace lq::testing {
namespace {

struct Arguments {
  Tensor images;   // u8, N H W C
  Tensor windows;  // i32, N x 3
  Tensor mean;     // f32, window H W C or 1 1 C
  Tensor scale;    // f32, C
  Shape window;    // H W C
};

/// Pads images by as much as windows reach out of them, cuts and mirrors what lies in there, and
/// normalises at last, each for all images.
std::vector<float> naive(const Arguments& a) {
  const Shape& image = a.images.shape();
  const Shape& window = a.window;
  const auto windows = a.windows.span<std::int32_t>();
  std::int64_t reach = 0;
  for (std::int64_t n = 0; n < image[0]; ++n) {
    for (const std::int64_t corner : {windows[3 * n], windows[3 * n + 1]}) {
      reach = std::max({reach, -corner, corner + std::max(window[0], window[1])});
    }
  }
  const std::int64_t height = image[1] + 2 * reach, width = image[2] + 2 * reach;
  std::vector<float> result;
  for (std::int64_t n = 0; n < image[0]; ++n) {
    std::vector<std::uint8_t> padded(height * width * image[3]);
    for (std::int64_t h = 0; h < image[1]; ++h) {
      const Tensor row = a.images.slice(n, n + 1).reshape({image[1], image[2] * image[3]});
      std::ranges::copy(row.slice(h, h + 1).span<std::uint8_t>(),
                        padded.begin() + ((h + reach) * width + reach) * image[3]);
    }
    for (std::int64_t h = 0; h < window[0]; ++h) {
      std::vector<std::vector<std::uint8_t>> pixels;
      for (std::int64_t w = 0; w < window[1]; ++w) {
        const auto pixel =
            padded.begin() +
            ((windows[3 * n] + h + reach) * width + windows[3 * n + 1] + w + reach) * image[3];
        pixels.emplace_back(pixel, pixel + image[3]);
      }
      if (windows[3 * n + 2] != 0) std::ranges::reverse(pixels);
      for (const auto& pixel : pixels) {
        for (std::size_t c = 0; c < pixel.size(); ++c) {
          const float mean = a.mean.span<float>()[result.size() % a.mean.elements()];
          result.push_back((static_cast<float>(pixel[c]) - mean) * a.scale.span<float>()[c]);
        }
      }
    }
  }
  return result;
}

class CropFlipNormalizeTest : public ::testing::TestWithParam<BackendCase> {
 protected:
  Tensor run(const Arguments& a) {
    const Shape& window = a.window;
    Tensor y = Tensor::full({a.images.shape()[0], window[0], window[1], window[2]},
                            std::numeric_limits<float>::quiet_NaN());
    kernels::crop_flip_normalize(stream, on<std::uint8_t>(stream, a.images),
                                 on<std::int32_t>(stream, a.windows), on(stream, a.mean),
                                 on(stream, a.scale), on(stream, y));
    return y;
  }

  Stream& stream = stream_of(GetParam());
  IsaCap cap{GetParam().isa};
};

Tensor windows_of(const std::vector<std::int32_t>& values) {
  return Tensor::from<std::int32_t>(values, {std::ssize(values) / 3, 3});
}

TEST_P(CropFlipNormalizeTest, KnownAnswer) {
  // Two images of 2 x 3 with one channel; the second one is mirrored.
  const std::vector<std::uint8_t> bytes{1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 255};
  const Arguments a{.images = Tensor::from<std::uint8_t>(bytes, {2, 2, 3, 1}),
                    .windows = windows_of({1, -1, 0, 0, 1, 1}),
                    .mean = Tensor::from<float>(std::vector<float>{0, 0, 1, 2, 2, 4}, {2, 3, 1}),
                    .scale = Tensor::full({1}, 0.5F),
                    .window = {2, 3, 1}};
  const std::vector<float> expected{0, 2,   2,   -1, -1,    -2,  // 0 4 5, below the image 0 0 0
                                    0, 6.5, 5.5, -1, 126.5, 5.5};
  EXPECT_TRUE(all_close(run(a).span<float>(), expected, 0, 0));
}

/// Windows of the images' size and of others, inside, over each border and beyond, bit for bit.
TEST_P(CropFlipNormalizeTest, EqualsTheNaiveWay) {
  Rng rng(61, RngPurpose::test);
  for (int round = 0; round < 40; ++round) {
    const std::int64_t n = random_integer(rng, 1, 9), channels = random_integer(rng, 1, 5);
    const std::int64_t height = random_integer(rng, 1, 12), width = random_integer(rng, 1, 40);
    const bool same = round % 2 == 0;
    const Shape window{same ? height : random_integer(rng, 1, 15),
                       same ? width : random_integer(rng, 1, 50), channels};
    std::vector<std::int32_t> windows;
    for (std::int64_t i = 0; i < n; ++i) {
      windows.push_back(static_cast<std::int32_t>(random_integer(rng, -window[0] - 1, height + 1)));
      windows.push_back(static_cast<std::int32_t>(random_integer(rng, -window[1] - 1, width + 1)));
      windows.push_back(static_cast<std::int32_t>(random_integer(rng, 0, 1)));
    }
    const Arguments a{.images = random_bits({n, height, width, channels}, DType::u8, rng),
                      .windows = windows_of(windows),
                      .mean = random_uniform(round % 5 == 0 ? Shape{1, 1, channels} : window, round,
                                             0.0F, 255.0F),
                      .scale = round % 3 == 0 ? random_uniform({channels}, round, 0.01F, 0.1F)
                                              : Tensor::full({channels}, 1.0F / 128.0F),
                      .window = window};
    const std::vector<float> expected = naive(a);
    EXPECT_TRUE(all_close(run(a).span<float>(), expected, 0, 0)) << "round " << round;
  }
}

/// More channels than lanes of a warp, which rounds over the values of a row have to keep apart.
TEST_P(CropFlipNormalizeTest, ManyChannels) {
  Rng rng(62, RngPurpose::test);
  for (const std::int64_t channels : {31, 32, 33, 70}) {
    for (const Shape& mean : {Shape{3, 4, channels}, Shape{1, 1, channels}}) {
      const Arguments a{.images = random_bits({2, 3, 4, channels}, DType::u8, rng),
                        .windows = windows_of({-1, 2, 1, 1, -1, 0}),
                        .mean = random_uniform(mean, 7, 0.0F, 255.0F),
                        .scale = random_uniform({channels}, 8, 0.01F, 0.1F),
                        .window = {3, 4, channels}};
      EXPECT_TRUE(all_close(run(a).span<float>(), naive(a), 0, 0)) << channels;
    }
  }
}

/// Corners as far away as numbers go: nothing of the image is seen.
TEST_P(CropFlipNormalizeTest, FarWindows) {
  constexpr std::int32_t lowest = std::numeric_limits<std::int32_t>::min();
  constexpr std::int32_t highest = std::numeric_limits<std::int32_t>::max();
  const Arguments a{
      .images = Tensor::from<std::uint8_t>(std::vector<std::uint8_t>(16, 200), {4, 2, 2, 1}),
      .windows = windows_of({lowest, 0, 0, highest, 0, 1, 0, lowest, 1, 0, highest, 0}),
      .mean = Tensor::full({2, 2, 1}, 4.0F),
      .scale = Tensor::full({1}, 0.25F),
      .window = {2, 2, 1}};
  EXPECT_TRUE(all_close(run(a).span<float>(), std::vector<float>(16, -1.0F), 0, 0));
}

TEST_P(CropFlipNormalizeTest, RefusesWhatDoesNotFit) {
  const auto call = [&](const Shape& images, const Shape& windows, const Shape& mean,
                        const Shape& y, const Shape& scale = {3}) {
    return [this, images, windows, mean, y, scale] {
      const Device device = stream.device();
      kernels::crop_flip_normalize(stream, Tensor(images, DType::u8, device).view<std::uint8_t>(),
                                   Tensor(windows, DType::i32, device).view<std::int32_t>(),
                                   Tensor(mean, DType::f32, device).view<float>(),
                                   Tensor(scale, DType::f32, device).view<float>(),
                                   Tensor(y, DType::f32, device).view<float>());
    };
  };
  EXPECT_TRUE(throws_error(call({2, 4, 3}, {2, 3}, {4, 4, 3}, {2, 4, 4, 3}),
                           "crop_flip_normalize: images are 2x4x3, expected N x H x W x C"));
  EXPECT_TRUE(throws_error(call({2, 4, 4, 3}, {2, 3}, {4, 4, 1}, {2, 4, 4, 3}),
                           "mean is 4x4x1, expected 4x4x3 or 1x1x3"));
  EXPECT_TRUE(throws_error(call({2, 4, 4, 3}, {2, 3}, {0, 4, 3}, {2, 0, 4, 3}),
                           "y is 2x0x4x3, expected N x window height"));
  EXPECT_TRUE(throws_error(call({2, 4, 4, 3}, {2, 3}, {1, 1, 3}, {2, 4, 4, 3}, {1}),
                           "scale is 1, expected 3"));
  EXPECT_TRUE(throws_error(call({2, 4, 4, 3}, {1, 3}, {4, 4, 3}, {2, 4, 4, 3}),
                           "windows is 1x3, expected 2x3"));
  EXPECT_TRUE(throws_error(call({2, 4, 4, 3}, {2, 3}, {5, 4, 3}, {2, 4, 4, 3}),
                           "mean is 5x4x3, expected 4x4x3 or 1x1x3"));
  EXPECT_TRUE(throws_error(call({2, 4, 4, 3}, {2, 3}, {1, 1, 3}, {3, 4, 4, 3}),
                           "y is 3x4x4x3, expected 2x4x4x3"));
}

INSTANTIATE_TEST_SUITE_P(All, CropFlipNormalizeTest, ::testing::ValuesIn(uncapped(all_backends())),
                         backend_case_name);

}  // namespace
}  // namespace lq::testing
