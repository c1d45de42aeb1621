// Operations that move channels, and turn codes into floats.

#include <algorithm>

#include "deploy/cuda/map_operator.h"

namespace lq::deploy::cuda {

namespace {

struct Levels {
  float of[256];
};

/// From bytes where `planes.planes` is 0, else from codes. The table lies in shared memory.
__global__ void __launch_bounds__(block_threads)
    dequantize_kernel(std::int64_t channels, std::int64_t elements, CodePlanes planes,
                      const std::uint8_t* bytes, Levels levels, float* to) {
  __shared__ float table[256];
  for (int i = static_cast<int>(threadIdx.x); i < 256; i += block_threads) table[i] = levels.of[i];
  __syncthreads();
  const Channel own = own_channel(channels);
  const std::int64_t i = own.pixel * channels + own.c;
  if (i >= elements) return;
  const unsigned symbol =
      planes.planes == 0 ? bytes[i] : code_of(planes, packed::words(channels), own.pixel, own.c);
  to[i] = table[symbol];
}

/// Copies the channels of a map into a wider one, from `first` on; where `pads`, the others become
/// zero.
__global__ void __launch_bounds__(block_threads)
    place_channels_kernel(Map map, std::int64_t elements, std::int64_t first, bool pads,
                          const float* from, float* to) {
  const Channel own = own_channel(pads ? map.out_channels : map.channels);
  if (own.pixel >= elements) return;
  const std::int64_t c = pads ? own.c - first : own.c;
  const bool is_inside = c >= 0 && c < map.channels;
  to[own.pixel * map.out_channels + first + c] =
      is_inside ? from[own.pixel * map.channels + c] : 0.0F;
}

class DequantizeOperator final : public MapOperator {
 public:
  DequantizeOperator(const PackedModel& model, const Dequantize& operation, Stream& stream)
      : MapOperator(model, operation, stream) {
    std::copy(operation.levels.begin(), operation.levels.end(), levels_.of);
  }
  void run(kernels::Slice, std::span<std::byte>) const override {
    kernels::cuda::launch(name(), dequantize_kernel, threads(out_elements()), stream(),
                          map().channels, out_elements(), codes(), from<std::uint8_t>(), levels_,
                          to<float>());
  }

 private:
  Levels levels_{};
};

class ChannelPadOperator final : public MapOperator {
 public:
  ChannelPadOperator(const PackedModel& model, const ChannelPad& operation, Stream& stream)
      : MapOperator(model, operation, stream), before_(operation.before) {}
  void run(kernels::Slice, std::span<std::byte>) const override {
    kernels::cuda::launch(name(), place_channels_kernel, threads(out_elements()), stream(), map(),
                          out_pixels(), before_, true, from<float>(), to<float>());
  }

 private:
  std::int64_t before_;
};

class ConcatOperator final : public CudaOperator {
 public:
  ConcatOperator(const PackedModel& model, const Concat& operation, Stream& stream)
      : CudaOperator(operation.name, stream), output_(operation.output) {
    const Value& out = model.values[operation.output];
    pixels_per_image_ = out.h * out.w;
    for (const std::size_t input : operation.inputs) {
      parts_.push_back(
          {.value = input, .map = {.channels = model.values[input].c, .out_channels = out.c}});
    }
  }
  void bind(std::span<const ValuePlace> places, std::int64_t batch) override {
    for (Part& part : parts_) part.from = reinterpret_cast<const float*>(places[part.value].data);
    to_ = reinterpret_cast<float*>(places[output_].data);
    pixels_ = batch * pixels_per_image_;
  }
  void run(kernels::Slice, std::span<std::byte>) const override {
    std::int64_t first = 0;
    for (const Part& part : parts_) {
      kernels::cuda::launch(name(), place_channels_kernel, threads(pixels_ * part.map.channels),
                            stream(), part.map, pixels_, first, false, part.from, to_);
      first += part.map.channels;
    }
  }

 private:
  struct Part {
    std::size_t value;
    Map map;
    const float* from = nullptr;
  };
  std::vector<Part> parts_;
  std::size_t output_;
  std::int64_t pixels_per_image_ = 0;
  float* to_ = nullptr;
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
