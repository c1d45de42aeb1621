// What the loader sees of a data set.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/shape.h"
#include "data/image.h"
#include "data/source_image.h"

namespace lq {

/// Labelled images, addressed by index. Immutable after construction: every member may be called
/// from several threads at once.
class Dataset {
 public:
  virtual ~Dataset() = default;

  /// Number of images.
  virtual std::int64_t size() const = 0;
  /// H W C of every image; H and W are 0 in a data set whose images differ in size, C then is the
  /// usual number of channels.
  virtual Shape image_shape() const = 0;
  /// Names of the classes; a label is an index into them.
  virtual std::span<const std::string> classes() const = 0;
  /// Class of image `index`, in [0, classes().size()); index in [0, size()).
  virtual std::int32_t label(std::int64_t index) const = 0;
  /// What image `index` is called in the data set, wherever that lies; empty where images have no
  /// names.
  virtual std::string name(std::int64_t /*index*/) const { return ""; }
  /// Puts image `index` into `image`, whose memory is used again. Throws Error when the image
  /// cannot be read.
  virtual void load(std::int64_t index, Image& image) const = 0;
  /// The same for who may want a part of the image only. A data set of files leaves decoding to
  /// `image` and throws UnreadableImage for a file that cannot be read.
  virtual void fetch(std::int64_t index, SourceImage& image) const {
    load(index, image.set_decoded());
  }
};

/// Both parts of a data set; they have the same classes.
struct DatasetSplits {
  std::shared_ptr<const Dataset> train;
  std::shared_ptr<const Dataset> test;
  /// Whether a mirrored image still shows its class, so that random flips are sound.
  bool mirror_symmetric = true;
  /// What was found beside the images and is not used, in one line for the user; empty: nothing.
  std::string warning = {};
};

}  // namespace lq
