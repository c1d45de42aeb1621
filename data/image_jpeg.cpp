// The header of libjpeg needs <cstdio> before it.
// clang-format off
#include <cstdio>
#include <jpeglib.h>
// clang-format on

#include <algorithm>
#include <vector>

#include "core/error.h"
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

class JpegReader {
 public:
  explicit JpegReader(std::span<const std::byte> bytes) {
    info_.err = jpeg_std_error(&errors_);
    errors_.error_exit = throw_error;
    errors_.emit_message = warning_is_error;
    jpeg_create_decompress(&info_);
    jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(bytes.data()),
                 static_cast<unsigned long>(bytes.size()));
  }
  ~JpegReader() { jpeg_destroy_decompress(&info_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  Image read() {
    jpeg_read_header(&info_, TRUE);
    check_extents("JPEG", info_.image_height, info_.image_width);
    const bool is_cmyk = info_.jpeg_color_space == JCS_CMYK || info_.jpeg_color_space == JCS_YCCK;
    const bool is_grey = info_.jpeg_color_space == JCS_GRAYSCALE;
    info_.out_color_space = is_cmyk ? JCS_CMYK : is_grey ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_start_decompress(&info_);
    Image image;
    image.resize(static_cast<int>(info_.output_height), static_cast<int>(info_.output_width),
                 is_grey ? 1 : 3);
    std::vector<JSAMPLE> row(static_cast<std::size_t>(info_.output_width) *
                             info_.output_components);
    std::uint8_t* to = image.pixels.data();
    const std::size_t row_size = static_cast<std::size_t>(image.width) * image.channels;
    while (info_.output_scanline < info_.output_height) {
      JSAMPROW pointer = row.data();
      jpeg_read_scanlines(&info_, &pointer, 1);
      store_row(row, is_cmyk, to);
      to += row_size;
    }
    jpeg_finish_decompress(&info_);
    return image;
  }

 private:
  /// Files of the usual programs store CMYK inverted (they carry Adobe's marker).
  void store_row(const std::vector<JSAMPLE>& row, bool is_cmyk, std::uint8_t* to) const {
    if (!is_cmyk) {
      std::copy(row.begin(), row.end(), to);
      return;
    }
    const auto ink = [this](int value) { return info_.saw_Adobe_marker ? value : 255 - value; };
    for (std::size_t pixel = 0; pixel < row.size() / 4; ++pixel) {
      const JSAMPLE* from = &row[4 * pixel];
      for (int c = 0; c < 3; ++c) {
        to[3 * pixel + c] = static_cast<std::uint8_t>((ink(from[c]) * ink(from[3]) + 127) / 255);
      }
    }
  }

  jpeg_decompress_struct info_{};
  jpeg_error_mgr errors_{};
};

}  // namespace

bool is_jpeg(std::span<const std::byte> bytes) {
  return bytes.size() >= 3 && bytes[0] == std::byte{0xff} && bytes[1] == std::byte{0xd8} &&
         bytes[2] == std::byte{0xff};
}

Image decode_jpeg(std::span<const std::byte> bytes) { return JpegReader(bytes).read(); }

}  // namespace lq::image_formats
