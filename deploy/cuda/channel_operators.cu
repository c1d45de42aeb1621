// Operations that move channels, and turn codes into floats.

#include <algorithm>

#include "deploy/cuda/map_operator.h"
#include "kernels/channel_pad/channel_pad.h"
#include "kernels/concat/concat.h"

namespace lq::deploy::cuda {

namespace {

struct Levels {
  float of[256];
};

/// From bytes where `planes.planes` is 0, else from codes: the lanes of a warp that own channels of
/// one word read it together. The table lies in shared memory.
__global__ void __launch_bounds__(block_threads)
    dequantize_kernel(kernels::cuda::Divider channels, int elements, CodePlanes planes,
                      const std::uint8_t* bytes, Levels levels, float* to) {
  __shared__ float table[256];
  for (int i = static_cast<int>(threadIdx.x); i < 256; i += block_threads) table[i] = levels.of[i];
  __syncthreads();
  const OwnElement own(channels);
  if (own.index >= elements) return;
  unsigned symbol = 0;
  if (planes.planes == 0) {
    symbol = bytes[own.index];
  } else {
    const std::int64_t word =
        own.pixel * packed::words(channels.value()) + own.place / packed::bits_per_word;
    for (int j = 0; j < planes.planes; ++j) {
      const std::uint32_t bits = planes.words[j * planes.plane_words + word];
      symbol |= (bits >> (own.place % packed::bits_per_word) & 1U) << j;
    }
  }
  to[own.index] = table[symbol];
}

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
  kernels::cuda::Divider channels_;
};

class ChannelPadOperator final : public MapOperator {
 public:
  ChannelPadOperator(const PackedModel& model, const ChannelPad& operation, Stream& stream)
      : MapOperator(model, operation, stream),
        options_{.before = operation.before, .after = out().c - in().c - operation.before} {}
  void run(kernels::Slice, std::span<std::byte>) const override {
    kernels::channel_pad_forward(stream(), input_map(), output_map(), options_);
  }

 private:
  kernels::ChannelPadOptions options_;
};

class ConcatOperator final : public CudaOperator {
 public:
  ConcatOperator(const PackedModel& model, const Concat& operation, Stream& stream)
      : CudaOperator(operation.name, stream),
        operation_(operation),
        out_(model.values[operation.output]) {
    for (const std::size_t input : operation.inputs) channels_.push_back(model.values[input].c);
    inputs_.resize(channels_.size());
  }
  void bind(std::span<const ValuePlace> places, std::int64_t batch) override {
    const auto map = [&](std::size_t value, std::int64_t channels) {
      return View<float>{reinterpret_cast<float*>(places[value].data),
                         {batch, out_.h, out_.w, channels},
                         stream().device()};
    };
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      inputs_[i] = map(operation_.inputs[i], channels_[i]);
    }
    output_ = map(operation_.output, out_.c);
  }
  void run(kernels::Slice, std::span<std::byte>) const override {
    kernels::concat_forward(stream(), inputs_, output_);
  }

 private:
  Concat operation_;
  Value out_;
  std::vector<std::int64_t> channels_;    // of each input
  std::vector<ConstView<float>> inputs_;  // N H W C
  View<float> output_;
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
