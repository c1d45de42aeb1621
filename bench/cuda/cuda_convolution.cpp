#include "bench/cuda_convolution.h"

#include <algorithm>
#include <memory>

#include "bench/gpu_spec.h"
#include "bench/median.h"
#include "core/cuda/check.h"
#include "core/cuda/graph.h"
#include "core/cuda/stream.h"
#include "core/cuda/timeline.h"
#include "core/error.h"
#include "core/tensor.h"

namespace lq::bench {

namespace {

using kernels::AlignedVector;
using kernels::BitconvBuffer;
using Words = AlignedVector<std::uint32_t>;

Tensor on_device(const Words& words, Device device) {
  return Tensor::from(std::span(reinterpret_cast<const std::int32_t*>(words.data()), words.size()),
                      {std::ssize(words)}, device);
}

/// A convolution with operands on the device, as a graph.
class CudaContestant {
 public:
  CudaContestant(ConvolutionProblem& problem, std::int64_t batch, const Words& inputs,
                 Stream& stream)
      : stream_(stream),
        batch_(batch),
        inputs_(on_device(inputs, stream.device())),
        outputs_(Tensor::zeros({problem.planes() * batch * problem.output_words()}, DType::i32,
                               stream.device())),
        conv_(kernels::prepare_bitconv(stream, problem.description())),
        scratch_({static_cast<std::int64_t>(conv_->scratch_bytes())}, DType::u8, stream.device()),
        input_{inputs_.raw(), batch * problem.input_words()},
        output_{outputs_.raw(), batch * problem.output_words()} {
    queue();  // what is done once, such as loading the code, must not be recorded
    device_backend(DeviceType::cuda).synchronize(stream_);
    graph_ = std::make_unique<CudaGraph>(stream_, [this] { queue(); });
  }

  void launch() { graph_->launch(stream_); }
  Tensor outputs() const { return outputs_.to(Device{}); }

 private:
  void queue() {
    const kernels::BitconvOperands operands{
        .batch = batch_, .inputs = {&input_, 1}, .symbols = {&output_, 1}};
    conv_->run(operands, {},
               {reinterpret_cast<std::byte*>(scratch_.data<std::uint8_t>()), scratch_.bytes()});
  }

  Stream& stream_;
  std::int64_t batch_;
  Tensor inputs_;
  Tensor outputs_;
  std::unique_ptr<kernels::Bitconv> conv_;
  Tensor scratch_;
  BitconvBuffer<const void*> input_;
  BitconvBuffer<void*> output_;
  std::unique_ptr<CudaGraph> graph_;
};

/// The same layer on the CPU.
Words expected_outputs(ConvolutionProblem& problem, std::int64_t batch, const Words& inputs) {
  Stream stream;
  const auto conv = kernels::prepare_bitconv(stream, problem.description());
  Words outputs(problem.planes() * batch * problem.output_words());
  AlignedVector<std::byte> scratch(conv->scratch_bytes());
  const BitconvBuffer<const void*> input{inputs.data(), batch * problem.input_words()};
  const BitconvBuffer<void*> output{outputs.data(), batch * problem.output_words()};
  conv->run({.batch = batch, .inputs = {&input, 1}, .symbols = {&output, 1}}, {}, scratch);
  return outputs;
}

void check_outputs(const CudaContestant& contestant, const Words& expected,
                   const ConvolutionShape& shape, BitWidths widths) {
  const Tensor outputs = contestant.outputs();
  const auto actual = outputs.span<std::int32_t>();
  const bool is_right = std::ranges::equal(actual, expected, [](std::int32_t a, std::uint32_t b) {
    return static_cast<std::uint32_t>(a) == b;
  });
  check(is_right, "bench: {} with {}/{} bits gives wrong results on the device", shape.name,
        widths.weights, widths.activations);
}

/// Memory that is written so that nothing else stays in the second-level cache.
Tensor cache_filler(Device device) {
  int bytes = 0;
  check_cuda(cudaDeviceGetAttribute(&bytes, cudaDevAttrL2CacheSize, device.index),
             "cudaDeviceGetAttribute");
  return Tensor({std::int64_t{2} * bytes}, DType::u8, device);
}

double median_us(CudaContestant& contestant, const CudaConvolutionOptions& options,
                 Stream& stream) {
  constexpr int warm_up = 5;
  CudaTimeline timeline(2);
  Tensor filler = options.cold ? cache_filler(options.device) : Tensor();
  std::vector<double> samples;
  for (int round = -warm_up; round < options.rounds; ++round) {
    if (options.cold) filler.fill_zero();
    timeline.mark(0, stream);
    contestant.launch();
    timeline.mark(1, stream);
    device_backend(DeviceType::cuda).synchronize(stream);
    if (round >= 0) samples.push_back(1e6 * timeline.seconds_after(0));
  }
  return median(samples);
}

std::optional<double> peak_percent(double operations_per_second, BitWidths widths, Device device) {
  cudaDeviceProp properties{};
  check_cuda(cudaGetDeviceProperties(&properties, device.index), "cudaGetDeviceProperties");
  const std::optional<GpuSpec> spec = find_gpu_spec(properties.name);
  if (!spec) return std::nullopt;
  return 100 * operations_per_second /
         spec->per_second(uses_grid(widths) ? spec->byte_peak() : spec->bit_peak());
}

CudaConvolutionTiming time_one(const ConvolutionShape& shape, BitWidths widths, std::int64_t batch,
                               const CudaConvolutionOptions& options, Stream& stream) {
  ConvolutionProblem problem(shape.geometry(), widths, 1);
  const Words inputs = problem.inputs(batch);
  CudaContestant contestant(problem, batch, inputs, stream);
  check_outputs(contestant, expected_outputs(problem, batch, inputs), shape, widths);
  CudaConvolutionTiming timing{.layer = shape.name, .widths = widths, .batch = batch};
  timing.us = median_us(contestant, options, stream);
  const double operations = 2 * problem.macs() * static_cast<double>(batch);
  const double per_second = operations / (timing.us * 1e-6);
  timing.tops = per_second * 1e-12;
  timing.peak_percent = peak_percent(per_second, widths, options.device);
  return timing;
}

}  // namespace

std::vector<CudaConvolutionTiming> time_cuda_convolutions(const CudaConvolutionOptions& options) {
  check(options.rounds >= 1, "bench: rounds is {}, expected at least 1", options.rounds);
  const auto stream = device_backend(DeviceType::cuda).make_stream(options.device.index);
  const StreamScope scope(*stream);
  std::vector<CudaConvolutionTiming> timings;
  for (const ConvolutionShape& shape : options.shapes) {
    for (const BitWidths widths : options.widths) {
      for (const std::int64_t batch : options.batches) {
        timings.push_back(time_one(shape, widths, batch, options, *stream));
      }
    }
  }
  return timings;
}

}  // namespace lq::bench
