#include "apps/latency.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace lq::apps {

std::optional<LatencySummary> summarize(std::vector<double> times_us) {
  if (times_us.empty()) return std::nullopt;
  std::ranges::sort(times_us);
  const auto percentile = [&times_us](double percent) {
    const double rank = std::ceil(percent / 100.0 * static_cast<double>(times_us.size()));
    return times_us[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
  };
  return LatencySummary{.p50_us = percentile(50),
                        .p90_us = percentile(90),
                        .p99_us = percentile(99),
                        .fastest_us = times_us.front()};
}

std::string describe(const LatencySummary& summary) {
  return fmt::format("median {:.1f} us, 90 % within {:.1f} us, 99 % within {:.1f} us",
                     summary.p50_us, summary.p90_us, summary.p99_us);
}

}  // namespace lq::apps
