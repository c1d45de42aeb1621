#include "data/resize_transforms.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "data/image_file.h"

namespace lq {

namespace {

constexpr int channels = 3;

/// Grey pixels at the front of `pixels` become three equal channels each, from the last one on.
void spread_grey(std::span<std::uint8_t> pixels) {
  for (std::size_t i = pixels.size() / channels; i-- > 0;) {
    std::fill_n(&pixels[channels * i], channels, std::uint8_t{pixels[i]});
  }
}

void resample(SourceImage& image, Interpolation interpolation, const PixelRegion& origin,
              const ScaledAxis& rows, const ScaledAxis& columns, std::span<std::uint8_t> pixels) {
  thread_local Resampler resampler;  // for its memory
  resampler.set(interpolation, rows, columns);
  PixelRegion region = resampler.region();
  region.top += origin.top;
  region.left += origin.left;
  const Image& part = image.part(region);
  if (part.channels == channels) {
    resampler.run(part, pixels);
  } else {
    resampler.run(part, pixels.first(pixels.size() / channels));
    spread_grey(pixels);
  }
}

int height_of(const SourceImage& image) { return static_cast<int>(image.shape()[0]); }
int width_of(const SourceImage& image) { return static_cast<int>(image.shape()[1]); }

/// A number of [0, most], each equally likely.
int random_offset(int most, Rng& rng) {
  return static_cast<int>(rng.below(static_cast<std::uint32_t>(most + 1)));
}

/// Where a region begins on an axis that has `room` pixels more than the region. The official code
/// leaves out the last place, unless it is the only one.
int random_place(AugmentationStyle style, int room, Rng& rng) {
  const bool leaves_last_out = style == AugmentationStyle::official && room > 0;
  return random_offset(leaves_last_out ? room - 1 : room, rng);
}

const ResizeOptions& validated(const ResizeOptions& options) {
  validate(options);
  return options;
}

int rounded(double value) { return static_cast<int>(value + 0.5); }

/// Where `size` pixels from `first` on of an axis are when the axis has been reduced to `extent`
/// pixels: at least one, to the nearest.
std::pair<int, int> reduced_axis(int first, int size, int factor, int extent) {
  const int begin = std::min(rounded(static_cast<double>(first) / factor), extent - 1);
  const int end =
      std::clamp(rounded(static_cast<double>(first + size) / factor), begin + 1, extent);
  return {begin, end - begin};
}

/// The same of a region, for an image that has been reduced to so many rows and columns.
PixelRegion reduced(const PixelRegion& region, int factor, int height, int width) {
  const auto [top, rows] = reduced_axis(region.top, region.height, factor, height);
  const auto [left, columns] = reduced_axis(region.left, region.width, factor, width);
  return {top, left, rows, columns};
}

}  // namespace

void validate(const ResizeOptions& options) {
  check(options.crop >= 1 && options.shorter_side >= options.crop &&
            options.shorter_side <= most_image_extent,
        "resize: crop {} and shorter_side {}, expected 1 <= crop <= shorter_side <= {}",
        options.crop, options.shorter_side, most_image_extent);
  check(options.interpolation != Interpolation::bilinear,
        "resize: interpolation is bilinear, expected bicubic or bicubic_opencv");
  check(options.reducing_gap == 0 ||
            (options.interpolation == Interpolation::bicubic && options.reducing_gap >= 1 &&
             options.reducing_gap <= most_image_extent),
        "resize: reducing_gap is {}, expected 0 or 1 to {}, and 0 where interpolation is not "
        "bicubic",
        options.reducing_gap, most_image_extent);
}

PixelRegion scaled_extents(int height, int width, int shorter_side) {
  const double scale = static_cast<double>(shorter_side) / std::min(height, width);
  return {0, 0, height <= width ? shorter_side : rounded(height * scale),
          width <= height ? shorter_side : rounded(width * scale)};
}

ResizeTransform::ResizeTransform(const ResizeOptions& options)
    : Transform({validated(options).crop, options.crop, channels},
                imagenet_normalization(options.order)),
      options_(options) {}

int ResizeTransform::reduce(SourceImage& image, double shrinking) const {
  if (options_.reducing_gap == 0) return 1;
  int factor = 8;
  while (factor > 1 && shrinking < factor * static_cast<double>(options_.reducing_gap)) factor /= 2;
  return image.reduce(factor);
}

void ResizeTransform::scale_whole(SourceImage& image, const PixelRegion& scaled, int top, int left,
                                  std::span<std::uint8_t> pixels) const {
  const ScaledAxis rows{height_of(image), scaled.height, top, options_.crop};
  const ScaledAxis columns{width_of(image), scaled.width, left, options_.crop};
  resample(image, options_.interpolation, {}, rows, columns, pixels);
}

void ResizeTransform::scale_centre(SourceImage& image, int shorter_side,
                                   std::span<std::uint8_t> pixels) const {
  const PixelRegion scaled = scaled_extents(height_of(image), width_of(image), shorter_side);
  scale_whole(image, scaled, (scaled.height - options_.crop) / 2,
              (scaled.width - options_.crop) / 2, pixels);
}

void ResizeTransform::scale_region(SourceImage& image, const PixelRegion& region,
                                   std::span<std::uint8_t> pixels) const {
  const int crop = options_.crop;
  resample(image, options_.interpolation, region, {region.height, crop, 0, crop},
           {region.width, crop, 0, crop}, pixels);
}

void ResizeTransform::finish(std::span<std::uint8_t> pixels) const {
  if (options_.order == ChannelOrder::rgb) return;
  for (std::size_t i = 0; i < pixels.size(); i += channels) std::swap(pixels[i], pixels[i + 2]);
}

CentreCropTransform::CentreCropTransform(const ResizeOptions& options) : ResizeTransform(options) {}

CropWindow CentreCropTransform::prepare(SourceImage& image, Rng& /*rng*/,
                                        std::span<std::uint8_t> pixels) const {
  scale_centre(image, options_.shorter_side, pixels);
  finish(pixels);
  return {};
}

RandomCropTransform::RandomCropTransform(const ResizeOptions& options, bool flip)
    : ResizeTransform(options), flip_(flip) {}

CropWindow RandomCropTransform::prepare(SourceImage& image, Rng& rng,
                                        std::span<std::uint8_t> pixels) const {
  const PixelRegion scaled =
      scaled_extents(height_of(image), width_of(image), options_.shorter_side);
  const int top = random_offset(scaled.height - options_.crop, rng);
  const int left = random_offset(scaled.width - options_.crop, rng);
  const bool mirrored = flip_ && rng.below(2) == 1;
  reduce(image, static_cast<double>(height_of(image)) / scaled.height);
  scale_whole(image, scaled, top, left, pixels);
  finish(pixels);
  return {.mirrored = mirrored};
}

std::optional<PixelRegion> random_region(AugmentationStyle style, int height, int width, Rng& rng) {
  constexpr int tries = 10;
  for (int i = 0; i < tries; ++i) {
    const double area = static_cast<double>(height) * width * rng.uniform(0.08F, 1.0F);
    const double aspect = rng.uniform(3.0F / 4.0F, 4.0F / 3.0F);
    const double stretch = style == AugmentationStyle::fb_resnet ? aspect : std::sqrt(aspect);
    PixelRegion region{0, 0, rounded(std::sqrt(area) / stretch),
                       rounded(std::sqrt(area) * stretch)};
    if (rng.below(2) == 1) std::swap(region.height, region.width);
    const bool is_inside =
        region.height >= 1 && region.height <= height && region.width >= 1 && region.width <= width;
    if (!is_inside) continue;
    region.top = random_place(style, height - region.height, rng);
    region.left = random_place(style, width - region.width, rng);
    return region;
  }
  return std::nullopt;
}

RandomResizedCropTransform::RandomResizedCropTransform(const ResizeOptions& options,
                                                       const ColourJitterOptions& colours,
                                                       bool flip)
    : ResizeTransform(options), colours_(colours), flip_(flip) {}

CropWindow RandomResizedCropTransform::prepare(SourceImage& image, Rng& rng,
                                               std::span<std::uint8_t> pixels) const {
  const int height = height_of(image), width = width_of(image);
  if (const auto region = random_region(colours_.style, height, width, rng)) {
    const double shorter = std::min(region->height, region->width);
    const int factor = reduce(image, shorter / options_.crop);
    scale_region(image, reduced(*region, factor, height_of(image), width_of(image)), pixels);
  } else {
    reduce(image, static_cast<double>(std::min(height, width)) / options_.crop);
    scale_centre(image, options_.crop, pixels);
  }
  change_colours(colours_.style, draw_colour_change(colours_, rng), pixels);
  finish(pixels);
  return {.mirrored = flip_ && rng.below(2) == 1};
}

}  // namespace lq
