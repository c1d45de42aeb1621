#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "core/threads.h"
#include "kernels/batch_norm/batch_norm.h"
#include "kernels/batch_norm/batch_norm_isa.h"
#include "kernels/common/bitpack/bitpack_isa.h"
#include "kernels/common/isa_variants.h"
#include "kernels/common/level_statistics.h"

namespace lq::kernels::cpu {

namespace {

constexpr std::int64_t period_target = 1024;  // values: a few such arrays fit L1
// A chunk is a number of periods: at most 256 KiB per stream, a fraction of L2, and at least so
// much that folding the per-period sums of a chunk is small beside gathering them. In between, as
// many chunks as keep every core of a large machine busy. Of shapes alone, never of threads.
constexpr std::int64_t fewest_periods = 8;
constexpr std::int64_t most_periods = 64;
constexpr std::int64_t wanted_chunks = 32;

/// How a tensor of M x C is cut: periods of whole pixels, chunks of whole periods.
struct Cut {
  explicit Cut(const Shape& shape)
      : channels(shape[1]),
        elements(shape.elements()),
        period(channels * std::max<std::int64_t>(period_target / channels, 1)),
        chunk(period *
              std::clamp(elements / (period * wanted_chunks), fewest_periods, most_periods)),
        chunks((elements + chunk - 1) / chunk) {}

  BatchNormRun run(const float* x, std::int64_t at) const {
    return {x + at * chunk, length(at), period};
  }
  /// Of the M rows, how many a chunk has.
  double rows(std::int64_t at) const { return static_cast<double>(length(at) / channels); }

  /// Per-channel values, repeated to the length of a period.
  template <typename Value>
  std::vector<float> repeated(Value value) const {
    std::vector<float> result(period);
    for (std::int64_t c = 0; c < channels; ++c) result[c] = static_cast<float>(value(c));
    for (std::int64_t i = channels; i < period; ++i) result[i] = result[i - channels];
    return result;
  }

  std::int64_t length(std::int64_t at) const { return std::min(chunk, elements - at * chunk); }

  std::int64_t channels;
  std::int64_t elements;
  std::int64_t period;
  std::int64_t chunk;  // values
  std::int64_t chunks;
};

/// sums[c] += the values of channel c in an array of one period.
void fold(const Cut& cut, const float* slots, double* sums) {
  for (std::int64_t pixel = 0; pixel < cut.period; pixel += cut.channels) {
    for (std::int64_t c = 0; c < cut.channels; ++c) {
      sums[c] += static_cast<double>(slots[pixel + c]);
    }
  }
}

/// Two per-channel sums of a chunk, gathered in single precision by fill(first, second), which
/// adds to two arrays of one period each, and added to `first` and `second` (C) in double.
template <typename Fill>
void gather(const Cut& cut, Fill&& fill, double* first, double* second) {
  std::vector<float> slots(2 * cut.period, 0.0F);
  fill(slots.data(), slots.data() + cut.period);
  fold(cut, slots.data(), first);
  fold(cut, slots.data() + cut.period, second);
}

/// Two numbers per channel and chunk.
class ChunkedPairs {
 public:
  explicit ChunkedPairs(const Cut& cut)
      : channels_(cut.channels), chunks_(cut.chunks), values_(2 * channels_ * chunks_, 0.0) {}

  double* first(std::int64_t chunk) { return values_.data() + 2 * channels_ * chunk; }
  double* second(std::int64_t chunk) { return first(chunk) + channels_; }

  /// Adds all chunks to the first one, in order.
  void add_up() {
    for (std::int64_t chunk = 1; chunk < chunks_; ++chunk) {
      for (std::int64_t i = 0; i < 2 * channels_; ++i) first(0)[i] += first(chunk)[i];
    }
  }

