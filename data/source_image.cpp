#include "data/source_image.h"

#include "data/image_file.h"

namespace lq {

template <typename Action>
void SourceImage::named(Action&& action) {
  try {
    std::forward<Action>(action)();
  } catch (const Error& error) {
    throw UnreadableImage(fmt::format("{}: {}", name_, error.what()));
  }
}

Image& SourceImage::set_decoded() {
  is_encoded_ = false;
  return image_;
}

std::vector<std::byte>& SourceImage::set_encoded(std::string name) {
  is_encoded_ = true;
  name_ = std::move(name);
  return bytes_;
}

void SourceImage::read_header() {
  named([&] { encoded_shape_ = encoded_image_shape(bytes_); });
}

Shape SourceImage::shape() const { return is_encoded_ ? encoded_shape_ : image_.shape(); }

const Image& SourceImage::whole() {
  if (!is_encoded_) return image_;
  named([&] { image_ = decode_image(bytes_); });
  return image_;
}

const Image& SourceImage::part(const PixelRegion& region) {
  const Shape all = shape();
  if (region == PixelRegion{0, 0, static_cast<int>(all[0]), static_cast<int>(all[1])}) {
    return whole();
  }
  if (is_encoded_) {
    named([&] { decode_image_region(bytes_, region, part_); });
  } else {
    copy_region(image_, region, part_);
  }
  return part_;
}

}  // namespace lq
