#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/batch_norm/batch_norm.h"
#include "kernels/common/bitpack/bitpack.h"

namespace lq::kernels::reference {

template <typename T>
void BatchNormLoops<T>::statistics(const T* x, T* mean, T* variance) const {
  for (std::int64_t c = 0; c < channels; ++c) {
    double sum = 0;
    for (std::int64_t m = 0; m < rows; ++m) sum += static_cast<double>(x[m * channels + c]);
    const double average = sum / static_cast<double>(rows);
    double squares = 0;
    for (std::int64_t m = 0; m < rows; ++m) {
      const double difference = static_cast<double>(x[m * channels + c]) - average;
      squares += difference * difference;
    }
    mean[c] = static_cast<T>(average);
    variance[c] = static_cast<T>(squares / static_cast<double>(rows));
  }
}

template <typename T>
void BatchNormLoops<T>::normalize(const T* x, const T* mean, const T* variance, T* z) const {
  for (std::int64_t m = 0; m < rows; ++m) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const T normal = (x[m * channels + c] - mean[c]) / std::sqrt(variance[c] + epsilon);
      z[m * channels + c] =
          (gamma != nullptr ? gamma[c] : T{1}) * normal + (beta != nullptr ? beta[c] : T{0});
    }
  }
}

template <typename T>
void BatchNormLoops<T>::backward(const T* grad_z, const T* x, const T* mean, const T* variance,
                                 bool batch_statistics, T* grad_x, T* grad_gamma,
                                 T* grad_beta) const {
  for (std::int64_t c = 0; c < channels; ++c) {
    const double deviation = std::sqrt(static_cast<double>(variance[c] + epsilon));
    const double scale = (gamma != nullptr ? static_cast<double>(gamma[c]) : 1.0) / deviation;
    auto normal = [&](std::int64_t m) {
      return static_cast<double>(x[m * channels + c] - mean[c]) / deviation;
    };
    double sum = 0;
    double sum_normal = 0;
    for (std::int64_t m = 0; m < rows; ++m) {
      const auto gradient = static_cast<double>(grad_z[m * channels + c]);
      sum += gradient;
      sum_normal += gradient * normal(m);
    }
    if (grad_gamma != nullptr) grad_gamma[c] = static_cast<T>(sum_normal);
    if (grad_beta != nullptr) grad_beta[c] = static_cast<T>(sum);
    for (std::int64_t m = 0; m < rows; ++m) {
      double gradient = static_cast<double>(grad_z[m * channels + c]);
      if (batch_statistics) {
        gradient -= (sum + normal(m) * sum_normal) / static_cast<double>(rows);
      }
      grad_x[m * channels + c] = static_cast<T>(scale * gradient);
    }
  }
}

template struct BatchNormLoops<float>;
template struct BatchNormLoops<double>;

namespace {

BatchNormLoops<float> loops(ConstView<float> x, const BatchNormParameters& parameters) {
  return {x.shape[0], x.shape[1], parameters.gamma.data, parameters.beta.data,
          static_cast<float>(parameters.epsilon)};
}

void deliver(const std::vector<float>& from, View<float> to, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  for (std::int64_t i = 0; i < to.elements(); ++i) {
    to[i] = mode == GradientMode::accumulate ? to[i] + from[i] : from[i];
  }
}

}  // namespace

void batch_norm_statistics(Stream&, ConstView<float> x, View<float> mean, View<float> variance) {
  loops(x, {}).statistics(x.data, mean.data, variance.data);
}

void batch_norm_update_running(Stream&, ConstView<float> mean, ConstView<float> variance,
                               const BatchNormRunning& running) {
  const auto values = static_cast<double>(running.values);
  const double unbiased = running.values > 1 ? values / (values - 1.0) : 1.0;
  auto blend = [&](float& old, double update) {
    old = static_cast<float>(running.decay * static_cast<double>(old) +
                             (1.0 - running.decay) * update);
  };
  for (std::int64_t c = 0; c < mean.elements(); ++c) {
    blend(running.mean[c], static_cast<double>(mean[c]));
    blend(running.variance[c], static_cast<double>(variance[c]) * unbiased);
  }
}

void batch_norm_forward(Stream& stream, ConstView<float> x, const BatchNormParameters& parameters,
                        const BatchNormActivation& activation, View<float> y) {
  loops(x, parameters).normalize(x.data, parameters.mean.data, parameters.variance.data, y.data);
  const LevelTableView& table = activation.table;
  const LevelStatistics& statistics = activation.statistics;
  if (statistics.non_finite) statistics.non_finite[0] = 0;
  for (std::int64_t l = 0; table && l < table.size(); ++l) {
    if (statistics.counts) statistics.counts[l] = 0;
    if (statistics.sums) statistics.sums[l] = 0;
  }
  for (float& value : y) {
    if (activation.relu && value <= 0) value = 0;  // NaN stays
    if (!table) continue;
    if (statistics.non_finite && !std::isfinite(value)) statistics.non_finite[0] = 1;
    const auto position = std::count_if(table.thresholds.begin(), table.thresholds.end(),
                                        [&](float threshold) { return value > threshold; });
    if (statistics.counts) statistics.counts[position] += 1;
    if (statistics.sums) statistics.sums[position] += static_cast<double>(value);
    value = table.levels[position];
  }
  if (table && activation.planes) {
    reference::bitpack_forward(stream, y, table, activation.planes);
  }
}

void batch_norm_backward(Stream&, ConstView<float> grad_y, ConstView<float> x,
                         const BatchNormParameters& parameters,
                         const BatchNormBackwardOptions& options,
                         const BatchNormGradients& gradients) {
  const BatchNormLoops<float> batch_norm = loops(x, parameters);
  const float* mean = parameters.mean.data;
  const float* variance = parameters.variance.data;
  std::vector<float> z(x.elements());
  batch_norm.normalize(x.data, mean, variance, z.data());
  std::vector<float> grad_z(grad_y.begin(), grad_y.end());
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    const bool stopped_by_relu = options.relu && !(z[i] > 0);
    const bool in_range =
        !options.pass_range || (z[i] > options.pass_range[0] && z[i] <= options.pass_range[1]);
    if (stopped_by_relu || !in_range) grad_z[i] = 0;
  }
  std::vector<float> grad_x(x.elements());
  std::vector<float> grad_gamma(x.shape[1]);
  std::vector<float> grad_beta(x.shape[1]);
  batch_norm.backward(grad_z.data(), x.data, mean, variance, options.batch_statistics,
                      grad_x.data(), grad_gamma.data(), grad_beta.data());
  deliver(grad_x, gradients.x, gradients.x_mode);
  deliver(grad_gamma, gradients.gamma, gradients.gamma_mode);
  deliver(grad_beta, gradients.beta, gradients.beta_mode);
}

}  // namespace lq::kernels::reference
