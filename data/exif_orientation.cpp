#include "data/exif_orientation.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace lq {

namespace {

/// Integers of a TIFF structure, which says itself in which order their bytes come. What lies
/// outside of it reads as 0.
class TiffReader {
 public:
  explicit TiffReader(std::span<const std::uint8_t> bytes)
      : bytes_(bytes), is_big_endian_(!bytes.empty() && bytes[0] == 'M') {}

  std::uint32_t number(std::size_t offset, std::size_t size) const {
    if (offset > bytes_.size() || bytes_.size() - offset < size) return 0;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      value = value << 8 | bytes_[offset + (is_big_endian_ ? i : size - 1 - i)];
    }
    return value;
  }

 private:
  std::span<const std::uint8_t> bytes_;
  bool is_big_endian_;
};

// Numbers 1 to 8 of the tag.
constexpr std::array<Orientation, 8> orientations = {{{false, false, false},
                                                      {false, false, true},
                                                      {false, true, true},
                                                      {false, true, false},
                                                      {true, false, false},
                                                      {true, false, true},
                                                      {true, true, true},
                                                      {true, true, false}}};

}  // namespace

Orientation exif_orientation(std::span<const std::uint8_t> app1) {
  constexpr std::string_view begin("Exif\0\0", 6);
  if (app1.size() < begin.size() || !std::equal(begin.begin(), begin.end(), app1.begin()))
    return {};
  const TiffReader tiff(app1.subspan(begin.size()));
  if (tiff.number(2, 2) != 42) return {};
  constexpr std::uint32_t orientation_tag = 0x0112;
  constexpr std::uint32_t most_entries = 4096;
  constexpr std::size_t entry_bytes = 12;
  const std::size_t directory = tiff.number(4, 4);
  const std::uint32_t entries = std::min(tiff.number(directory, 2), most_entries);
  for (std::uint32_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + i * entry_bytes;
    if (tiff.number(entry, 2) != orientation_tag) continue;
    const std::uint32_t value = tiff.number(entry + 8, 2);
    return value >= 1 && value <= orientations.size() ? orientations[value - 1] : Orientation{};
  }
  return {};
}

PixelRegion stored_region(const Orientation& orientation, const PixelRegion& region, int height,
                          int width) {
  const int turned_height = orientation.transposed ? width : height;
  const int turned_width = orientation.transposed ? height : width;
  PixelRegion stored = region;
  if (orientation.rows_reversed) stored.top = turned_height - region.top - region.height;
  if (orientation.columns_reversed) stored.left = turned_width - region.left - region.width;
  if (orientation.transposed) {
    std::swap(stored.top, stored.left);
    std::swap(stored.height, stored.width);
  }
  return stored;
}

void turn(const Orientation& orientation, const Image& from, Image& to) {
  const bool transposed = orientation.transposed;
  to.resize(transposed ? from.width : from.height, transposed ? from.height : from.width,
            from.channels);
  std::uint8_t* target = to.pixels.data();
  for (int y = 0; y < to.height; ++y) {
    const int row = orientation.rows_reversed ? to.height - 1 - y : y;
    for (int x = 0; x < to.width; ++x) {
      const int column = orientation.columns_reversed ? to.width - 1 - x : x;
      const std::int64_t pixel = transposed ? std::int64_t{column} * from.width + row
                                            : std::int64_t{row} * from.width + column;
      target = std::copy_n(&from.pixels[pixel * from.channels], from.channels, target);
    }
  }
}

}  // namespace lq
