#include "apps/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

#include "core/error.h"
#include "core/stream.h"
#include "kernels/histogram/histogram.h"

namespace lq::apps {

namespace {

/// Floats by their places: 0 has 0, the next ones above 1, 2, ..., below -1, -2, ...
std::int64_t place_of(float value) {
  const auto magnitude = static_cast<std::int64_t>(std::bit_cast<std::uint32_t>(std::fabs(value)));
  return value < 0 ? -magnitude : magnitude;
}

float value_at(std::int64_t place) {
  const auto magnitude = std::bit_cast<float>(static_cast<std::uint32_t>(std::abs(place)));
  return place < 0 ? -magnitude : magnitude;
}

constexpr float largest = std::numeric_limits<float>::max();

std::int64_t nearest_rank(std::int64_t count, double fraction) {
  return static_cast<std::int64_t>(std::round(fraction * static_cast<double>(count - 1)));
}

}  // namespace

void ValueList::add(Tensor values) { tensors_.push_back(std::move(values)); }

std::int64_t ValueList::size() const {
  std::int64_t size = 0;
  for (const Tensor& tensor : tensors_) size += tensor.elements();
  return size;
}

std::vector<std::int64_t> ValueList::counts(std::span<const float> edges) const {
  std::vector<std::int64_t> total(edges.size() + 2);
  for (const Tensor& tensor : tensors_) {
    Tensor counts({std::ssize(total)}, DType::i32, tensor.device());
    kernels::histogram(current_stream(tensor.device()), tensor.view<float>(), edges,
                       counts.view<std::int32_t>());
    const Tensor host = counts.to(Device{});
    std::ranges::transform(total, host.span<std::int32_t>(), total.begin(), std::plus());
  }
  return total;
}

Histogram histogram(const ValueList& values, float low, float high, int bins) {
  check(low < high, "histogram: range [{}, {}], expected low < high", low, high);
  check(bins >= 1 && bins <= 10000, "histogram: {} bins, expected 1 to 10000", bins);
  Histogram result{.low = low, .high = high};
  const double width = (result.high - result.low) / bins;
  std::vector<float> edges;
  for (int i = 0; i < bins; ++i) edges.push_back(static_cast<float>(result.low + i * width));
  edges.push_back(high);
  const std::vector<std::int64_t> counts = values.counts(edges);
  result.below = counts[0];
  result.counts.assign(counts.begin() + 1, counts.end() - 2);
  result.above = counts[counts.size() - 2];
  result.not_a_number = counts.back();
  return result;
}

double quantile(std::span<float> values, double fraction) {
  check(!values.empty(), "quantile: of no values");
  const std::int64_t rank = nearest_rank(std::ssize(values), fraction);
  std::ranges::nth_element(values, values.begin() + rank);
  return values[static_cast<std::size_t>(rank)];
}

// Counts in bins, then in parts of the bin that the rank falls into, until bins are single floats:
// three times, since there are fewer than 2048^3 floats.
std::optional<float> quantile(const ValueList& values, double fraction) {
  constexpr std::int64_t most_bins = 2048;
  std::int64_t first = place_of(-largest), last = place_of(largest);
  std::int64_t rank = -1;  // among all numbers, -infinity included; not known yet
  while (true) {
    const std::int64_t step = (last - first) / most_bins + 1;
    std::vector<float> edges;
    for (std::int64_t place = first; place <= last; place += step) edges.push_back(value_at(place));
    edges.push_back(value_at(last));
    const std::vector<std::int64_t> counts = values.counts(edges);
    if (rank < 0) {
      std::int64_t finite = 0;
      for (std::size_t bin = 1; bin + 2 < counts.size(); ++bin) finite += counts[bin];
      if (finite == 0) return std::nullopt;
      rank = counts[0] + nearest_rank(finite, fraction);
    }
    std::int64_t bin = 0;
    for (std::int64_t up_to = counts[0];
         (up_to += counts[static_cast<std::size_t>(bin + 1)]) <= rank; ++bin) {
    }
    first += bin * step;
    last = std::min(last, first + step - 1);
    if (first == last) return value_at(first);
  }
}

}  // namespace lq::apps
