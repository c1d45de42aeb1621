// Made-up JPEG files whose classes can be learned, in ImageNet's layout.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "core/rng.h"
#include "data/image.h"

namespace lq {

struct PhotographOptions {
  int classes = 4;
  std::int64_t train_images = 8;  ///< of each class
  std::int64_t val_images = 4;    ///< the same
  /// About the median of ImageNet. Extents vary by a tenth, and every other image stands upright.
  int height = 375;
  int width = 500;
  int quality = 90;
  std::uint64_t seed = 0;
  /// Called after each image with the number of images that are done, and that of all, of both
  /// parts. May be null.
  std::function<void(std::int64_t done, std::int64_t all)> on_image = {};
};

/// A picture of its class: hue and slope of stripes are the class's, everything else (phase,
/// brightness, blobs, grain) is chance. At 500 x 375 and quality 90 a file has about 76 kB.
Image make_photograph(const PhotographOptions& options, int label, Rng& rng);

/// The folder of class `label`: "n00000003".
std::string photograph_class(int label);

/// Writes train/<class>/<class>_<i>.JPEG, and val/ with folders of classes. The same options give
/// the same files. Throws Error when a file cannot be written.
void write_photographs(const std::filesystem::path& folder, const PhotographOptions& options = {});

}  // namespace lq
