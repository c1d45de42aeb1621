// JPEG files of kinds that encode_jpeg() does not write.
#pragma once

// The header of libjpeg needs <cstdio> before it.
// clang-format off
#include <cstdio>
#include <jpeglib.h>
// clang-format on

#include <cstdlib>
#include <functional>
#include <vector>

#include "data/image.h"
#include "tests/data/files.h"

namespace lq::testing {

/// `pixels` have the extents of `image` and so many channels, in that colour space. `configure` may
/// change what libjpeg does by default.
inline Bytes jpeg_of(const Image& image, J_COLOR_SPACE space, int channels, const Bytes& pixels,
                     const std::function<void(jpeg_compress_struct&)>& configure = {}) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &buffer, &size);
  info.image_width = image.width;
  info.image_height = image.height;
  info.input_components = channels;
  info.in_color_space = space;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, 98, TRUE);
  if (configure) configure(info);
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    auto* row =
        const_cast<JSAMPLE*>(&pixels[std::size_t{info.next_scanline} * image.width * channels]);
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  Bytes bytes(buffer, buffer + size);
  std::free(buffer);
  return bytes;
}

}  // namespace lq::testing
