#include "data/image_writer.h"

// The header of libjpeg needs <cstdio> before it.
// clang-format off
#include <cstdio>
#include <jpeglib.h>
// clang-format on

#include <cstdlib>

#include "core/error.h"

namespace lq {

namespace {

[[noreturn]] void throw_error(j_common_ptr info) {
  char message[JMSG_LENGTH_MAX];
  info->err->format_message(info, message);
  fail("JPEG: {}", message);
}

class JpegWriter {
 public:
  JpegWriter() {
    info_.err = jpeg_std_error(&errors_);
    errors_.error_exit = throw_error;
    jpeg_create_compress(&info_);
    jpeg_mem_dest(&info_, &bytes_, &size_);
  }
  ~JpegWriter() {
    jpeg_destroy_compress(&info_);
    std::free(bytes_);  // of jpeg_mem_dest
  }
  JpegWriter(const JpegWriter&) = delete;
  JpegWriter& operator=(const JpegWriter&) = delete;

  std::vector<std::byte> write(const Image& image, const JpegOptions& options) {
    info_.image_height = static_cast<JDIMENSION>(image.height);
    info_.image_width = static_cast<JDIMENSION>(image.width);
    info_.input_components = image.channels;
    info_.in_color_space = image.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&info_);
    jpeg_set_quality(&info_, options.quality, TRUE);
    if (image.channels == 3) {
      info_.comp_info[0].h_samp_factor = options.chroma_columns_divided_by;
      info_.comp_info[0].v_samp_factor = options.chroma_rows_divided_by;
    }
    info_.restart_interval = options.restart_interval;
    if (options.progressive) jpeg_simple_progression(&info_);
    jpeg_start_compress(&info_, TRUE);
    const std::size_t row = static_cast<std::size_t>(image.width) * image.channels;
    while (info_.next_scanline < info_.image_height) {
      // The library does not write to what it reads.
      auto* pointer = const_cast<JSAMPLE*>(&image.pixels[info_.next_scanline * row]);
      jpeg_write_scanlines(&info_, &pointer, 1);
    }
    jpeg_finish_compress(&info_);
    const auto* begin = reinterpret_cast<const std::byte*>(bytes_);
    return {begin, begin + size_};
  }

 private:
  jpeg_compress_struct info_{};
  jpeg_error_mgr errors_{};
  unsigned char* bytes_ = nullptr;
  unsigned long size_ = 0;
};

}  // namespace

std::vector<std::byte> encode_jpeg(const Image& image, const JpegOptions& options) {
  check(image.height >= 1 && image.width >= 1 && (image.channels == 1 || image.channels == 3),
        "JPEG: image is {}, expected H x W with 1 or 3 channels", image.shape());
  return JpegWriter().write(image, options);
}

}  // namespace lq
