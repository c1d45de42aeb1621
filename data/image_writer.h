// JPEG files from images, for benches and tests.
#pragma once

#include <cstddef>
#include <vector>

#include "data/image.h"

namespace lq {

struct JpegOptions {
  int quality = 90;  ///< 1 to 100
  /// Chroma of half the height and width, as photographs have it.
  bool subsampled = true;
  bool progressive = false;
};

/// Encodes a grey or colour image.
std::vector<std::byte> encode_jpeg(const Image& image, const JpegOptions& options = {});

}  // namespace lq
