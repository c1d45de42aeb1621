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
template <typename RowValue>
double sum_over_rows(std::int64_t rows, std::int64_t classes, RowValue&& row_value) {
  const std::int64_t grain = rows_per_chunk(classes);
  std::vector<double> partial(static_cast<std::size_t>((rows + grain - 1) / grain), 0.0);
  parallel_for_ranges(rows, grain, [&](std::int64_t begin, std::int64_t end) {
    double sum = 0.0;
    for (std::int64_t n = begin; n < end; ++n) sum += row_value(n);
    partial[begin / grain] = sum;
  });
  return std::accumulate(partial.begin(), partial.end(), 0.0);
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

/// How many classes come before the label; all of them where a logit is a NaN.
std::int64_t classes_before(const float* logits, std::int64_t classes, std::int32_t label) {
  const float at_label = logits[label];
  std::int64_t before = 0;
  bool has_nan = false;
  for (std::int64_t k = 0; k < label; ++k) before += logits[k] >= at_label ? 1 : 0;
  for (std::int64_t k = label + 1; k < classes; ++k) before += logits[k] > at_label ? 1 : 0;
  for (std::int64_t k = 0; k < classes; ++k) has_nan |= std::isnan(logits[k]);
  return has_nan ? classes : before;
}

}  // namespace

void softmax_cross_entropy_forward(Stream&, ConstView<float> logits, ConstView<std::int32_t> labels,
                                   View<float> probabilities, View<float> loss) {
  const std::int64_t batch = logits.shape[0], classes = logits.shape[1];
  const double total = sum_over_rows(batch, classes, [&](std::int64_t n) {
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
                   View<std::int64_t> counts) {
  const std::int64_t batch = logits.shape[0], classes = logits.shape[1];
  std::vector<std::int64_t> before(static_cast<std::size_t>(batch));
  parallel_for_ranges(batch, rows_per_chunk(classes), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      before[n] = classes_before(logits.data + n * classes, classes, labels[n]);
    }
  });
  const std::int64_t tops = counts.elements();
  std::fill_n(counts.data, tops, 0);
  for (const std::int64_t place : before) {
    if (place < tops) ++counts[place];
  }
  std::partial_sum(counts.data, counts.data + tops, counts.data);
}

}  // namespace lq::kernels::cpu
