// Data sets of image files, which are decoded when they are asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/dataset.h"

namespace lq {

/// Where the bytes of image files come from. Immutable: used from several threads at once.
class ImageStore {
 public:
  virtual ~ImageStore() = default;

  virtual std::int64_t size() const = 0;
  /// "<class>/<file>", or "<file>" where classes have no folders.
  virtual std::string_view name(std::int64_t index) const = 0;
  /// The same with the place, for messages.
  virtual std::string path(std::int64_t index) const = 0;
  virtual std::int32_t label(std::int64_t index) const = 0;
  /// Puts the file into `bytes`, whose memory is used again. Throws Error when that fails.
  virtual void read(std::int64_t index, std::vector<std::byte>& bytes) const = 0;
};

/// Images in colour, of any size.
class EncodedDataset final : public Dataset {
 public:
  EncodedDataset(std::shared_ptr<const ImageStore> store, std::vector<std::string> classes);

  std::int64_t size() const override { return store_->size(); }
  Shape image_shape() const override { return {0, 0, 3}; }
  std::span<const std::string> classes() const override { return classes_; }
  std::int32_t label(std::int64_t index) const override { return store_->label(index); }
  std::string name(std::int64_t index) const override { return std::string(store_->name(index)); }
  /// Throws UnreadableImage for a file that cannot be read or decoded.
  void load(std::int64_t index, Image& image) const override;
  void fetch(std::int64_t index, SourceImage& image) const override;

 private:
  std::shared_ptr<const ImageStore> store_;
  std::vector<std::string> classes_;
};

/// What a place on the disk holds: files of both parts, and the names of their classes.
struct ImageFiles {
  std::shared_ptr<const ImageStore> train;
  std::shared_ptr<const ImageStore> val;
  std::vector<std::string> classes;
  std::string warning = {};  ///< as in DatasetSplits
};

/// The same as images.
DatasetSplits open_images(const ImageFiles& files);

}  // namespace lq
