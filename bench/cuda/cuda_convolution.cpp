#include "bench/cuda_convolution.h"

#include <algorithm>
#include <iterator>
#include <memory>

#include "bench/cuda/contestant.h"
#include "bench/cuda/peers.h"
#include "bench/gpu_spec.h"
#include "core/cuda/check.h"
#include "core/cuda/stream.h"
#include "core/error.h"
#include "core/tensor.h"
#include "kernels/bitconv/bitconv_plan_cuda.h"

namespace lq::bench {

namespace {

using kernels::AlignedVector;
using kernels::BitconvBuffer;
using kernels::Conv2dGeometry;
using Words = AlignedVector<std::uint32_t>;

Tensor on_device(const Words& words, Device device) {
  return Tensor::from(std::span(reinterpret_cast<const std::int32_t*>(words.data()), words.size()),
                      {std::ssize(words)}, device);
}

/// A packed convolution with operands on the device.
class PackedLayer {
 public:
  PackedLayer(ConvolutionProblem& problem, std::int64_t batch, const Words& inputs,
              Repetition& repetition)
      : batch_(batch),
        inputs_(on_device(inputs, repetition.stream().device())),
        outputs_(Tensor::zeros({problem.planes() * batch * problem.output_words()}, DType::i32,
                               inputs_.device())),
        conv_(kernels::prepare_bitconv(repetition.stream(), problem.description())),
        scratch_(Tensor::zeros({static_cast<std::int64_t>(conv_->scratch_bytes())}, DType::u8,
                               inputs_.device())),
        input_{inputs_.raw(), batch * problem.input_words()},
        output_{outputs_.raw(), batch * problem.output_words()},
        contestant_(repetition, [this] { queue(); }) {}
  PackedLayer(const PackedLayer&) = delete;
  PackedLayer& operator=(const PackedLayer&) = delete;

  CudaContestant& contestant() { return contestant_; }
  Tensor outputs() const { return outputs_.to(Device{}); }
  kernels::cuda::BitconvWay way() const { return kernels::cuda::way_of(*conv_, batch_); }

 private:
  void queue() {
    const kernels::BitconvOperands operands{
        .batch = batch_, .inputs = {&input_, 1}, .symbols = {&output_, 1}};
    conv_->run(operands, {},
               {reinterpret_cast<std::byte*>(scratch_.data<std::uint8_t>()), scratch_.bytes()});
  }

  std::int64_t batch_;
  Tensor inputs_;
  Tensor outputs_;
  std::unique_ptr<kernels::Bitconv> conv_;
  Tensor scratch_;
  BitconvBuffer<const void*> input_;
  BitconvBuffer<void*> output_;
  CudaContestant contestant_;  // last: it records what needs the others
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

void check_outputs(PackedLayer& layer, const Words& expected, const ConvolutionShape& shape,
                   BitWidths widths) {
  layer.contestant().run();
  const Tensor outputs = layer.outputs();
  const auto actual = outputs.span<std::int32_t>();
  const bool is_right = std::ranges::equal(actual, expected, [](std::int32_t a, std::uint32_t b) {
    return static_cast<std::uint32_t>(a) == b;
  });
  check(is_right, "bench: {} with {}/{} bits gives wrong results on the device", shape.name,
        widths.weights, widths.activations);
}

std::optional<double> peak_percent(double operations_per_second, BitWidths widths, Device device) {
  cudaDeviceProp properties{};
  check_cuda(cudaGetDeviceProperties(&properties, device.index), "cudaGetDeviceProperties");
  const std::optional<GpuSpec> spec =
      find_gpu_spec({.name = properties.name,
                     .compute_capability = 10 * properties.major + properties.minor,
                     .multiprocessors = properties.multiProcessorCount});
  if (!spec) return std::nullopt;
  return 100 * operations_per_second /
         spec->per_second(uses_grid(widths) ? spec->byte_peak() : spec->bit_peak());
}

/// The layer in each pair of widths, and by libraries: all take turns.
class LayerContest {
 public:
  LayerContest(const ConvolutionShape& shape, std::int64_t batch,
               const CudaConvolutionOptions& options, Stream& stream, Peers* peers)
      : shape_(shape),
        batch_(batch),
        options_(options),
        repetition_(stream, options.repeats, options.cold) {
    for (const BitWidths widths : options.widths) add_packed(widths);
    if (peers == nullptr) return;
    Conv2dGeometry geometry = shape.geometry();
    geometry.n = batch;
    peer_problem_.emplace(geometry, stream);
    peers_ = peers->enter(*peer_problem_, geometry, repetition_);
  }

