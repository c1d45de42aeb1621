// JPEG files from images, for benches and tests.
#pragma once

#include <cstddef>
#include <vector>

#include "data/image.h"

namespace lq {

struct JpegOptions {
  int quality = 90;  ///< 1 to 100
  /// Chroma of an image in colour has so many times fewer rows and columns than luma, 1 to 4. By
  /// default half of both (4:2:0), as photographs have it.
  int chroma_rows_divided_by = 2;
  int chroma_columns_divided_by = 2;
  /// Blocks between restart markers; 0: there are none.
  unsigned int restart_interval = 0;
  bool progressive = false;
};

/// Encodes a grey or colour image.
std::vector<std::byte> encode_jpeg(const Image& image, const JpegOptions& options = {});

}  // namespace lq
