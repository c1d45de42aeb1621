#include "kernels/common/check_view.h"
#include "kernels/common/dispatch.h"
#include "kernels/histogram/histogram.h"

namespace lq::kernels {

void histogram(Stream& stream, ConstView<float> values, std::span<const float> edges,
               View<std::int32_t> counts) {
  constexpr std::string_view operation = "histogram";
  const auto bins = static_cast<std::int64_t>(edges.size()) - 1;
  check(bins >= 1 && bins <= max_histogram_bins, "{}: {} edges, expected 2 to {}", operation,
        edges.size(), max_histogram_bins + 1);
  for (std::int64_t b = 0; b < bins; ++b) {
    check(edges[b] <= edges[b + 1], "{}: edges {} and {} are {} and {}, expected none that descend",
          operation, b, b + 1, edges[b], edges[b + 1]);
  }
  check_view(operation, "values", stream, values, values.shape);
  constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
  check(values.elements() <= most, "{}: {} values, expected at most {}", operation,
        values.elements(), most);
  check_view(operation, "counts", stream, counts, {bins + 3});
  choose<Histogram>(operation, stream,
                    {reference::histogram, cpu::histogram, LQNET_CUDA_KERNEL(cuda::histogram)})(
      stream, values, edges, counts);
}

}  // namespace lq::kernels