  /// A timing for each pair of widths.
  std::vector<CudaConvolutionTiming> run() {
    std::vector<CudaContestant*> contestants;
    for (const auto& layer : packed_) contestants.push_back(&layer->contestant());
    for (const PeerEntry& peer : peers_) {
      if (peer.contestant) contestants.push_back(peer.contestant.get());
    }
    const std::vector<double> us = median_us_in_turns(contestants, options_.rounds, repetition_);
    std::vector<CudaPeerTiming> peers;
    std::size_t next = packed_.size();
    for (const PeerEntry& peer : peers_) {
      peers.push_back({.library = peer.library,
                       .numbers = std::string(name_of(peer.numbers)),
                       .us = {},
                       .missing = peer.missing});
      if (peer.contestant) peers.back().us = us[next++];
    }
    std::vector<CudaConvolutionTiming> timings;
    for (std::size_t i = 0; i < packed_.size(); ++i) {
      timings.push_back(timing_of(*packed_[i], options_.widths[i], us[i]));
      timings.back().peers = peers;
    }
    return timings;
  }

 private:
  void add_packed(BitWidths widths) {
    ConvolutionProblem problem(shape_.geometry(), widths, 1);
    const Words inputs = problem.inputs(batch_);
    packed_.push_back(std::make_unique<PackedLayer>(problem, batch_, inputs, repetition_));
    check_outputs(*packed_.back(), expected_outputs(problem, batch_, inputs), shape_, widths);
  }

  CudaConvolutionTiming timing_of(const PackedLayer& layer, BitWidths widths, double us) const {
    const kernels::cuda::BitconvWay way = layer.way();
    const double operations =
        2 * convolution_macs(shape_.geometry(), widths) * static_cast<double>(batch_);
    const double per_second = operations / (us * 1e-6);
    return {.shape = shape_,
            .widths = widths,
            .batch = batch_,
            .us = us,
            .tops = per_second * 1e-12,
            .peak_percent = peak_percent(per_second, widths, options_.device),
            .path = way.path_name(),
            .instructions = way.instructions,
            .tile = way.tile_name(),
            .splits = way.splits(),
            .peers = {}};
  }

  const ConvolutionShape& shape_;
  std::int64_t batch_;
  const CudaConvolutionOptions& options_;
  Repetition repetition_;
  std::vector<std::unique_ptr<PackedLayer>> packed_;
  std::optional<PeerProblem> peer_problem_;
  std::vector<PeerEntry> peers_;
};

}  // namespace

std::optional<double> CudaConvolutionTiming::speedup_over(std::string_view numbers) const {
  std::optional<double> fastest;
  for (const CudaPeerTiming& peer : peers) {
    if (peer.numbers == numbers && peer.us && (!fastest || *peer.us < *fastest)) fastest = peer.us;
  }
  if (!fastest) return std::nullopt;
  return *fastest / us;
}

CudaConvolutionReport time_cuda_convolutions(const CudaConvolutionOptions& options) {
  check(options.rounds >= 1, "bench: rounds is {}, expected at least 1", options.rounds);
  check(options.repeats >= 1, "bench: repeats is {}, expected at least 1", options.repeats);
  const auto stream = device_backend(DeviceType::cuda).make_stream(options.device.index);
  const StreamScope scope(*stream);
  std::optional<Peers> peers;
  CudaConvolutionReport report;
  if (options.has_peers) report.libraries = peers.emplace(*stream).descriptions();
  for (const ConvolutionShape& shape : options.shapes) {
    for (const std::int64_t batch : options.batches) {
      LayerContest contest(shape, batch, options, *stream, peers ? &*peers : nullptr);
      std::ranges::move(contest.run(), std::back_inserter(report.timings));
    }
  }
  return report;
}

}  // namespace lq::bench
