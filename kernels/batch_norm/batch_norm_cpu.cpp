#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/threads.h"
#include "kernels/batch_norm/batch_norm.h"
#include "kernels/batch_norm/batch_norm_isa.h"
#include "kernels/common/level_statistics.h"

namespace lq::kernels::cpu {

namespace {

constexpr std::int64_t period_target = 1024;    // values: a few such arrays fit L1
constexpr std::int64_t periods_per_chunk = 64;  // 256 KiB per stream: a fraction of L2

/// How a tensor of M x C is cut: periods of whole pixels, chunks of whole periods.
struct Cut {
  explicit Cut(const Shape& shape)
      : channels(shape[1]),
        elements(shape.elements()),
        period(channels * std::max<std::int64_t>(period_target / channels, 1)),
        chunk(period * periods_per_chunk),
        chunks((elements + chunk - 1) / chunk) {}

  BatchNormRun run(const float* x, std::int64_t at) const {
    return {x + at * chunk, std::min(chunk, elements - at * chunk), period};
  }

  /// Per-channel values, repeated to the length of a period.
  template <typename Value>
  std::vector<float> repeated(Value value) const {
    std::vector<float> result(period);
    for (std::int64_t c = 0; c < channels; ++c) result[c] = static_cast<float>(value(c));
    for (std::int64_t i = channels; i < period; ++i) result[i] = result[i - channels];
    return result;
  }

  std::int64_t channels;
  std::int64_t elements;
  std::int64_t period;
  std::int64_t chunk;  // values
  std::int64_t chunks;
};

/// Two per-channel sums, gathered chunk by chunk and added in the order of the chunks.
class ChannelSums {
 public:
  explicit ChannelSums(const Cut& cut) : cut_(cut), partial_(cut.chunks * 2 * cut.channels) {}

  /// fill(chunk, first, second) adds to two arrays of one period each.
  template <typename Fill>
  void gather(Fill&& fill) {
    parallel_for(cut_.chunks, [&](std::int64_t chunk) {
      std::vector<float> slots(2 * cut_.period, 0.0F);
      fill(chunk, slots.data(), slots.data() + cut_.period);
      double* first = partial_.data() + chunk * 2 * cut_.channels;
      double* second = first + cut_.channels;
      for (std::int64_t i = 0, c = 0; i < cut_.period;
           ++i, c = c + 1 == cut_.channels ? 0 : c + 1) {
        first[c] += static_cast<double>(slots[i]);
        second[c] += static_cast<double>(slots[cut_.period + i]);
      }
    });
    for (std::int64_t chunk = 1; chunk < cut_.chunks; ++chunk) {
      for (std::int64_t i = 0; i < 2 * cut_.channels; ++i) {
        partial_[i] += partial_[chunk * 2 * cut_.channels + i];
      }
    }
  }

  double first(std::int64_t c) const { return partial_[c]; }
  double second(std::int64_t c) const { return partial_[cut_.channels + c]; }

 private:
  const Cut& cut_;
  std::vector<double> partial_;
};

const BatchNormKernels& kernels() {
  return choose_isa<BatchNormKernels>(LQNET_ISA_VARIANTS(batch_norm_kernels));
}

/// z = x * scale(c) + offset(c).
struct Affine {
  const BatchNormParameters& parameters;

