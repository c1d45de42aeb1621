#include "deploy/buffer_plan.h"

#include <algorithm>
#include <numeric>

#include "kernels/common/aligned_vector.h"

namespace lq::deploy {

namespace {

using kernels::cache_line_bytes;

bool live_together(const BufferRequest& a, const BufferRequest& b) {
  return a.first <= b.last && b.first <= a.last;
}

std::size_t whole_lines(std::size_t bytes) {
  return (bytes + cache_line_bytes - 1) / cache_line_bytes * cache_line_bytes;
}

}  // namespace

BufferPlan plan_buffers(std::span<const BufferRequest> requests) {
  std::vector<std::size_t> by_size(requests.size());
  std::iota(by_size.begin(), by_size.end(), std::size_t{0});
  std::ranges::stable_sort(by_size, std::ranges::greater{},
                           [&](std::size_t i) { return requests[i].bytes; });
  BufferPlan plan{.offsets = std::vector<std::size_t>(requests.size(), 0)};
  std::vector<std::size_t> placed;  // by rising offset
  for (const std::size_t i : by_size) {
    const std::size_t bytes = whole_lines(requests[i].bytes);
    std::size_t offset = 0;
    for (const std::size_t other : placed) {
      if (!live_together(requests[i], requests[other])) continue;
      if (offset + bytes <= plan.offsets[other]) break;
      offset = std::max(offset, plan.offsets[other] + whole_lines(requests[other].bytes));
    }
    plan.offsets[i] = offset;
    plan.bytes = std::max(plan.bytes, offset + bytes);
    placed.insert(std::ranges::upper_bound(placed, offset, {},
                                           [&](std::size_t j) { return plan.offsets[j]; }),
                  i);
  }
  return plan;
}

}  // namespace lq::deploy
