#include "bench/network.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <string_view>
#include <variant>

#include "bench/contest.h"
#include "bench/median.h"
#include "bench/onednn_network.h"
#include "bench/popcount_peak.h"
#include "core/error.h"
#include "core/rng.h"
#include "core/threads.h"
#include "deploy/packed_network.h"

namespace lq::bench {

namespace {

constexpr std::string_view floats = "floats";

std::string_view arithmetic_of(const kernels::BitconvSegment& segment) {
  if (std::holds_alternative<kernels::BitSegment>(segment)) return "bits";
  return std::holds_alternative<kernels::GridSegment>(segment) ? "int8" : floats;
}

std::string arithmetic_of(const kernels::BitconvDescription& description) {
  std::string result;
  for (const kernels::BitconvSegment& segment : description.segments) {
    const std::string_view own = arithmetic_of(segment);
    if (result.find(own) != std::string::npos) continue;
    if (!result.empty()) result += '+';
    result += own;
  }
  return result;
}

/// Bit multiply-accumulates for one image, if all segments count bits.
std::optional<double> bit_macs(const kernels::BitconvDescription& description) {
  const kernels::Conv2dGeometry& geometry = description.geometry;
  const double windows =
      static_cast<double>(geometry.y_shape().elements() * geometry.kernel_h * geometry.kernel_w);
  double sum = 0;
  for (const kernels::BitconvSegment& segment : description.segments) {
    const auto* bits = std::get_if<kernels::BitSegment>(&segment);
    if (bits == nullptr) return std::nullopt;
    sum += windows * static_cast<double>(bits->channels) * bits->weight_bits * bits->input_bits;
  }
  if (sum == 0) return std::nullopt;
  return sum;
}

/// Medians of the times of all operations, from runs that take them.
std::vector<double> operation_us(const deploy::PackedModel& model,
                                 const NetworkBenchOptions& options,
                                 const std::vector<float>& images, std::vector<float>& scores) {
  constexpr int warm_up_runs = 3;
  deploy::PackedNetwork network(
      model, {.max_batch = options.batch, .threads = options.threads, .measure = true});
  for (int run = 0; run < warm_up_runs; ++run) network.run(images, scores);
  std::vector<std::vector<double>> samples(model.operations.size());
  for (int round = 0; round < options.rounds; ++round) {
    network.run(images, scores);
    for (std::size_t i = 0; i < samples.size(); ++i) {
      samples[i].push_back(1e6 * network.seconds()[i]);
    }
  }
  std::vector<double> medians;
  std::ranges::transform(samples, std::back_inserter(medians), median);
  return medians;
}

std::vector<OperationTiming> time_operations(const deploy::PackedModel& model,
                                             const NetworkBenchOptions& options,
                                             const std::vector<float>& images,
                                             std::vector<float>& scores) {
  const std::vector<double> us = operation_us(model, options, images, scores);
  const double sum = std::accumulate(us.begin(), us.end(), 0.0);
  const double peak = popcount_peak();
  std::vector<OperationTiming> timings;
  for (std::size_t i = 0; i < us.size(); ++i) {
    OperationTiming timing{
        .name = std::visit([](const auto& kind) { return kind.name; }, model.operations[i]),
        .arithmetic = {},
        .us = us[i],
        .percent = 100.0 * us[i] / sum,
        .peak_percent = {}};
    if (const auto* layer = std::get_if<deploy::Convolution>(&model.operations[i])) {
      timing.arithmetic = arithmetic_of(layer->description);
      if (const std::optional<double> macs = bit_macs(layer->description)) {
        timing.peak_percent = percent_of_peak(*macs * static_cast<double>(options.batch), us[i],
                                              peak, options.threads);
      }
    }
    timings.push_back(std::move(timing));
  }
  return timings;
}

}  // namespace

NetworkTiming time_network(const deploy::PackedModel& model, const NetworkBenchOptions& options) {
  check(options.batch >= 1 && options.rounds >= 1,
        "bench: batch {} and {} rounds, expected 1 or more", options.batch, options.rounds);
  set_num_threads(options.threads);
  deploy::PackedNetwork network(model, {.max_batch = options.batch, .threads = options.threads});
  const deploy::Value& input = network.input();
  std::vector<float> images(options.batch * input.h * input.w * input.c);
  Rng rng(1, RngPurpose::synthetic);
  for (float& value : images) value = rng.uniform(-1.0F, 1.0F);
  std::vector<float> scores(options.batch * network.classes());

  OneDnnNetwork fp32(model, PeerType::float32, options.batch);
  OneDnnNetwork int8(model, PeerType::int8, options.batch);
  Contestant packed_contestant([&] { network.run(images, scores); });
  Contestant fp32_contestant([&] { fp32.run(); });
  Contestant int8_contestant([&] { int8.run(); });
  for (int round = 0; round < options.rounds; ++round) {
    packed_contestant.round();
    fp32_contestant.round();
    int8_contestant.round();
  }
  return {.name = model.name,
          .batch = options.batch,
          .threads = options.threads,
          .us = packed_contestant.best_us(),
          .fp32_us = fp32_contestant.best_us(),
          .int8_us = int8_contestant.best_us(),
          .images_per_s = 1e6 * static_cast<double>(options.batch) / packed_contestant.best_us(),
          .weight_bytes = network.weight_bytes(),
          .operations = time_operations(model, options, images, scores)};
}

double NetworkTiming::float_percent() const {
  double sum = 0;
  for (const OperationTiming& operation : operations) {
    if (operation.arithmetic.find(floats) != std::string::npos) sum += operation.percent;
  }
  return sum;
}

}  // namespace lq::bench
