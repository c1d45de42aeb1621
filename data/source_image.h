// An image between a data set and a transform: its extents are known, its pixels come on demand.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "data/image.h"
#include "data/image_file.h"

namespace lq {

/// Thrown for a single image that cannot be read, which says nothing about the others: a loader
/// leaves it out, counts it and goes on. The message begins with the image's name.
class UnreadableImage : public Error {
 public:
  using Error::Error;
};

/// One image, decoded or as the bytes of a file. Its memory is used again for the next image, but
/// for that of single large ones.
class SourceImage {
 public:
  /// Buffers of more bytes are freed when the next image comes: otherwise each thread that reads
  /// images would end up with the memory of the largest one.
  static constexpr std::size_t most_kept_bytes = std::size_t{32} << 20;

  /// The image is decoded: the caller sets its extents and all of its pixels.
  Image& set_decoded();

  /// The image is a file: the caller fills `bytes`. `name` is for messages.
  std::vector<std::byte>& set_encoded(std::string name);
  /// To be called when the bytes are there: finds out the extents. Throws UnreadableImage as
  /// open_image() throws Error.
  void read_header();

  /// H W C.
  Shape shape() const;
  /// Makes it the image at a fraction of its size, as ImageReader::reduce() does; what is decoded
  /// already stays as it is. Returns the factor. Before pixels are asked for.
  int reduce(int factor);
  /// Bytes of the file; 0 of an image that is decoded.
  std::size_t encoded_bytes() const { return is_encoded_ ? bytes_.size() : 0; }
  /// All pixels. Throws UnreadableImage for a damaged file, and where memory is too short for it.
  const Image& whole();
  /// The pixels of a region, which lies within the image: equal to those of whole(), but less is
  /// decoded. Good until the next call of any member that is not const. Throws as whole(); damage
  /// behind the region may go unnoticed, unless the file ends there.
  const Image& part(const PixelRegion& region);
  /// The region that whole() or part() has given last.
  const PixelRegion& last_region() const { return last_region_; }

  /// Runs what reads or prepares this image and returns what it returns. Where memory is too short
  /// for that, throws UnreadableImage for the image of a file: others may fit.
  template <typename Action>
  decltype(auto) within_memory(Action&& action) const {
    try {
      return std::forward<Action>(action)();
    } catch (const std::bad_alloc&) {
      if (!is_encoded_) throw;
      throw UnreadableImage(fmt::format("{}: cannot be read: out of memory", name_));
    }
  }

 private:
  template <typename Action>
  void named(Action&& action);
  void open();
  void decode(const PixelRegion& region, Image& image);
  void release_large_buffers();

  bool is_encoded_ = false;
  std::string name_;
  std::vector<std::byte> bytes_;
  std::unique_ptr<ImageReader> reader_;  // of the bytes, until it has been read from
  Shape encoded_shape_;
  int factor_ = 1;  // by which the reader reduces it
  Image image_;     // decoded: all of it
  Image part_;
  PixelRegion last_region_;
};

}  // namespace lq
