#include "kernels/common/cuda/add_bias.h"

#include "kernels/common/cuda/pixels.h"

namespace lq::kernels::cuda {

namespace {

struct AddBias {
  const float* bias;
  float* y;
  int channels;

  template <int group>
  __device__ void apply(int pixel, int channel) const {
    float* const to = y + static_cast<std::int64_t>(pixel) * channels + channel;
    deliver_channels<group>(to, load_channels<group>(bias + channel), true);
  }
};

}  // namespace

void add_bias(std::string_view operation, Stream& stream, ConstView<float> bias, View<float> y) {
  if (bias.data == nullptr) return;
  const std::int64_t channels = bias.elements();
  for_each_pixel(operation, stream, y.elements() / channels, channels,
                 fit_groups(channels, bias.data, y.data),
                 AddBias{bias.data, y.data, index_extent(operation, channels)});
}

}  // namespace lq::kernels::cuda
