// Transforms for images of any size, as ImageNet's (spec section 4.1): scaled, then cut.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "data/augmentation.h"
#include "data/colour_jitter.h"
#include "data/resample.h"

namespace lq {

/// Square inputs of three channels; grey images get three equal ones.
struct ResizeOptions {
  /// Height and width of a network's input.
  int crop = 224;
  /// Images are scaled until their shorter side has so many pixels; at least `crop`.
  int shorter_side = 256;
  Interpolation interpolation = Interpolation::bicubic;
  /// Of the input's channels.
  ChannelOrder order = ChannelOrder::rgb;
  /// In training, what shrinks by n times this factor or more is decoded at 1/n of its size, for n
  /// of 2, 4 and 8, and scaled from there: faster, for photographs much larger than the input, and
  /// not quite the same pixels. 0: never. As Pillow's argument of this name; 2 is hard to tell from
  /// 0. With Interpolation::bicubic only, the other of which is to leave pixels out.
  float reducing_gap = 0;

  friend bool operator==(const ResizeOptions&, const ResizeOptions&) = default;
};

/// Throws Error unless 1 <= crop <= shorter_side <= 20000, and reducing_gap is 0 or, where it may
/// be, 1 to 20000.
void validate(const ResizeOptions& options);

/// All of an image of such extents when its shorter side has `shorter_side` pixels.
PixelRegion scaled_extents(int height, int width, int shorter_side);

/// What transforms of this kind share: imagenet_normalization(), and the scaling itself. Only the
/// pixels that are wanted are decoded and computed.
class ResizeTransform : public Transform {
 protected:
  explicit ResizeTransform(const ResizeOptions& options);

  /// Decodes smaller what is to shrink by this factor, as reducing_gap says. Returns by how much.
  int reduce(SourceImage& image, double shrinking) const;
  /// Scales the whole image until it has these extents and cuts the window at top, left of it.
  void scale_whole(SourceImage& image, const PixelRegion& scaled, int top, int left,
                   std::span<std::uint8_t> pixels) const;
  /// Scales the whole image to this shorter side and cuts the centre.
  void scale_centre(SourceImage& image, int shorter_side, std::span<std::uint8_t> pixels) const;
  /// Scales a region of the image to the size of the input. Beyond its border nothing is seen.
  void scale_region(SourceImage& image, const PixelRegion& region,
                    std::span<std::uint8_t> pixels) const;
  /// From red, green, blue to the order of the options.
  void finish(std::span<std::uint8_t> pixels) const;

  ResizeOptions options_;
};

/// For evaluation: the centre of the scaled image.
class CentreCropTransform final : public ResizeTransform {
 public:
  explicit CentreCropTransform(const ResizeOptions& options);
  CropWindow prepare(SourceImage& image, Rng& rng, std::span<std::uint8_t> pixels) const override;
};

/// Plain training: a window of the scaled image, everywhere equally likely, mirrored with
/// probability 1/2 if `flip`. Numbers drawn, in this order: top, left, flip.
class RandomCropTransform final : public ResizeTransform {
 public:
  RandomCropTransform(const ResizeOptions& options, bool flip);
  CropWindow prepare(SourceImage& image, Rng& rng, std::span<std::uint8_t> pixels) const override;

 private:
  bool flip_;
};

/// The region that a random crop takes of an image of height x width: a part of its area that is
/// uniform in [0.08, 1], with an aspect that is uniform in [3/4, 4/3], turned with probability 1/2;
/// anywhere, equally likely. Nothing if ten such regions in a row were not inside the image. In the
/// style fb_resnet the sides are sqrt(area) times and divided by the aspect, in the official one
/// by its root; there a region never touches the image's last row or column unless it has all of
/// them. Numbers drawn for each try: area, aspect, turn; and for a region: top, left.
std::optional<PixelRegion> random_region(AugmentationStyle style, int height, int width, Rng& rng);

/// Augmented training: a random_region(), or the centre of the scaled image if there is none; then
/// colours are changed, and the image is mirrored with probability 1/2 if `flip`. Numbers drawn:
/// the region's, the colours', flip.
class RandomResizedCropTransform final : public ResizeTransform {
 public:
  RandomResizedCropTransform(const ResizeOptions& options, const ColourJitterOptions& colours,
                             bool flip);
  CropWindow prepare(SourceImage& image, Rng& rng, std::span<std::uint8_t> pixels) const override;

 private:
  ColourJitterOptions colours_;
  bool flip_;
};

}  // namespace lq
