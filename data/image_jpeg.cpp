// The header of libjpeg needs <cstdio> before it.
// clang-format off
#include <cstdio>
#include <jpeglib.h>
// clang-format on

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "data/exif_orientation.h"
#include "data/image_decoders.h"

namespace lq::image_formats {

namespace {

/// libjpeg with errors as exceptions: its own way out is to end the program. The library is built
/// with unwind tables on the platforms that we support. Warnings (corrupt data that it papers
/// over) are errors as well: a damaged image must not look like a good one.
[[noreturn]] void throw_error(j_common_ptr info) {
  char message[JMSG_LENGTH_MAX];
  info->err->format_message(info, message);
  fail("JPEG: {}", message);
}

void warning_is_error(j_common_ptr info, int level) {
  if (level < 0) throw_error(info);
}

/// Chroma of a pixel is interpolated from its neighbours', and blocks are decoded whole: a part
/// that is decoded alone has so many pixels more on each side, and then shows what the whole one
/// shows.
constexpr int margin = 32;

class JpegReader {
 public:
  explicit JpegReader(std::span<const std::byte> bytes) {
    info_.err = jpeg_std_error(&errors_);
    errors_.error_exit = throw_error;
    errors_.emit_message = warning_is_error;
    jpeg_create_decompress(&info_);
    try {
      open(bytes);
    } catch (...) {
      jpeg_destroy_decompress(&info_);
      throw;
    }
  }
  ~JpegReader() { jpeg_destroy_decompress(&info_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  int height() const { return static_cast<int>(info_.image_height); }
  int width() const { return static_cast<int>(info_.image_width); }
  int channels() const { return info_.jpeg_color_space == JCS_GRAYSCALE ? 1 : 3; }

  Orientation orientation() const {
    for (const jpeg_marker_struct* marker = info_.marker_list; marker != nullptr;
         marker = marker->next) {
      const Orientation found = exif_orientation({marker->data, marker->data_length});
      if (!found.is_upright()) return found;
    }
    return {};
  }

  /// The region as it is stored.
  void read(const PixelRegion& region, Image& image) {
    jpeg_start_decompress(&info_);
    image.resize(region.height, region.width, channels());
    // What is not stored row by row has to be decoded as a whole in any case.
    const bool in_parts = jpeg_has_multiple_scans(&info_) == FALSE;
    const int skipped_columns = in_parts ? crop_columns(region) : 0;
    if (in_parts) skip_rows(region.top - margin);
    std::vector<JSAMPLE> row(static_cast<std::size_t>(info_.output_width) *
                             info_.output_components);
    const std::size_t first =
        static_cast<std::size_t>(region.left - skipped_columns) * info_.output_components;
    const std::size_t row_size = static_cast<std::size_t>(image.width) * image.channels;
    const auto bottom = static_cast<JDIMENSION>(region.top + region.height);
    while (info_.output_scanline < bottom) {
      const auto y = static_cast<std::int64_t>(info_.output_scanline) - region.top;
      JSAMPROW pointer = row.data();
      jpeg_read_scanlines(&info_, &pointer, 1);
      if (y >= 0) store_row(&row[first], image.width, &image.pixels[y * row_size]);
    }
    // The end of the file tells whether it is whole.
    if (bottom == info_.output_height) jpeg_finish_decompress(&info_);
  }

 private:
  void open(std::span<const std::byte> bytes) {
    constexpr unsigned int longest_segment = 0xffff;
    jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(bytes.data()),
                 static_cast<unsigned long>(bytes.size()));
    jpeg_save_markers(&info_, JPEG_APP0 + 1, longest_segment);
    jpeg_read_header(&info_, TRUE);
    check_extents("JPEG", info_.image_height, info_.image_width);
    info_.out_color_space = is_cmyk() ? JCS_CMYK : channels() == 1 ? JCS_GRAYSCALE : JCS_RGB;
  }

  bool is_cmyk() const {
    return info_.jpeg_color_space == JCS_CMYK || info_.jpeg_color_space == JCS_YCCK;
  }

  /// Returns how many columns are left out in front.
  int crop_columns(const PixelRegion& region) {
    const int begin = std::max(region.left - margin, 0);
    const int end = std::min(region.left + region.width + margin, width());
    if (begin == 0 && end == width()) return 0;
    auto left = static_cast<JDIMENSION>(begin);
    auto columns = static_cast<JDIMENSION>(end - begin);
    jpeg_crop_scanline(&info_, &left, &columns);
    return static_cast<int>(left);
  }

  void skip_rows(int rows) {
    if (rows > 0) jpeg_skip_scanlines(&info_, static_cast<JDIMENSION>(rows));
  }

  /// Files of the usual programs store CMYK inverted (they carry Adobe's marker).
  void store_row(const JSAMPLE* row, int pixels, std::uint8_t* to) const {
    if (!is_cmyk()) {
      std::copy_n(row, pixels * info_.output_components, to);
      return;
    }
    const auto ink = [this](int value) { return info_.saw_Adobe_marker ? value : 255 - value; };
    for (int pixel = 0; pixel < pixels; ++pixel) {
      const JSAMPLE* from = row + 4 * pixel;
      for (int c = 0; c < 3; ++c) {
        to[3 * pixel + c] = static_cast<std::uint8_t>((ink(from[c]) * ink(from[3]) + 127) / 255);
      }
    }
  }

  jpeg_decompress_struct info_{};
  jpeg_error_mgr errors_{};
};

Shape shape_of(const JpegReader& reader) {
  const bool transposed = reader.orientation().transposed;
  return {transposed ? reader.width() : reader.height(),
          transposed ? reader.height() : reader.width(), reader.channels()};
}

void read_turned(JpegReader& reader, const PixelRegion& region, Image& image) {
  const Orientation orientation = reader.orientation();
  const PixelRegion stored = stored_region(orientation, region, reader.height(), reader.width());
  if (orientation.is_upright()) {
    reader.read(stored, image);
    return;
  }
  Image as_stored;
  reader.read(stored, as_stored);
  turn(orientation, as_stored, image);
}

}  // namespace

bool is_jpeg(std::span<const std::byte> bytes) {
  return bytes.size() >= 3 && bytes[0] == std::byte{0xff} && bytes[1] == std::byte{0xd8} &&
         bytes[2] == std::byte{0xff};
}

Shape jpeg_shape(std::span<const std::byte> bytes) { return shape_of(JpegReader(bytes)); }

Image decode_jpeg(std::span<const std::byte> bytes) {
  JpegReader reader(bytes);
  const Shape shape = shape_of(reader);
  Image image;
  read_turned(reader, {0, 0, static_cast<int>(shape[0]), static_cast<int>(shape[1])}, image);
  return image;
}

void decode_jpeg_region(std::span<const std::byte> bytes, const PixelRegion& region, Image& image) {
  JpegReader reader(bytes);
  read_turned(reader, region, image);
}

}  // namespace lq::image_formats
