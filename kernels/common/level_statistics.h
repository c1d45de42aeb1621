// From "above each threshold" to "at each position", and partial results of chunks.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "kernels/common/level_table_view.h"

namespace lq::kernels {

/// Partial statistics of fixed chunks of one row, added up in the order of the chunks, so that
/// the result does not depend on the number of threads. O(chunks * 2^K) memory.
class ChunkedLevelStatistics {
 public:
  ChunkedLevelStatistics(std::int64_t chunks, std::int64_t levels, bool wanted)
      : thresholds_(levels - 1), wanted_(wanted), totals_(chunks, 0.0) {
    if (wanted) {
      counts_.assign(chunks * thresholds_, 0);
      sums_.assign(chunks * thresholds_, 0.0);
    }
  }

  std::int64_t* above_counts(std::int64_t chunk) {
    return wanted_ ? counts_.data() + chunk * thresholds_ : nullptr;
  }
  double* above_sums(std::int64_t chunk) {
    return wanted_ ? sums_.data() + chunk * thresholds_ : nullptr;
  }
  double* total(std::int64_t chunk) { return totals_.data() + chunk; }

  /// Writes row r of `statistics`; returns whether all of the `elements` values were finite.
  bool finish(std::int64_t r, std::int64_t elements, const LevelStatistics& statistics) {
    const std::int64_t size = thresholds_ + 1;
    double total = 0;
    for (const double chunk_total : totals_) total += chunk_total;
    if (wanted_) {
      std::int64_t count_above = elements;
      double sum_above = total;
      for (std::int64_t l = 0; l < size; ++l) {
        std::int64_t next_count = 0;
        double next_sum = 0;
        if (l < thresholds_) {
          for (std::int64_t at = l; at < std::ssize(counts_); at += thresholds_) {
            next_count += counts_[at];
            next_sum += sums_[at];
          }
        }
        if (statistics.counts) statistics.counts[r * size + l] = count_above - next_count;
        if (statistics.sums) statistics.sums[r * size + l] = sum_above - next_sum;
        count_above = next_count;
        sum_above = next_sum;
      }
    }
    return std::isfinite(total);
  }

 private:
  std::int64_t thresholds_;
  bool wanted_;
  std::vector<std::int64_t> counts_;
  std::vector<double> sums_;
  std::vector<double> totals_;
};

}  // namespace lq::kernels
