// Operations that move channels, and turn codes into floats.

#include <algorithm>

#include "deploy/cuda/map_operator.h"
#include "kernels/common/cuda/pixels.h"

namespace lq::deploy::cuda {

namespace {

using kernels::cuda::Channels;
using kernels::cuda::channels_of_group;
using kernels::cuda::Divider;
using kernels::cuda::fit_groups;
using kernels::cuda::for_each_pixel;
using kernels::cuda::load_channels;
using kernels::cuda::store_channels;

struct Levels {
  float of[256];
};

/// From bytes where `planes.planes` is 0, else from codes: the lanes of a warp that own channels of
/// one word read it together. The table lies in shared memory.
__global__ void __launch_bounds__(block_threads)
    dequantize_kernel(Divider channels, int elements, CodePlanes planes, const std::uint8_t* bytes,
                      Levels levels, float* to) {
  __shared__ float table[256];
  for (int i = static_cast<int>(threadIdx.x); i < 256; i += block_threads) table[i] = levels.of[i];
  __syncthreads();
  const OwnElement own(channels);
  if (own.index >= elements) return;
  unsigned symbol = 0;
  if (planes.planes == 0) {
    symbol = bytes[own.index];
  } else {
    const std::uint32_t* const word = planes.words +
                                      std::int64_t{own.pixel} * packed::words(channels.value()) +
                                      packed::word_of(own.place);
    for (int j = 0; j < planes.planes; ++j) {
      symbol |= (word[j * planes.plane_words] >> packed::bit_of(own.place) & 1U) << j;
    }
  }
  to[own.index] = table[symbol];
}

/// Copies the channels of a map into a wider one, from `first` on; others that it is run over
/// become zero. A function of pixels and groups of channels (kernels/common/cuda/pixels.h).
struct PlaceChannels {
  int channels;
  int out_channels;
  int first;
  int begin;  // of those that it is run over
  const float* from = nullptr;
  float* to = nullptr;

  template <int group>
  __device__ void apply(int pixel, int distance) const {
    const int out_channel = begin + distance;
    const int channel = out_channel - first;
    Channels<group> values{};
    if (channel >= 0 && channel < channels) {
      values = load_channels<group>(from + std::int64_t{pixel} * channels + channel);
    }
    store_channels<group>(to + std::int64_t{pixel} * out_channels + out_channel, values);
  }

  /// Over `count` channels of the wider map.
  void run(std::string_view operation, Stream& stream, std::int64_t pixels,
           std::int64_t count) const {
    const bool in_groups = channels % channels_of_group == 0 && first % channels_of_group == 0 &&
                           fit_groups(out_channels, from, to);
    for_each_pixel(operation, stream, pixels, count, in_groups, *this);
  }
};

class DequantizeOperator final : public MapOperator {
 public:
  DequantizeOperator(const PackedModel& model, const Dequantize& operation, Stream& stream)
      : MapOperator(model, operation, stream), channels_(out().c) {
    std::copy(operation.levels.begin(), operation.levels.end(), levels_.of);
  }
  void run(kernels::Slice, std::span<std::byte>) const override {
    const std::int64_t elements = out_pixels() * out().c;
    kernels::cuda::launch(name(), dequantize_kernel, threads(elements), stream(), channels_,
                          static_cast<int>(elements), codes(), from<std::uint8_t>(), levels_,
                          to<float>());
  }

 private:
  Levels levels_{};
  Divider channels_;
};

class ChannelPadOperator final : public MapOperator {
 public:
  ChannelPadOperator(const PackedModel& model, const ChannelPad& operation, Stream& stream)
      : MapOperator(model, operation, stream), before_(operation.before) {}
  void run(kernels::Slice, std::span<std::byte>) const override {
    PlaceChannels{.channels = static_cast<int>(in().c),
                  .out_channels = static_cast<int>(out().c),
                  .first = static_cast<int>(before_),
                  .begin = 0,
                  .from = from<float>(),
                  .to = to<float>()}
        .run(name(), stream(), out_pixels(), out().c);
  }

 private:
  std::int64_t before_;
};

class ConcatOperator final : public CudaOperator {
 public:
  ConcatOperator(const PackedModel& model, const Concat& operation, Stream& stream)
      : CudaOperator(operation.name, stream), inputs_(operation.inputs), output_(operation.output) {
    const Value& out = model.values[operation.output];
    pixels_per_image_ = out.h * out.w;
    int first = 0;
    for (const std::size_t input : inputs_) {
      const auto channels = static_cast<int>(model.values[input].c);
      parts_.push_back({.channels = channels,
                        .out_channels = static_cast<int>(out.c),
                        .first = first,
                        .begin = first});
      first += channels;
    }
  }
  void bind(std::span<const ValuePlace> places, std::int64_t batch) override {
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      parts_[i].from = reinterpret_cast<const float*>(places[inputs_[i]].data);
      parts_[i].to = reinterpret_cast<float*>(places[output_].data);
    }
    pixels_ = batch * pixels_per_image_;
  }
  void run(kernels::Slice, std::span<std::byte>) const override {
    for (const PlaceChannels& part : parts_) {
      part.run(name(), stream(), pixels_, part.channels);
    }
  }

 private:
  std::vector<std::size_t> inputs_;
  std::vector<PlaceChannels> parts_;
  std::size_t output_;
  std::int64_t pixels_per_image_ = 0;
  std::int64_t pixels_ = 0;
};

}  // namespace

std::unique_ptr<Operator> make_operator(const PackedModel& model, const Dequantize& operation,
                                        Stream& stream) {
  return std::make_unique<DequantizeOperator>(model, operation, stream);
}

std::unique_ptr<Operator> make_operator(const PackedModel& model, const ChannelPad& operation,
                                        Stream& stream) {
  return std::make_unique<ChannelPadOperator>(model, operation, stream);
}

std::unique_ptr<Operator> make_operator(const PackedModel& model, const Concat& operation,
                                        Stream& stream) {
  return std::make_unique<ConcatOperator>(model, operation, stream);
}

}  // namespace lq::deploy::cuda
