// From bytes to the values that networks see.
#pragma once

#include <vector>

#include "core/tensor.h"
#include "data/dataset.h"

namespace lq {

/// value = (byte - mean) * (1 / divisor), with a mean per pixel and channel, or per channel (spec
/// section 4.1). The reciprocal is rounded once; for a power of two it is exact.
struct Normalization {
  /// f32, H W C, or 1 1 C: the same for all pixels.
  Tensor mean;
  /// One for all channels, or one for each.
  std::vector<float> divisor = {128.0F};

  /// 1 / divisor of each channel.
  std::vector<float> scale() const;

  friend bool operator==(const Normalization& a, const Normalization& b);
};

/// Throws Error unless the mean is f32 with three extents, and there is a positive, finite divisor,
/// or one for each channel.
void validate(const Normalization& normalization);

enum class ChannelOrder : unsigned char { rgb, bgr };

/// Mean and standard deviation of ImageNet's channels: 255 x (0.485, 0.456, 0.406) and 255 x
/// (0.229, 0.224, 0.225), red to blue.
Normalization imagenet_normalization(ChannelOrder order = ChannelOrder::rgb);

/// Which images the mean is taken over. The official code takes train and test, which lets the
/// test set leak into training.
enum class MeanSource : unsigned char { train, train_and_test };

/// The mean image, from exact integer sums. Throws Error for images of differing sizes and for an
/// empty data set.
Normalization per_pixel_normalization(const DatasetSplits& splits,
                                      MeanSource source = MeanSource::train);

}  // namespace lq
