// From a decoded image to the input of a network: what is decided for each image.
#pragma once

#include <cstdint>
#include <span>

#include "core/rng.h"
#include "core/shape.h"
#include "data/dataset.h"
#include "data/normalization.h"

namespace lq {

/// What is cut out of an image: a window of the image's own size whose upper left corner is at
/// (top, left) of the image. Outside of the image bytes are zero.
struct CropWindow {
  std::int32_t top = 0;
  std::int32_t left = 0;
  bool mirrored = false;

  friend bool operator==(const CropWindow&, const CropWindow&) = default;
};

/// Turns images into network inputs, in two steps. The first one, here, is that of a single image:
/// it brings the image to the extents of a network's input and draws what depends on chance. The
/// second one is the same arithmetic for all bytes of a batch, on the device that the batch is for:
/// kernels/crop_flip_normalize.
///
/// Immutable: applied from several threads at once; all chance comes from `rng`, which the loader
/// keys by seed, epoch and image.
class Transform {
 public:
  virtual ~Transform() = default;

  /// H W C of what `prepare` writes, and of a network's input.
  const Shape& image_shape() const { return image_shape_; }
  const Normalization& normalization() const { return normalization_; }
  /// Writes every byte of `pixels` (image_shape(), contiguous) and returns what shall be cut out of
  /// them; of an image that is still encoded it asks for no more than it needs. Throws
  /// UnreadableImage for a damaged image, and Error for one that the transform is not made for.
  virtual CropWindow prepare(SourceImage& image, Rng& rng,
                             std::span<std::uint8_t> pixels) const = 0;

 protected:
  /// A network's input of `image_shape`, H W C. Throws Error as validate() does, and for a mean of
  /// another shape.
  Transform(const Shape& image_shape, Normalization normalization);
  /// The same for images of the mean's shape.
  explicit Transform(const Normalization& normalization);

 private:
  Shape image_shape_;
  Normalization normalization_;
};

/// Normalises and changes nothing else: for evaluation.
class NormalizeTransform final : public Transform {
 public:
  explicit NormalizeTransform(const Normalization& normalization);

  CropWindow prepare(SourceImage& image, Rng& rng, std::span<std::uint8_t> pixels) const override;
};

struct PadCropFlipOptions {
  /// Zeros put on each side before a window of the image's own size is cut at random.
  int padding = 4;
  /// Mirrors the window with probability 1/2.
  bool flip = true;
};

/// CIFAR augmentation (spec section 4.1): zero bytes around the image, random crop, random mirror,
/// and only then normalisation, so that padding becomes -mean/divisor.
/// Numbers drawn per image, in this order: row offset, column offset, flip.
class PadCropFlipTransform final : public Transform {
 public:
  /// Throws Error for a negative padding.
  explicit PadCropFlipTransform(const Normalization& normalization,
                                const PadCropFlipOptions& options = {});

  CropWindow prepare(SourceImage& image, Rng& rng, std::span<std::uint8_t> pixels) const override;

 private:
  PadCropFlipOptions options_;
};

}  // namespace lq
