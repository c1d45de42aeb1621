#include "bench/convolution.h"

#include <algorithm>
#include <memory>

#include "bench/contest.h"
#include "bench/geometric_mean.h"
#include "bench/onednn_convolution.h"
#include "bench/popcount_peak.h"
#include "core/error.h"
#include "core/threads.h"
#include "deploy/worker_pool.h"
#include "kernels/bitconv/bitconv.h"
#include "kernels/common/aligned_vector.h"

namespace lq::bench {

namespace {

using kernels::AlignedVector;
using kernels::Bitconv;
using kernels::BitconvBuffer;
using kernels::Conv2dGeometry;

/// A convolution with its operands.
class PackedContestant {
 public:
  PackedContestant(ConvolutionProblem& problem, Backend backend, std::int64_t batch, int threads,
                   AlignedVector<std::uint32_t> inputs)
      : batch_(batch),
        inputs_(std::move(inputs)),
        outputs_(problem.planes() * batch * problem.output_words()),
        pool_(threads) {
    Stream stream(backend);
    conv_ = kernels::prepare_bitconv(stream, problem.description());
    scratch_.resize(threads);
    for (auto& scratch : scratch_) scratch.resize(conv_->scratch_bytes());
    input_ = {inputs_.data(), batch * problem.input_words()};
    output_ = {outputs_.data(), batch * problem.output_words()};
  }

  void run() {
    const kernels::BitconvOperands operands{
        .batch = batch_, .inputs = {&input_, 1}, .symbols = {&output_, 1}};
    pool_.run([&](int worker) {
      conv_->run(operands, {worker, pool_.workers()}, scratch_[worker]);
    });
  }

  const AlignedVector<std::uint32_t>& outputs() const { return outputs_; }

 private:
  std::int64_t batch_;
  AlignedVector<std::uint32_t> inputs_;
  AlignedVector<std::uint32_t> outputs_;
  std::unique_ptr<Bitconv> conv_;
  std::vector<AlignedVector<std::byte>> scratch_;
  BitconvBuffer<const void*> input_;
  BitconvBuffer<void*> output_;
  deploy::WorkerPool pool_;  // as in a packed network; last: its threads end before what they use
};

/// The same layer on a few rows that have full tiles of pixels and a rest, against the definitions.
void check_on_a_small_map(const ConvolutionShape& shape, BitWidths widths) {
  ConvolutionShape small = shape;
  small.h = std::min<std::int64_t>(shape.h, 4);
  small.w = std::min<std::int64_t>(shape.w, 17);
  ConvolutionProblem problem(small.geometry(), widths, 1);
  const auto inputs = problem.inputs(1);
  PackedContestant fast(problem, Backend::cpu, 1, 1, inputs);
  PackedContestant naive(problem, Backend::reference, 1, 1, inputs);
  fast.run();
  naive.run();
  check(fast.outputs() == naive.outputs(), "bench: {} with {}/{} bits gives wrong results",
        shape.name, widths.weights, widths.activations);
}

ConvolutionTiming time_one(const ConvolutionShape& shape, BitWidths widths, std::int64_t batch,
                           int threads, int rounds) {
  set_num_threads(threads);
  Conv2dGeometry geometry = shape.geometry();
  ConvolutionProblem problem(geometry, widths, 1);
  PackedContestant packed(problem, Backend::cpu, batch, threads, problem.inputs(batch));
  geometry.n = batch;
  OneDnnConvolution fp32(geometry, PeerType::float32);
  OneDnnConvolution int8(geometry, PeerType::int8);
  Contestant packed_contest([&] { packed.run(); });
  Contestant fp32_contest([&] { fp32.run(); });
  Contestant int8_contest([&] { int8.run(); });
  double peak = 0;
  const bool counts_bits = !uses_grid(widths);
  for (int round = 0; round < rounds; ++round) {
    packed_contest.round();
    fp32_contest.round();
    int8_contest.round();
    if (counts_bits && round % 5 == 0) peak = std::max(peak, popcount_peak());
  }
  ConvolutionTiming timing{.layer = shape.name,
                           .widths = widths,
                           .arithmetic = counts_bits ? "bits" : "int8",
                           .batch = batch,
                           .threads = threads,
                           .us = packed_contest.best_us(),
                           .fp32_us = fp32_contest.best_us(),
                           .int8_us = int8_contest.best_us(),
                           .peak_percent = {}};
  if (counts_bits) {
    timing.peak_percent =
        percent_of_peak(problem.macs() * static_cast<double>(batch), timing.us, peak, threads);
  }
  return timing;
}

void validate(const ConvolutionBenchOptions& options) {
  check(options.rounds >= 1, "bench: rounds is {}, expected at least 1", options.rounds);
  for (const BitWidths& widths : options.widths) {
    check(widths.weights >= 1 && widths.weights <= 4 && widths.activations >= 1 &&
              widths.activations <= 4,
          "bench: {}/{} bits, expected 1 to 4 each", widths.weights, widths.activations);
  }
  for (const std::int64_t batch : options.batches) {
    check(batch >= 1, "bench: batch is {}, expected at least 1", batch);
  }
}

}  // namespace

std::vector<ConvolutionTiming> time_convolutions(
    const ConvolutionBenchOptions& options,
    const std::function<void(const ConvolutionTiming&)>& report) {
  validate(options);
  std::vector<ConvolutionTiming> timings;
  for (const ConvolutionShape& shape : options.shapes) {
    for (const BitWidths widths : options.widths) {
      check_on_a_small_map(shape, widths);
      for (const std::int64_t batch : options.batches) {
        for (const int threads : options.threads) {
          timings.push_back(time_one(shape, widths, batch, threads, options.rounds));
          report(timings.back());
        }
      }
    }
  }
  return timings;
}

double geometric_mean_speedup(const std::vector<ConvolutionTiming>& timings,
                              double ConvolutionTiming::*peer) {
  std::vector<double> ratios;
  for (const ConvolutionTiming& timing : timings) ratios.push_back(timing.*peer / timing.us);
  return geometric_mean(ratios);
}

}  // namespace lq::bench
