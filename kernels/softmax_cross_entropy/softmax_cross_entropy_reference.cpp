#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "kernels/softmax_cross_entropy/softmax_cross_entropy.h"

namespace lq::kernels::reference {

template <typename T>
void softmax_cross_entropy_forward_loops(ConstView<T> logits, ConstView<std::int32_t> labels,
                                         View<T> probabilities, View<T> loss) {
  const std::int64_t batch = logits.shape[0], classes = logits.shape[1];
  double total = 0.0;
  for (std::int64_t n = 0; n < batch; ++n) {
    const T* const row = logits.data + n * classes;
    const double largest = *std::max_element(row, row + classes);
    double sum = 0.0;
    for (std::int64_t k = 0; k < classes; ++k) sum += std::exp(row[k] - largest);
    total += std::log(sum) + (largest - row[labels[n]]);
    for (std::int64_t k = 0; k < classes; ++k) {
      probabilities[n * classes + k] = static_cast<T>(std::exp(row[k] - largest) / sum);
    }
  }
  loss[0] = static_cast<T>(total / static_cast<double>(batch));
}

template <typename T>
void softmax_cross_entropy_backward_loops(ConstView<T> grad_loss, ConstView<T> probabilities,
                                          ConstView<std::int32_t> labels, View<T> grad_logits,
                                          GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  const std::int64_t batch = probabilities.shape[0], classes = probabilities.shape[1];
  for (std::int64_t n = 0; n < batch; ++n) {
    for (std::int64_t k = 0; k < classes; ++k) {
      const std::int64_t i = n * classes + k;
      const double target = k == labels[n] ? 1.0 : 0.0;
      const double gradient =
          grad_loss[0] * (probabilities[i] - target) / static_cast<double>(batch);
      const double before = mode == GradientMode::accumulate ? grad_logits[i] : 0.0;
      grad_logits[i] = static_cast<T>(before + gradient);
    }
  }
}

template void softmax_cross_entropy_forward_loops<float>(ConstView<float>, ConstView<std::int32_t>,
                                                         View<float>, View<float>);
template void softmax_cross_entropy_forward_loops<double>(ConstView<double>,
                                                          ConstView<std::int32_t>, View<double>,
                                                          View<double>);
template void softmax_cross_entropy_backward_loops<float>(ConstView<float>, ConstView<float>,
                                                          ConstView<std::int32_t>, View<float>,
                                                          GradientMode);
template void softmax_cross_entropy_backward_loops<double>(ConstView<double>, ConstView<double>,
                                                           ConstView<std::int32_t>, View<double>,
                                                           GradientMode);

void softmax_cross_entropy_forward(Stream&, ConstView<float> logits, ConstView<std::int32_t> labels,
                                   View<float> probabilities, View<float> loss) {
  softmax_cross_entropy_forward_loops<float>(logits, labels, probabilities, loss);
}

void softmax_cross_entropy_backward(Stream&, ConstView<float> grad_loss,
                                    ConstView<float> probabilities, ConstView<std::int32_t> labels,
                                    View<float> grad_logits, GradientMode mode) {
  softmax_cross_entropy_backward_loops<float>(grad_loss, probabilities, labels, grad_logits, mode);
}

void count_correct(Stream&, ConstView<float> logits, ConstView<std::int32_t> labels,
                   View<std::int64_t> counts) {
  const std::int64_t batch = logits.shape[0], classes = logits.shape[1];
  std::fill_n(counts.data, counts.elements(), 0);
  for (std::int64_t n = 0; n < batch; ++n) {
    const float* const row = logits.data + n * classes;
    const bool has_nan =
        std::any_of(row, row + classes, [](float logit) { return std::isnan(logit); });
    if (has_nan) continue;
    std::vector<std::int64_t> order(classes);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [row](std::int64_t a, std::int64_t b) { return row[a] > row[b]; });
    for (std::int64_t t = 0; t < counts.elements(); ++t) {
      counts[t] += std::count(order.begin(), order.begin() + t + 1, labels[n]);
    }
  }
}

}  // namespace lq::kernels::reference
