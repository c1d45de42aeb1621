#include "core/threads.h"
#include "kernels/relu/relu.h"

namespace lq::kernels::cpu {

namespace {
constexpr std::int64_t grain = 1 << 15;  // elements per chunk: 128 KiB, a fraction of L2
}

void relu_forward(Stream&, ConstView<float> x, View<float> y) {
  parallel_for_ranges(x.elements(), grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) y[i] = x[i] <= 0.0F ? 0.0F : x[i];
  });
}

void relu_backward(Stream&, ConstView<float> grad_y, ConstView<float> y, View<float> grad_x,
                   GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  // Reads the gradient in any case: a loop that branches is not made into vectors.
  const auto gradient = [&](std::int64_t i) {
    const float value = grad_y[i];
    return y[i] > 0.0F ? value : 0.0F;
  };
  parallel_for_ranges(y.elements(), grain, [&](std::int64_t begin, std::int64_t end) {
    if (mode == GradientMode::accumulate) {
      for (std::int64_t i = begin; i < end; ++i) grad_x[i] += gradient(i);
    } else {
      for (std::int64_t i = begin; i < end; ++i) grad_x[i] = gradient(i);
    }
  });
}

}  // namespace lq::kernels::cpu
