#include "kernels/crop_flip_normalize/crop_flip_normalize.h"

namespace lq::kernels::reference {

void crop_flip_normalize(Stream&, ConstView<std::uint8_t> images, ConstView<std::int32_t> windows,
                         ConstView<float> mean, ConstView<float> scale, View<float> y) {
  const std::int64_t height = images.shape[1], width = images.shape[2], channels = images.shape[3];
  std::int64_t i = 0;
  for (std::int64_t n = 0; n < y.shape[0]; ++n) {
    const std::int64_t top = windows[3 * n], left = windows[3 * n + 1];
    const bool mirrored = windows[3 * n + 2] != 0;
    for (std::int64_t h = 0; h < y.shape[1]; ++h) {
      for (std::int64_t w = 0; w < y.shape[2]; ++w) {
        const std::int64_t row = top + h;
        const std::int64_t column = left + (mirrored ? y.shape[2] - 1 - w : w);
        const bool inside = row >= 0 && row < height && column >= 0 && column < width;
        for (std::int64_t c = 0; c < channels; ++c, ++i) {
          const float byte =
              inside ? images[((n * height + row) * width + column) * channels + c] : 0.0F;
          y[i] = (byte - mean[i % mean.elements()]) * scale[c];
        }
      }
    }
  }
}

}  // namespace lq::kernels::reference
