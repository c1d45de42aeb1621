#include "deploy/decoded_weights.h"

#include "deploy/layer_parts.h"

namespace lq::deploy {

namespace {

/// Weight `index` of output channel `o`.
template <typename Coded>
float decoded(const Coded& segment, std::int64_t o, std::int64_t index) {
  double sum = 0;
  for (int bit = 0; bit < segment.weight_bits; ++bit) {
    const double element = segment.weight_basis[o * segment.weight_bits + bit];
    sum += (segment.weight_codes[index] >> bit & 1) != 0 ? element : -element;
  }
  return static_cast<float>(sum);
}

float weight(const kernels::BitSegment& segment, std::int64_t o, std::int64_t index) {
  return decoded(segment, o, index);
}

float weight(const kernels::CodedFloatSegment& segment, std::int64_t o, std::int64_t index) {
  return decoded(segment, o, index);
}

float weight(const kernels::GridSegment& segment, std::int64_t o, std::int64_t index) {
  return segment.weight_scale[o] * static_cast<float>(segment.weights[index]);
}

float weight(const kernels::FloatSegment& segment, std::int64_t /*o*/, std::int64_t index) {
  return segment.weights[index];
}

/// Puts the weights of a segment, whose first channel is `first` of all `channels`, in place.
template <typename Segment>
void decode(const Segment& segment, std::int64_t outputs, std::int64_t first, std::int64_t channels,
            std::vector<float>& all) {
  const std::int64_t pixels = std::ssize(all) / channels;  // O R S
  for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
    const std::int64_t o = pixel / (pixels / outputs);
    for (std::int64_t c = 0; c < segment.channels; ++c) {
      all[pixel * channels + first + c] = weight(segment, o, pixel * segment.channels + c);
    }
  }
}

}  // namespace

std::vector<float> decoded_weights(const PackedModel& model, const Convolution& layer) {
  if (layer.description.segments.empty()) return {};
  const std::vector<const Convolution*> parts = layer_parts(model, layer);
  std::int64_t channels = 0;
  for (const Convolution* part : parts) channels += part->description.geometry.c_in;
  const kernels::Conv2dGeometry& geometry = layer.description.geometry;
  std::vector<float> all(geometry.c_out * geometry.kernel_h * geometry.kernel_w * channels);
  std::int64_t first = 0;
  for (const Convolution* part : parts) {
    for (const kernels::BitconvSegment& any : part->description.segments) {
      std::visit(
          [&](const auto& segment) {
            decode(segment, geometry.c_out, first, channels, all);
            first += segment.channels;
          },
          any);
    }
  }
  return all;
}

}  // namespace lq::deploy
