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

/// The floats of a value, for the public calls of kernels/.
View<float> floats_at(const ValuePlace& place, const Value& value, std::int64_t batch,
                      const Stream& stream) {
  return {
      reinterpret_cast<float*>(place.data), {batch, value.h, value.w, value.c}, stream.device()};
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

class ChannelPadOperator final : public CudaOperator {
 public:
  ChannelPadOperator(const PackedModel& model, const ChannelPad& operation, Stream& stream)
      : CudaOperator(operation.name, stream),
        input_(operation.input),
        output_(operation.output),
        in_(model.values[operation.input]),
        out_(model.values[operation.output]),
        options_{.before = operation.before, .after = out_.c - in_.c - operation.before} {}
  void bind(std::span<const ValuePlace> places, std::int64_t batch) override {
    x_ = floats_at(places[input_], in_, batch, stream());
    y_ = floats_at(places[output_], out_, batch, stream());
  }
  void run(kernels::Slice, std::span<std::byte>) const override {
    kernels::channel_pad_forward(stream(), x_, y_, options_);
  }

 private:
  std::size_t input_;
  std::size_t output_;
  Value in_;
  Value out_;
  kernels::ChannelPadOptions options_;
  ConstView<float> x_;
  View<float> y_;
};

class ConcatOperator final : public CudaOperator {
 public:
  ConcatOperator(const PackedModel& model, const Concat& operation, Stream& stream)
      : CudaOperator(operation.name, stream),
        inputs_(operation.inputs),
        output_(operation.output),
        out_(model.values[operation.output]),
        views_(operation.inputs.size()) {
    for (const std::size_t input : inputs_) ins_.push_back(model.values[input]);
  }
  void bind(std::span<const ValuePlace> places, std::int64_t batch) override {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      views_[i] = floats_at(places[inputs_[i]], ins_[i], batch, stream());
    }
    y_ = floats_at(places[output_], out_, batch, stream());
  }
  void run(kernels::Slice, std::span<std::byte>) const override {
    kernels::concat_forward(stream(), views_, y_);
  }

 private:
  std::vector<std::size_t> inputs_;
  std::size_t output_;
  std::vector<Value> ins_;
  Value out_;
  std::vector<ConstView<float>> views_;
  View<float> y_;
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