 private:
  std::int64_t channels_;
  std::int64_t chunks_;
  std::vector<double> values_;
};

const BatchNormKernels& kernels() {
  return choose_isa<BatchNormKernels>(LQNET_VECTOR_ISAS(batch_norm_kernels));
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

/// Mean of a chunk, and sum of the squared differences from it, per channel. Two passes, the second
/// of which finds the chunk in cache: squares are of differences from a value that is near the
/// chunk's mean whatever single values are, so that nothing cancels.
void chunk_moments(const Cut& cut, const BatchNormRun& run, double* mean, double* squares) {
  const auto rows = static_cast<double>(run.n / cut.channels);
  const auto first_row = cut.repeated([&](std::int64_t c) { return run.x[c]; });
  std::vector<float> slots(cut.period, 0.0F);
  kernels().sums(run, first_row.data(), slots.data());
  std::vector<double> sums(cut.channels, 0.0);
  fold(cut, slots.data(), sums.data());
  const auto shift = cut.repeated(
      [&](std::int64_t c) { return static_cast<double>(first_row[c]) + sums[c] / rows; });
  gather(
      cut, [&](float* sum, float* square) { kernels().moments(run, shift.data(), sum, square); },
      mean, squares);
  for (std::int64_t c = 0; c < cut.channels; ++c) {
    const double average = mean[c] / rows;
    squares[c] = std::max(squares[c] - mean[c] * average, 0.0);
    mean[c] = static_cast<double>(shift[c]) + average;
  }
}

}  // namespace

void batch_norm_statistics(Stream&, ConstView<float> x, View<float> mean, View<float> variance) {
  const Cut cut(x.shape);
  ChunkedPairs moments(cut);
  parallel_for(cut.chunks, [&](std::int64_t chunk) {
    chunk_moments(cut, cut.run(x.data, chunk), moments.first(chunk), moments.second(chunk));
  });
  // Chan, Golub and LeVeque (1983): squares within the chunks, and between their means.
  const auto rows = static_cast<double>(x.shape[0]);
  for (std::int64_t c = 0; c < cut.channels; ++c) {
    double sum = 0;
    for (std::int64_t chunk = 0; chunk < cut.chunks; ++chunk) {
      sum += cut.rows(chunk) * moments.first(chunk)[c];
    }
    const double average = sum / rows;
    double squares = 0;
    for (std::int64_t chunk = 0; chunk < cut.chunks; ++chunk) {
      const double difference = moments.first(chunk)[c] - average;
      squares += moments.second(chunk)[c] + cut.rows(chunk) * difference * difference;
    }
    mean[c] = static_cast<float>(average);
    variance[c] = static_cast<float>(squares / rows);
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
  std::optional<CodePacker> packer;
  if (table && activation.planes) packer.emplace(table, cut.channels, activation.planes);

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
    if (packer) {
      const std::int64_t first = chunk * cut.chunk;
      packer->pack(y.data + first, first / cut.channels,
                   (first + cut.length(chunk)) / cut.channels);
    }
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
  ChunkedPairs partial(cut);
  parallel_for(cut.chunks, [&](std::int64_t chunk) {
    gather(
        cut,
        [&](float* sum, float* product) {
          kernels().backward_sums(run(chunk), mean.data(), sum, product);
        },
        partial.first(chunk), partial.second(chunk));
  });
  partial.add_up();
  const double* const sums = partial.first(0);
  const double* const products = partial.second(0);
  for (std::int64_t c = 0; c < cut.channels; ++c) {
    deliver(gradients.beta, gradients.beta_mode, c, sums[c]);
    deliver(gradients.gamma, gradients.gamma_mode, c, products[c] * affine.inverse_deviation(c));
  }
  if (gradients.x_mode == GradientMode::ignore) return;

  // grad_x = scale * (grad_z - mean(grad_z) - normal * mean(grad_z * normal)), as a line in x.
  const double weight = options.batch_statistics ? 1.0 / static_cast<double>(x.shape[0]) : 0.0;
  auto slope_of = [&](std::int64_t c) {
    const double inverse = affine.inverse_deviation(c);
    return -weight * affine.scale(c) * inverse * inverse * products[c];
  };
  const auto slope = cut.repeated(slope_of);
  const auto constant = cut.repeated([&](std::int64_t c) {
    return -weight * affine.scale(c) * sums[c] -
           slope_of(c) * static_cast<double>(parameters.mean[c]);
  });
  parallel_for(cut.chunks, [&](std::int64_t chunk) {
    kernels().backward_input(run(chunk), slope.data(), constant.data(),
                             gradients.x.data + chunk * cut.chunk,
                             gradients.x_mode == GradientMode::accumulate);
  });
}

}  // namespace lq::kernels::cpu