  double inverse_deviation(std::int64_t c) const {
    return 1.0 / std::sqrt(static_cast<double>(parameters.variance[c]) + parameters.epsilon);
  }
  double scale(std::int64_t c) const {
    return inverse_deviation(c) *
           (parameters.gamma ? static_cast<double>(parameters.gamma[c]) : 1.0);
  }
  double offset(std::int64_t c) const {
    return (parameters.beta ? static_cast<double>(parameters.beta[c]) : 0.0) -
           static_cast<double>(parameters.mean[c]) * scale(c);
  }
};

void deliver(View<float> to, GradientMode mode, std::int64_t c, double gradient) {
  if (mode == GradientMode::overwrite) to[c] = static_cast<float>(gradient);
  if (mode == GradientMode::accumulate) to[c] += static_cast<float>(gradient);
}

}  // namespace

void batch_norm_statistics(Stream&, ConstView<float> x, View<float> mean, View<float> variance) {
  const Cut cut(x.shape);
  const auto shift = cut.repeated([&](std::int64_t c) { return x[c]; });
  ChannelSums sums(cut);
  sums.gather([&](std::int64_t chunk, float* sum, float* squares) {
    kernels().moments(cut.run(x.data, chunk), shift.data(), sum, squares);
  });
  const auto rows = static_cast<double>(x.shape[0]);
  for (std::int64_t c = 0; c < cut.channels; ++c) {
    const double average = sums.first(c) / rows;
    mean[c] = static_cast<float>(static_cast<double>(x[c]) + average);
    variance[c] = static_cast<float>(std::max(sums.second(c) / rows - average * average, 0.0));
  }
}

void batch_norm_forward(Stream&, ConstView<float> x, const BatchNormParameters& parameters,
                        const BatchNormActivation& activation, View<float> y) {
  const Cut cut(x.shape);
  const Affine affine{parameters};
  const auto scale = cut.repeated([&](std::int64_t c) { return affine.scale(c); });
  const auto offset = cut.repeated([&](std::int64_t c) { return affine.offset(c); });
  const LevelTableView& table = activation.table;
  const LevelStatistics& statistics = activation.statistics;
  const bool wanted = statistics.counts || statistics.sums;
  ChunkedLevelStatistics partial(cut.chunks, table ? table.size() : 1, table && wanted);

  parallel_for(cut.chunks, [&](std::int64_t chunk) {
    std::vector<float> activated(table ? cut.period : 0);
    kernels().forward({.run = cut.run(x.data, chunk),
                       .scale = scale.data(),
                       .offset = offset.data(),
                       .relu = activation.relu,
                       .y = y.data + chunk * cut.chunk,
                       .thresholds = table.thresholds.data,
                       .levels = table.levels.data,
                       .threshold_count = table ? static_cast<int>(table.size() - 1) : 0,
                       .above_counts = partial.above_counts(chunk),
                       .above_sums = partial.above_sums(chunk),
                       .total = partial.total(chunk),
                       .activated = activated.data()});
  });
  if (!table) return;
  const bool finite = partial.finish(0, cut.elements, statistics);
  if (statistics.non_finite) statistics.non_finite[0] = finite ? 0 : 1;
}

void batch_norm_backward(Stream&, ConstView<float> grad_y, ConstView<float> x,
                         const BatchNormParameters& parameters,
                         const BatchNormBackwardOptions& options,
                         const BatchNormGradients& gradients) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const Cut cut(x.shape);
  const Affine affine{parameters};
  const auto scale = cut.repeated([&](std::int64_t c) { return affine.scale(c); });
  const auto offset = cut.repeated([&](std::int64_t c) { return affine.offset(c); });
  const float range_low = options.pass_range ? options.pass_range[0] : -infinity;
  const float low = options.relu ? std::max(range_low, 0.0F) : range_low;
  const float high = options.pass_range ? options.pass_range[1] : infinity;
  auto run = [&](std::int64_t chunk) {
    return BatchNormBackwardRun{.run = cut.run(x.data, chunk),
                                .scale = scale.data(),
                                .offset = offset.data(),
                                .low = low,
                                .high = high,
                                .grad_y = grad_y.data + chunk * cut.chunk};
  };

  const auto mean = cut.repeated([&](std::int64_t c) { return parameters.mean[c]; });
  ChannelSums sums(cut);
  sums.gather([&](std::int64_t chunk, float* sum, float* product) {
    kernels().backward_sums(run(chunk), mean.data(), sum, product);
  });
  for (std::int64_t c = 0; c < cut.channels; ++c) {
    deliver(gradients.beta, gradients.beta_mode, c, sums.first(c));
    deliver(gradients.gamma, gradients.gamma_mode, c, sums.second(c) * affine.inverse_deviation(c));
  }
  if (gradients.x_mode == GradientMode::ignore) return;

  // grad_x = scale * (grad_z - mean(grad_z) - normal * mean(grad_z * normal)), as a line in x.
  const double weight = options.batch_statistics ? 1.0 / static_cast<double>(x.shape[0]) : 0.0;
  auto slope_of = [&](std::int64_t c) {
    const double inverse = affine.inverse_deviation(c);
    return -weight * affine.scale(c) * inverse * inverse * sums.second(c);
  };
  const auto slope = cut.repeated(slope_of);
  const auto constant = cut.repeated([&](std::int64_t c) {
    return -weight * affine.scale(c) * sums.first(c) -
           slope_of(c) * static_cast<double>(parameters.mean[c]);
  });
  parallel_for(cut.chunks, [&](std::int64_t chunk) {
    kernels().backward_input(run(chunk), slope.data(), constant.data(),
                             gradients.x.data + chunk * cut.chunk,
                             gradients.x_mode == GradientMode::accumulate);
  });
}

}  // namespace lq::kernels::cpu
