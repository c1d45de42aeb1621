// An image between a data set and a transform: its extents are known, its pixels come on demand.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "data/image.h"

namespace lq {

/// Thrown for a single image that cannot be read, which says nothing about the others: a loader
/// leaves it out, counts it and goes on. The message begins with the image's name.
class UnreadableImage : public Error {
 public:
  using Error::Error;
};

/// One image, decoded or as the bytes of a file. Its memory is used again for the next image.
class SourceImage {
 public:
  /// The image is decoded: the caller sets its extents and all of its pixels.
  Image& set_decoded();

  /// The image is a file: the caller fills `bytes`. `name` is for messages.
  std::vector<std::byte>& set_encoded(std::string name);
  /// To be called when the bytes are there: finds out the extents. Throws UnreadableImage when they
  /// are of no known format.
  void read_header();

  /// H W C.
  Shape shape() const;
  /// Bytes of the file; 0 of an image that is decoded.
  std::size_t encoded_bytes() const { return is_encoded_ ? bytes_.size() : 0; }
  /// All pixels. Throws UnreadableImage for a damaged file.
  const Image& whole();
  /// The pixels of a region, which lies within the image: equal to those of whole(), but less is
  /// decoded. Good until the next call of any member that is not const. Throws as whole(); damage
  /// behind the region may go unnoticed.
  const Image& part(const PixelRegion& region);

 private:
  template <typename Action>
  void named(Action&& action);

  bool is_encoded_ = false;
  std::string name_;
  std::vector<std::byte> bytes_;
  Shape encoded_shape_;
  Image image_;  // decoded: all of it
  Image part_;
};

}  // namespace lq
