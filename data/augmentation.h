// From a decoded image to the input of a network.
#pragma once

#include <span>

#include "core/rng.h"
#include "core/shape.h"
#include "data/dataset.h"
#include "data/normalization.h"

namespace lq {

/// Turns one image into one network input. Immutable: applied from several threads at once; all
/// chance comes from `rng`, which the loader keys by seed, epoch and image.
class Transform {
 public:
  virtual ~Transform() = default;

  /// H W C of what `apply` writes.
  virtual Shape output_shape() const = 0;
  /// Writes every element of `output` (output_shape(), contiguous). Throws Error for an image that
  /// the transform is not made for.
  virtual void apply(const Image& image, Rng& rng, std::span<float> output) const = 0;
};

/// Normalises and changes nothing else: for evaluation.
class NormalizeTransform final : public Transform {
 public:
  explicit NormalizeTransform(Normalization normalization);

  Shape output_shape() const override { return normalization_.mean.shape(); }
  void apply(const Image& image, Rng& rng, std::span<float> output) const override;

 private:
  Normalization normalization_;
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
  explicit PadCropFlipTransform(Normalization normalization,
                                const PadCropFlipOptions& options = {});

  Shape output_shape() const override { return normalization_.mean.shape(); }
  void apply(const Image& image, Rng& rng, std::span<float> output) const override;

 private:
  /// What is cut out: the corner in the image, from -padding to padding, and the direction.
  struct Window {
    std::int64_t top = 0;
    std::int64_t left = 0;
    bool mirrored = false;
  };
  Window draw_window(Rng& rng) const;

  Normalization normalization_;
  PadCropFlipOptions options_;
};

}  // namespace lq
