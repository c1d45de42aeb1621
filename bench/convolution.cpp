#include "bench/convolution.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "bench/contest.h"
#include "bench/onednn_convolution.h"
#include "bench/popcount_peak.h"
#include "core/error.h"
#include "core/packed_layout.h"
#include "core/rng.h"
#include "core/threads.h"
#include "deploy/worker_pool.h"
#include "kernels/bitconv/bitconv.h"
#include "kernels/common/aligned_vector.h"

namespace lq::bench {

namespace {

using kernels::AlignedVector;
using kernels::Bitconv;
using kernels::BitconvBuffer;
using kernels::BitconvDescription;
using kernels::BitconvSymbolOutput;
using kernels::Conv2dGeometry;

bool uses_grid(BitWidths widths) {
  return widths.weights * widths.activations > kernels::max_plane_pairs;
}

/// Random codes and bases, and thresholds around the middle of the sums: repacking them costs what
/// it costs in a network.
class Problem {
 public:
  Problem(const Conv2dGeometry& geometry, BitWidths widths, std::uint64_t seed)
      : rng_(seed, RngPurpose::synthetic), widths_(widths) {
    description_.geometry = geometry;
    if (uses_grid(widths)) {
      add_grid();
    } else {
      add_bits();
    }
    description_.scale.assign(geometry.c_out, 1.0F);
    description_.shift.assign(geometry.c_out, 0.0F);
    add_thresholds();
  }

  const BitconvDescription& description() const { return description_; }

  /// Words of one image of inputs and of results.
  std::int64_t input_words() const {
    return words(description_.geometry.h * description_.geometry.w, description_.geometry.c_in);
  }
  std::int64_t output_words() const {
    return words(description_.geometry.out_h * description_.geometry.out_w,
                 description_.geometry.c_out);
  }

  /// Random inputs that keep the rules of their layout.
  AlignedVector<std::uint32_t> inputs(std::int64_t batch) {
    AlignedVector<std::uint32_t> result(planes() * batch * input_words());
    const std::uint32_t mask =
        uses_grid(widths_) ? 0x7f7f7f7fU : packed::tail_mask(description_.geometry.c_in);
    const std::int64_t pixel_words = packed::words(description_.geometry.c_in);
    for (std::size_t i = 0; i < result.size(); ++i) {
      const bool is_last = static_cast<std::int64_t>(i) % pixel_words == pixel_words - 1;
      result[i] = rng_.next_u32() & (uses_grid(widths_) || is_last ? mask : ~0U);
    }
    return result;
  }

  std::int64_t planes() const { return uses_grid(widths_) ? 1 : widths_.activations; }

 private:
  std::int64_t words(std::int64_t pixels, std::int64_t channels) const {
    return uses_grid(widths_) ? (pixels * channels + 3) / 4 : pixels * packed::words(channels);
  }

  std::int64_t weight_count() const { return description_.geometry.weight_shape().elements(); }

  void add_bits() {
    kernels::BitSegment segment{.channels = description_.geometry.c_in,
                                .weight_bits = widths_.weights,
                                .input_bits = widths_.activations};
    for (std::int64_t i = 0; i < weight_count(); ++i) {
      segment.weight_codes.push_back(static_cast<std::uint8_t>(rng_.below(1U << widths_.weights)));
    }
    for (std::int64_t o = 0; o < description_.geometry.c_out; ++o) {
      for (int i = 0; i < widths_.weights; ++i) {
        segment.weight_basis.push_back(static_cast<float>(1 << i));
      }
    }
    for (int j = 0; j < widths_.activations; ++j) {
      segment.input_basis.push_back(static_cast<float>(1 << j));
    }
    description_.segments.emplace_back(std::move(segment));
  }

  void add_grid() {
    kernels::GridSegment segment{.channels = description_.geometry.c_in};
    for (std::int64_t i = 0; i < weight_count(); ++i) {
      segment.weights.push_back(static_cast<std::int8_t>(static_cast<int>(rng_.below(255)) - 127));
    }
    segment.weight_scale.assign(description_.geometry.c_out, 1.0F);
    description_.segments.emplace_back(std::move(segment));
  }

  void add_thresholds() {
    const int count = (1 << widths_.activations) - 1;
    BitconvSymbolOutput output{.planes = uses_grid(widths_) ? 0 : widths_.activations};
    for (int t = 0; t < count; ++t) {
      for (std::int64_t o = 0; o < description_.geometry.c_out; ++o) {
        output.thresholds.push_back(static_cast<float>(20 * (t - count / 2)) + 0.5F);
      }
    }
    output.signs.assign(description_.geometry.c_out, 1.0F);
    for (int position = 0; position <= count; ++position) {
      output.symbols.push_back(static_cast<std::uint8_t>(position));
    }
    description_.symbol_outputs.push_back(std::move(output));
  }

  Rng rng_;
  BitWidths widths_;
  BitconvDescription description_;
};

/// A convolution with its operands.
class PackedContestant {
 public:
  PackedContestant(Problem& problem, Backend backend, std::int64_t batch, int threads,
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
  Problem problem(small.geometry(), widths, 1);
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
  Problem problem(geometry, widths, 1);
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
    const double bit_macs = static_cast<double>(geometry.y_shape().elements()) *
                            static_cast<double>(geometry.c_in * shape.kernel * shape.kernel) *
                            widths.weights * widths.activations;
    timing.peak_percent = percent_of_peak(bit_macs, timing.us, peak, threads);
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
  if (timings.empty()) return 1.0;
  double logarithms = 0;
  for (const ConvolutionTiming& timing : timings) {
    logarithms += std::log(timing.*peer / timing.us);
  }
  return std::exp(logarithms / static_cast<double>(timings.size()));
}

}  // namespace lq::bench
