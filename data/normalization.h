// From bytes to the values that networks see.
#pragma once

#include "core/tensor.h"
#include "data/dataset.h"

namespace lq {

/// value = (byte - mean) / divisor, with a mean per pixel and channel (spec section 4.1).
struct Normalization {
  /// f32, H W C.
  Tensor mean;
  /// A power of two, so that dividing is exact.
  float divisor = 128.0F;
};

/// Which images the mean is taken over. The official code takes train and test, which lets the
/// test set leak into training.
enum class MeanSource : unsigned char { train, train_and_test };

/// The mean image, from exact integer sums. Throws Error for images of differing sizes and for an
/// empty data set.
Normalization per_pixel_normalization(const DatasetSplits& splits,
                                      MeanSource source = MeanSource::train);

}  // namespace lq
