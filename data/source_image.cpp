#include "data/source_image.h"

#include <new>

namespace lq {

namespace {

template <typename T>
void release_if_large(std::vector<T>& buffer) {
  if (buffer.capacity() * sizeof(T) > SourceImage::most_kept_bytes) buffer = std::vector<T>();
}

}  // namespace

template <typename Action>
void SourceImage::named(Action&& action) {
  try {
    std::forward<Action>(action)();
  } catch (const Error& error) {
    throw UnreadableImage(fmt::format("{}: {}", name_, error.what()));
  } catch (const std::bad_alloc&) {
    throw UnreadableImage(fmt::format("{}: not enough memory for its pixels", name_));
  }
}

Image& SourceImage::set_decoded() {
  is_encoded_ = false;
  release_large_buffers();
  return image_;
}

std::vector<std::byte>& SourceImage::set_encoded(std::string name) {
  is_encoded_ = true;
  reader_.reset();
  factor_ = 1;
  release_large_buffers();
  name_ = std::move(name);
  return bytes_;
}

void SourceImage::read_header() {
  named([&] { open(); });
}

void SourceImage::open() {
  reader_ = open_image(bytes_);
  if (factor_ > 1) factor_ = reader_->reduce(factor_);
  encoded_shape_ = reader_->shape();
}

int SourceImage::reduce(int factor) {
  if (!is_encoded_ || factor == 1) return 1;
  named([&] {
    if (reader_ == nullptr) open();
    factor_ = reader_->reduce(factor);
    encoded_shape_ = reader_->shape();
  });
  return factor_;
}

Shape SourceImage::shape() const { return is_encoded_ ? encoded_shape_ : image_.shape(); }

const Image& SourceImage::whole() {
  last_region_ = whole_region(shape());
  if (!is_encoded_) return image_;
  decode(whole_region(encoded_shape_), image_);
  return image_;
}

const Image& SourceImage::part(const PixelRegion& region) {
  if (region == whole_region(shape())) return whole();
  last_region_ = region;
  if (is_encoded_) {
    decode(region, part_);
  } else {
    copy_region(image_, region, part_);
  }
  return part_;
}

void SourceImage::decode(const PixelRegion& region, Image& image) {
  named([&] {
    // A reader can be read from once.
    if (reader_ == nullptr) open();
    std::exchange(reader_, nullptr)->read(region, image);
  });
}

void SourceImage::release_large_buffers() {
  release_if_large(bytes_);
  release_if_large(image_.pixels);
  release_if_large(part_.pixels);
}

}  // namespace lq
