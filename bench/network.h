// How long packed networks take, beside the same topology on oneDNN.
#pragma once

#include <cstdint>
#include <string>

#include "deploy/packed_model.h"

namespace lq::bench {

struct NetworkBenchOptions {
  std::int64_t batch = 1;
  int threads = 1;
  int rounds = 30;  ///< each times all three once, in turns; the fastest round counts
};

struct NetworkTiming {
  std::string name;
  std::int64_t batch = 1;
  int threads = 1;
  double us = 0;       ///< of one batch through the packed network
  double fp32_us = 0;  ///< of the same topology in oneDNN's f32
  double int8_us = 0;  ///< and int8
  /// Of the time, what operations take that compute with floats.
  double float_percent = 0;
  double images_per_s = 0;
};

NetworkTiming time_network(const deploy::PackedModel& model, const NetworkBenchOptions& options);

}  // namespace lq::bench
