#include <vector>

#include "core/threads.h"
#include "kernels/crop_flip_normalize/crop_flip_normalize.h"
#include "kernels/crop_flip_normalize/window_row.h"

namespace lq::kernels::cpu {

namespace {

/// One row of y. The loops are plain so that they vectorise.
class Row {
 public:
  /// A mean and a scale for each value.
  Row(const float* mean, const float* scale, float* y) : mean_(mean), scale_(scale), y_(y) {}

  /// Values [begin, end), from zero bytes.
  void zeros(std::int64_t begin, std::int64_t end) const {
    for (std::int64_t i = begin; i < end; ++i) y_[i] = (0.0F - mean_[i]) * scale_[i];
  }

  /// Values [begin, end), from as many bytes.
  void run(std::int64_t begin, std::int64_t end, const std::uint8_t* bytes) const {
    for (std::int64_t i = begin; i < end; ++i) {
      y_[i] = (static_cast<float>(bytes[i - begin]) - mean_[i]) * scale_[i];
    }
  }

  /// Whole pixels [begin, end), from pixels in the reverse order, of which `pixel` is the last.
  void mirrored(std::int64_t begin, std::int64_t end, std::int64_t channels,
                const std::uint8_t* pixel) const {
    for (std::int64_t i = begin; i < end; i += channels, pixel -= channels) {
      for (std::int64_t c = 0; c < channels; ++c) {
        y_[i + c] = (static_cast<float>(pixel[c]) - mean_[i + c]) * scale_[i + c];
      }
    }
  }

 private:
  const float* mean_;
  const float* scale_;
  float* y_;
};

/// Values of the channels, again and again until there are `size`.
std::vector<float> repeated(ConstView<float> channels, std::int64_t size) {
  std::vector<float> values(static_cast<std::size_t>(size));
  for (std::int64_t i = 0; i < size; ++i) values[i] = channels[i % channels.elements()];
  return values;
}

}  // namespace

void crop_flip_normalize(Stream&, ConstView<std::uint8_t> images, ConstView<std::int32_t> windows,
                         ConstView<float> mean, ConstView<float> scale, View<float> y) {
  const Extents image{images.shape[1], images.shape[2]}, window{y.shape[1], y.shape[2]};
  const std::int64_t channels = y.shape[3], row_values = window.width * channels;
  const bool is_of_channels = mean.elements() == channels;
  const std::vector<float> scales = repeated(scale, row_values);
  const std::vector<float> means =
      is_of_channels ? repeated(mean, row_values) : std::vector<float>();
  parallel_for(y.shape[0], [&](std::int64_t n) {
    for (std::int64_t h = 0; h < window.height; ++h) {
      const WindowRow shown = window_row(windows.data + 3 * n, n, h, image, window, channels);
      const Row row(is_of_channels ? means.data() : mean.data + h * row_values, scales.data(),
                    y.data + (n * window.height + h) * row_values);
      row.zeros(0, shown.begin);
      if (shown.begin < shown.end) {
        const std::uint8_t* first = images.data + shown.source(shown.begin, std::int64_t{0});
        if (shown.mirrored) {
          row.mirrored(shown.begin, shown.end, channels, first);
        } else {
          row.run(shown.begin, shown.end, first);
        }
      }
      row.zeros(shown.end, row_values);
    }
  });
}

}  // namespace lq::kernels::cpu
