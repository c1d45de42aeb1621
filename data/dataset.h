// What the loader sees of a data set.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/shape.h"

namespace lq {

/// One decoded image: H x W x C bytes, channels innermost (RGB or grey).
struct Image {
  int height = 0;
  int width = 0;
  int channels = 0;
  std::vector<std::uint8_t> pixels;

  /// Sets the extents and makes room for the pixels, whose values are left unspecified.
  void resize(int new_height, int new_width, int new_channels);
  Shape shape() const { return {height, width, channels}; }
};

/// Labelled images, addressed by index. Immutable after construction: every member may be called
/// from several threads at once.
class Dataset {
 public:
  virtual ~Dataset() = default;

  /// Number of images.
  virtual std::int64_t size() const = 0;
  /// H W C of every image; H and W are 0 in a data set whose images differ in size.
  virtual Shape image_shape() const = 0;
  /// Names of the classes; a label is an index into them.
  virtual std::span<const std::string> classes() const = 0;
  /// Class of image `index`, in [0, classes().size()); index in [0, size()).
  virtual std::int32_t label(std::int64_t index) const = 0;
  /// Puts image `index` into `image`, whose memory is used again. Throws Error when the image
  /// cannot be read.
  virtual void load(std::int64_t index, Image& image) const = 0;
};

/// Both parts of a data set; they have the same classes.
struct DatasetSplits {
  std::shared_ptr<const Dataset> train;
  std::shared_ptr<const Dataset> test;
  /// Whether a mirrored image still shows its class, so that random flips are sound.
  bool mirror_symmetric = true;
};

}  // namespace lq
