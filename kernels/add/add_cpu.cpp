#include "core/threads.h"
#include "kernels/add/add.h"

namespace lq::kernels::cpu {

namespace {
constexpr std::int64_t grain = 1 << 15;  // elements per chunk: 128 KiB, a fraction of L2
}

void add_forward(Stream&, ConstView<float> a, ConstView<float> b, View<float> y) {
  parallel_for_ranges(y.elements(), grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) y[i] = a[i] + b[i];
  });
}

void add_into(Stream&, View<float> y, ConstView<float> x) {
  parallel_for_ranges(y.elements(), grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) y[i] += x[i];
  });
}

}  // namespace lq::kernels::cpu
