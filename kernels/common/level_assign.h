// Assignment of a block of values to levels, with the statistics that QEM needs.
// Only for *_cpu_isa.cpp files: see isa_variants.h.
#pragma once

#include "kernels/common/simd.h"

namespace lq::kernels {
namespace {

/// Values per block: the block and its levels stay in L1, and single-precision partial sums
/// within a block are short.
constexpr std::int64_t assign_block_size = 1024;

/// For each threshold, how many values lie above it, and their sum. Positions follow by taking
/// differences: see level_statistics.h.
struct Above {
  std::int64_t* counts;
  double* sums;
};

/// Thresholds per sweep: their accumulators, thresholds and levels fit the registers of every
/// instruction set (AVX2: 16, of which a sweep of 3 takes 13).
constexpr int thresholds_per_sweep = 3;

/// Moves the values that lie above each of T thresholds to levels[t]; `first` starts from
/// `lowest`, later sweeps from what y holds. Adds each threshold's statistics to above[t].
template <int T, bool with_statistics>
inline void sweep(const float* x, float* y, std::int64_t n, bool first, float lowest,
                  const float* thresholds, const float* levels, Above above) {
  FloatVector sums[T] = {};
  IntVector counts[T] = {};
  FloatVector threshold[T];
  FloatVector level[T];
  for (int t = 0; t < T; ++t) {
    threshold[t] = broadcast(thresholds[t]);
    level[t] = broadcast(levels[t]);
  }
  std::int64_t i = 0;
  for (; i + simd_lanes <= n; i += simd_lanes) {
    const FloatVector value = load(x + i);
    FloatVector result = first ? broadcast(lowest) : load(y + i);
    for (int t = 0; t < T; ++t) {
      const IntVector mask = value > threshold[t];
      result = mask ? level[t] : result;
      if constexpr (with_statistics) {
        counts[t] -= mask;
        sums[t] += mask ? value : FloatVector{};
      }
    }
    store(y + i, result);
  }
  if constexpr (with_statistics) {
    for (int t = 0; t < T; ++t) {
      above.counts[t] += sum_of_lanes(counts[t]);
      above.sums[t] += sum_of_lanes(sums[t]);
    }
  }
  for (; i < n; ++i) {
    float result = first ? lowest : y[i];
    for (int t = 0; t < T; ++t) {
      if (x[i] > thresholds[t]) {
        result = levels[t];
        if constexpr (with_statistics) {
          ++above.counts[t];
          above.sums[t] += static_cast<double>(x[i]);
        }
      }
    }
    y[i] = result;
  }
}

/// Sum of a block: finite if and only if no value is NaN or infinite (short of an overflow).
inline double sum_of_block(const float* x, std::int64_t n) {
  FloatVector sum = {};
  std::int64_t i = 0;
  for (; i + simd_lanes <= n; i += simd_lanes) sum += load(x + i);
  double total = sum_of_lanes(sum);
  for (; i < n; ++i) total += static_cast<double>(x[i]);
  return total;
}

template <bool with_statistics>
inline void assign_block(const float* x, float* y, std::int64_t n, const float* thresholds,
                         const float* levels, int threshold_count, Above above) {
  const auto from = [above](int t) { return Above{above.counts + t, above.sums + t}; };
  int t = 0;
  for (; t + thresholds_per_sweep <= threshold_count; t += thresholds_per_sweep) {
    sweep<thresholds_per_sweep, with_statistics>(x, y, n, t == 0, levels[0], thresholds + t,
                                                 levels + t + 1, from(t));
  }
  // 2^K - 1 thresholds leave 0 (even K) or 1 (odd K) after sweeps of three.
  for (; t < threshold_count; ++t) {
    sweep<1, with_statistics>(x, y, n, t == 0, levels[0], thresholds + t, levels + t + 1, from(t));
  }
}

/// Assigns n <= assign_block_size values (y must not alias x) and adds to `above`
/// (threshold_count entries; ignored when its pointers are null) and to `total`.
inline void assign_levels(const float* x, float* y, std::int64_t n, const float* thresholds,
                          const float* levels, int threshold_count, Above above, double& total) {
  total += sum_of_block(x, n);
  if (above.counts != nullptr) {
    assign_block<true>(x, y, n, thresholds, levels, threshold_count, above);
  } else {
    assign_block<false>(x, y, n, thresholds, levels, threshold_count, above);
  }
}

}  // namespace
}  // namespace lq::kernels
