// How long packed networks take, beside the same topology on oneDNN.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "deploy/packed_model.h"

namespace lq::bench {

struct NetworkBenchOptions {
  std::int64_t batch = 1;
  int threads = 1;
  int rounds = 30;  ///< each times all three once, in turns; the fastest round counts
};

/// An operation of the packed network: a layer with all that is fused into it, a pool, ...
struct OperationTiming {
  std::string name;
  /// What its segments compute with: "bits", "int8", "floats", or several of them with + between;
  /// empty for operations without.
  std::string arithmetic;
  double us = 0;       ///< median
  double percent = 0;  ///< of the sum of all operations
  /// Bit multiply-accumulates against popcount_peak() times threads, where all segments count bits.
  std::optional<double> peak_percent;
};

struct NetworkTiming {
  std::string name;
  std::int64_t batch = 1;
  int threads = 1;
  double us = 0;       ///< of one batch through the packed network
  double fp32_us = 0;  ///< of the same topology in oneDNN's f32
  double int8_us = 0;  ///< and int8
  double images_per_s = 0;
  std::size_t weight_bytes = 0;             ///< of the packed network in memory
  std::vector<OperationTiming> operations;  ///< in the order in which they run

  /// Of the time, what operations take some of whose segments compute with floats.
  double float_percent() const;
};

NetworkTiming time_network(const deploy::PackedModel& model, const NetworkBenchOptions& options);

}  // namespace lq::bench
