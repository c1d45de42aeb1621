#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "core/threads.h"
#include "kernels/softmax_cross_entropy/softmax_cross_entropy.h"

namespace lq::kernels::cpu {

namespace {

constexpr std::int64_t elements_per_chunk = 1 << 12;  // some 20 us of exp()

std::int64_t rows_per_chunk(std::int64_t classes) {
  return std::max<std::int64_t>(1, elements_per_chunk / classes);
}

/// Adds up row_value(n) over all rows: a partial sum per chunk, these in order.
template <typename Sum, typename RowValue>
Sum sum_over_rows(std::int64_t rows, std::int64_t classes, RowValue&& row_value) {
  const std::int64_t grain = rows_per_chunk(classes);
  std::vector<Sum> partial(static_cast<std::size_t>((rows + grain - 1) / grain), Sum{});
  parallel_for_ranges(rows, grain, [&](std::int64_t begin, std::int64_t end) {
    Sum sum{};
    for (std::int64_t n = begin; n < end; ++n) sum += row_value(n);
    partial[begin / grain] = sum;
  });
  return std::accumulate(partial.begin(), partial.end(), Sum{});
}

/// Writes the probabilities of one row, which may be the logits' own memory, and returns the
/// row's loss.
double softmax_row(const float* logits, std::int64_t classes, std::int32_t label,
                   float* probabilities) {
  float largest = -std::numeric_limits<float>::infinity();
  for (std::int64_t k = 0; k < classes; ++k) largest = std::max(largest, logits[k]);
  const double label_logit = logits[label];
  double sum = 0.0;
  for (std::int64_t k = 0; k < classes; ++k) {
    probabilities[k] = std::exp(logits[k] - largest);
    sum += probabilities[k];
  }
  const auto scale = static_cast<float>(1.0 / sum);
  for (std::int64_t k = 0; k < classes; ++k) probabilities[k] *= scale;
  return std::log(sum) + (largest - label_logit);
}

/// Whether fewer than `top` classes come before the label, and no logit is a NaN.
bool is_correct(const float* logits, std::int64_t classes, std::int32_t label, std::int64_t top) {
  const float at_label = logits[label];
  std::int64_t before = 0;
  bool has_nan = false;
  for (std::int64_t k = 0; k < label; ++k) before += logits[k] >= at_label ? 1 : 0;
  for (std::int64_t k = label + 1; k < classes; ++k) before += logits[k] > at_label ? 1 : 0;
  for (std::int64_t k = 0; k < classes; ++k) has_nan |= std::isnan(logits[k]);
  return !has_nan && before < top;
}

}  // namespace

void softmax_cross_entropy_forward(Stream&, ConstView<float> logits, ConstView<std::int32_t> labels,
                                   View<float> probabilities, View<float> loss) {
  const std::int64_t batch = logits.shape[0], classes = logits.shape[1];
  const double total = sum_over_rows<double>(batch, classes, [&](std::int64_t n) {
    return softmax_row(logits.data + n * classes, classes, labels[n],
                       probabilities.data + n * classes);
  });
  loss[0] = static_cast<float>(total / static_cast<double>(batch));
}

void softmax_cross_entropy_backward(Stream&, ConstView<float> grad_loss,
                                    ConstView<float> probabilities, ConstView<std::int32_t> labels,
                                    View<float> grad_logits, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  const std::int64_t batch = probabilities.shape[0], classes = probabilities.shape[1];
  const float scale = grad_loss[0] / static_cast<float>(batch);
  const bool add = mode == GradientMode::accumulate;
  parallel_for_ranges(batch, rows_per_chunk(classes), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      for (std::int64_t k = 0; k < classes; ++k) {
        const std::int64_t i = n * classes + k;
        const float gradient = scale * (probabilities[i] - (k == labels[n] ? 1.0F : 0.0F));
        grad_logits[i] = add ? grad_logits[i] + gradient : gradient;
      }
    }
  });
}

void count_correct(Stream&, ConstView<float> logits, ConstView<std::int32_t> labels,
                   std::int64_t top, View<std::int64_t> count) {
  const std::int64_t batch = logits.shape[0], classes = logits.shape[1];
  count[0] = sum_over_rows<std::int64_t>(batch, classes, [&](std::int64_t n) {
    return is_correct(logits.data + n * classes, classes, labels[n], top) ? 1 : 0;
  });
}

}  // namespace lq::kernels::cpu
