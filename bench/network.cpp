#include "bench/network.h"

#include <algorithm>
#include <variant>
#include <vector>

#include "bench/contest.h"
#include "bench/onednn_network.h"
#include "core/error.h"
#include "core/rng.h"
#include "core/threads.h"
#include "deploy/packed_network.h"

namespace lq::bench {

namespace {

bool computes_with_floats(const deploy::Operation& operation) {
  const auto* convolution = std::get_if<deploy::Convolution>(&operation);
  return convolution != nullptr &&
         std::ranges::any_of(convolution->description.segments, [](const auto& segment) {
           return std::holds_alternative<kernels::FloatSegment>(segment);
         });
}

/// The share of operations that compute with floats, from a run that takes their times.
double float_percent(const deploy::PackedModel& model, const NetworkBenchOptions& options,
                     const std::vector<float>& images, std::vector<float>& scores) {
  deploy::PackedNetwork network(
      model, {.max_batch = options.batch, .threads = options.threads, .measure = true});
  double float_seconds = 0;
  double seconds = 0;
  for (int round = 0; round < options.rounds; ++round) {
    network.run(images, scores);
    for (std::size_t i = 0; i < model.operations.size(); ++i) {
      seconds += network.seconds()[i];
      if (computes_with_floats(model.operations[i])) float_seconds += network.seconds()[i];
    }
  }
  return seconds > 0 ? 100.0 * float_seconds / seconds : 0.0;
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
          .float_percent = float_percent(model, options, images, scores),
          .images_per_s = 1e6 * static_cast<double>(options.batch) / packed_contestant.best_us()};
}

}  // namespace lq::bench
