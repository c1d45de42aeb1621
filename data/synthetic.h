// Made-up images whose classes can be learned.
#pragma once

#include <cstdint>

#include "data/dataset.h"

namespace lq {

struct SyntheticOptions {
  std::int64_t train_images = 2048;
  std::int64_t test_images = 512;
  int height = 32;
  int width = 32;
  int channels = 3;
  int classes = 10;
  /// Uniform noise in [-noise, noise] grey levels is added to every value.
  float noise = 64.0F;
  std::uint64_t seed = 0;

  friend bool operator==(const SyntheticOptions&, const SyntheticOptions&) = default;
};

/// Each class has a smooth random pattern that is its own mirror image, so that it survives the
/// crops and flips of training; an image is its class's pattern plus noise. Image i has label
/// i % classes. The same options give the same images; train and test share patterns, not noise.
/// Throws Error for sizes below 1 and negative or non-finite noise.
DatasetSplits make_synthetic(const SyntheticOptions& options = {});

}  // namespace lq
