#include <algorithm>
#include <cmath>
#include <mutex>
#include <vector>

#include "core/threads.h"
#include "kernels/histogram/histogram.h"

namespace lq::kernels::cpu {

namespace {

constexpr std::int64_t grain = 1 << 18;  // values per chunk: many times the most bins

/// How many of the edges are no greater than the value. Chooses without branches, which values in
/// no order would mispredict.
std::size_t edges_up_to(std::span<const float> edges, float value) {
  const float* first = edges.data();
  std::size_t left = edges.size();
  while (left > 1) {
    const std::size_t half = left / 2;
    first = first[half - 1] <= value ? first + half : first;
    left -= half;
  }
  return static_cast<std::size_t>(first - edges.data()) + (*first <= value ? 1 : 0);
}

}  // namespace

void histogram(Stream&, ConstView<float> values, std::span<const float> edges,
               View<std::int32_t> counts) {
  std::fill(counts.begin(), counts.end(), 0);
  const std::size_t above = edges.size();
  const float top = edges.back();
  std::mutex mutex;
  parallel_for_ranges(values.elements(), grain, [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::int32_t> own(static_cast<std::size_t>(counts.elements()));
    for (std::int64_t i = begin; i < end; ++i) {
      const float value = values[i];
      std::size_t place = edges_up_to(edges, value);
      if (value == top) place = above - 1;
      if (std::isnan(value)) place = above + 1;
      ++own[place];
    }
    const std::lock_guard lock(mutex);
    std::ranges::transform(own, counts, counts.begin(), std::plus());
  });
}

}  // namespace lq::kernels::cpu
