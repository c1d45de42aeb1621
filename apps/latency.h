// Times of single runs.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace lq::apps {

/// Percentiles of measured times, by the nearest rank.
struct LatencySummary {
  double p50_us = 0;
  double p90_us = 0;
  double p99_us = 0;
  double fastest_us = 0;
};

/// Nothing without times.
std::optional<LatencySummary> summarize(std::vector<double> times_us);

/// "median 123.4 us, 90 % within 130.0 us, 99 % within 150.1 us".
std::string describe(const LatencySummary& summary);

}  // namespace lq::apps
