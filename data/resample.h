// Scaling of images, and of windows of scaled images.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/image.h"

namespace lq {

/// Pixel i of `target` pixels is centred at (i + 1/2) x source / target of `source` pixels, in
/// both.
enum class Interpolation : unsigned char {
  /// The cubic kernel with a = -0.5, as wide as 4 pixels of the source, or of the target where that
  /// has fewer: where an image shrinks all of its pixels count. What lies outside is left out and
  /// the weights are scaled to sum to 1. As Pillow's BICUBIC.
  bicubic,
  /// a = -0.75, always 4 pixels of the source: where an image shrinks some are never read. The
  /// border is repeated outside. As OpenCV's INTER_CUBIC.
  bicubic_opencv,
  /// A tent as wide as 2 pixels of the source, or of the target where that has fewer, cut off at
  /// the border as `bicubic` is. As Pillow's BILINEAR.
  bilinear
};

/// The part [first, first + count) of an axis of `source` pixels that is scaled to `target` pixels.
struct ScaledAxis {
  int source = 1;
  int target = 1;
  int first = 0;
  int count = 1;
};

/// Which pixels of the source make each pixel of the part, and with which weights.
class AxisWeights {
 public:
  void compute(Interpolation interpolation, const ScaledAxis& axis);

  /// The pixels of the source that the part is made of.
  int begin() const { return begin_; }
  int size() const { return size_; }

  int count() const { return static_cast<int>(firsts_.size()); }
  /// Pixel `i` of the part is the sum of weights(i)[k] x source pixel (begin() + first(i) + k).
  int first(int i) const { return firsts_[i]; }
  std::span<const float> weights(int i) const {
    return std::span(weights_).subspan(static_cast<std::size_t>(i) * taps_, taps_);
  }
  /// first(0), first(1) and so on.
  const int* firsts() const { return firsts_.data(); }

 private:
  std::vector<int> firsts_;
  std::vector<float> weights_;
  std::vector<double> one_;  // of a single pixel
  std::size_t taps_ = 1;
  int begin_ = 0;
  int size_ = 1;
};

/// Scales images; its memory is used again from call to call. Used by one thread at a time.
class Resampler {
 public:
  /// What is scaled and cut out: rows and columns.
  void set(Interpolation interpolation, const ScaledAxis& rows, const ScaledAxis& columns);
  /// The part of the source that is read.
  PixelRegion region() const;
  /// Makes rows.count x columns.count x channels bytes of that part, which has 1 or 3 channels.
  /// Values are computed in single precision, rounded and clipped.
  void run(const Image& part, std::span<std::uint8_t> pixels);

 private:
  void sum_rows(const Image& part, int y);

  AxisWeights rows_;
  AxisWeights columns_;
  // The memory that run() uses:
  std::vector<float> row_;      // its columns not yet scaled
  std::vector<float> paired_;   // weights of columns
  std::vector<float> colours_;  // of a row, not yet rounded
};

}  // namespace lq
