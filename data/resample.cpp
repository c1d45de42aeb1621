#include "data/resample.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "data/wide_loops.h"

namespace lq {

namespace {

/// Keys' cubic convolution kernel, with x in pixels.
double cubic(double x, double a) {
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return a * (((x - 5) * x + 8) * x - 4);
  return 0;
}

double tent(double x) { return std::max(0.0, 1 - std::abs(x)); }

/// As wide on each side of its middle, in pixels, as a filter is that averages where it shrinks.
int support(Interpolation interpolation) {
  return interpolation == Interpolation::bilinear ? 1 : 2;
}

/// Adds weights of the pixels of one axis, of which the first that counts is `first`.
struct Taps {
  int first;
  std::vector<double>& weights;

  void add(int pixel, double weight) {
    const auto k = static_cast<std::size_t>(pixel - first);
    if (k >= weights.size()) weights.resize(k + 1, 0.0);
    weights[k] += weight;
  }
};

/// Returns the first pixel. Both ends are rounded, each on its own: there may be a pixel more
/// between them than `most`, which is at the border of the filter and has no weight.
int antialiased_taps(Interpolation interpolation, const ScaledAxis& axis, int i, int most,
                     std::vector<double>& weights) {
  const double scale = static_cast<double>(axis.source) / axis.target;
  const double stretch = std::max(scale, 1.0);
  const double centre = (i + 0.5) * scale;
  const double reach = support(interpolation) * stretch;
  const int begin = std::max(0, static_cast<int>(centre - reach + 0.5));
  const int end = std::min({axis.source, static_cast<int>(centre + reach + 0.5), begin + most});
  Taps taps{begin, weights};
  double sum = 0;
  for (int pixel = begin; pixel < end; ++pixel) {
    const double x = (pixel + 0.5 - centre) / stretch;
    const double weight = interpolation == Interpolation::bilinear ? tent(x) : cubic(x, -0.5);
    taps.add(pixel, weight);
    sum += weight;
  }
  for (double& weight : weights) weight /= sum;
  return begin;
}

int opencv_taps(const ScaledAxis& axis, int i, std::vector<double>& weights) {
  constexpr double a = -0.75;
  const double scale = static_cast<double>(axis.source) / axis.target;
  const double centre = (i + 0.5) * scale - 0.5;
  const int before = static_cast<int>(std::floor(centre)) - 1;
  const int first = std::clamp(before, 0, axis.source - 1);
  Taps taps{first, weights};
  for (int pixel = before; pixel < before + 4; ++pixel) {
    taps.add(std::clamp(pixel, 0, axis.source - 1), cubic(pixel - centre, a));
  }
  return first;
}

/// sum[i] = weights[0] rows[i] + weights[1] rows[size + i] + ...
template <std::size_t fixed_size>
LQNET_WIDE_INLINE void add_columns(const std::uint8_t* rows, std::size_t size, const float* weights,
                                   std::size_t taps, float* sum) {
  std::array<float, fixed_size> partial;
  for (std::size_t i = 0; i < fixed_size; ++i) {
    partial[i] = weights[0] * static_cast<float>(rows[i]);
  }
  for (std::size_t k = 1; k < taps; ++k) {
    const std::uint8_t* row = rows + k * size;
    for (std::size_t i = 0; i < fixed_size; ++i) {
      partial[i] += weights[k] * static_cast<float>(row[i]);
    }
  }
  for (std::size_t i = 0; i < fixed_size; ++i) sum[i] = partial[i];
}

/// The same for all of `size`: as many columns at a time as vectors hold the sums of.
LQNET_WIDE_LOOPS void add_rows(const std::uint8_t* rows, std::size_t size, const float* weights,
                               std::size_t taps, float* sum) {
  constexpr std::size_t block = 32;
  std::size_t i = 0;
  for (; i + block <= size; i += block) {
    add_columns<block>(rows + i, size, weights, taps, sum + i);
  }
  for (; i < size; ++i) add_columns<1>(rows + i, size, weights, taps, sum + i);
}

/// Two pixels of a row side by side, or their weights, and two lanes more.
constexpr std::size_t pair_lanes = 8;
using PairLanes = float __attribute__((vector_size(pair_lanes * sizeof(float))));

LQNET_WIDE_INLINE PairLanes load_pair(const float* from) {
  PairLanes lanes;
  std::memcpy(&lanes, from, sizeof(lanes));
  return lanes;
}

/// In its first three lanes.
LQNET_WIDE_INLINE PairLanes second_pixel(PairLanes pair) {
#ifdef __clang__
  return __builtin_shufflevector(pair, pair, 3, 4, 5, 6, 7, 0, 1, 2);
#else
  using Places = std::int32_t __attribute__((vector_size(sizeof(PairLanes))));
  return __builtin_shuffle(pair, Places{3, 4, 5, 6, 7, 0, 1, 2});
#endif
}

/// The last pair of a row may be half a pair, and has two lanes more.
constexpr std::size_t extra_values = 3 + 2;

std::size_t pairs_of(const AxisWeights& columns) { return (columns.weights(0).size() + 1) / 2; }

/// Weights of all pixels of the axis, three lanes each.
void pair_weights(const AxisWeights& columns, std::vector<float>& paired) {
  const std::size_t pairs = pairs_of(columns);
  paired.assign(columns.count() * pairs * pair_lanes, 0.0F);
  for (int x = 0; x < columns.count(); ++x) {
    float* to = &paired[x * pairs * pair_lanes];
    const std::span<const float> weights = columns.weights(x);
    for (std::size_t k = 0; k < weights.size(); ++k) {
      std::fill_n(to + (k / 2) * pair_lanes + (k % 2) * 3, 3, weights[k]);
    }
  }
}

/// Colours of a row whose columns are scaled: pixel x is the sum of `pairs` x 2 weights, in
/// PairLanes from weights[x * pairs * pair_lanes] on, times as many pixels from firsts[x] on.
struct RowSums {
  const int* firsts;
  const float* weights;
  std::size_t pairs;
  int count;
};

/// `fixed_pairs` is sums.pairs, or 0 for any number. Of `row` as many values are read as
/// extra_values says beyond its pixels, and of `to` one more than its pixels is written.
template <std::size_t fixed_pairs>
LQNET_WIDE_INLINE void sum_colours(const RowSums& sums, const float* row, float* to) {
  const std::size_t pairs = fixed_pairs == 0 ? sums.pairs : fixed_pairs;
  const float* weights = sums.weights;
  const int* first = sums.firsts;
  for (const int* end = first + sums.count; first < end; ++first) {
    const float* from = row + 3 * static_cast<std::ptrdiff_t>(*first);
    PairLanes sum = load_pair(weights) * load_pair(from);
    for (std::size_t k = 1; k < pairs; ++k) {
      sum += load_pair(weights + k * pair_lanes) * load_pair(from + 6 * k);
    }
    sum += second_pixel(sum);
    std::memcpy(to, &sum, sizeof(PixelLanes));
    weights += pairs * pair_lanes;
    to += 3;
  }
}

LQNET_WIDE_LOOPS void sum_colour_pixels(const RowSums& sums, const float* row, float* buffer,
                                        std::uint8_t* to) {
  switch (sums.pairs) {
    case 2:
      sum_colours<2>(sums, row, buffer);
      break;
    case 3:
      sum_colours<3>(sums, row, buffer);
      break;
    case 4:
      sum_colours<4>(sums, row, buffer);
      break;
    case 5:
      sum_colours<5>(sums, row, buffer);
      break;
    default:
      sum_colours<0>(sums, row, buffer);
  }
  round_to_bytes(buffer, 3 * static_cast<std::size_t>(sums.count), to);
}

void sum_grey_pixels(const AxisWeights& columns, const float* row, std::uint8_t* to) {
  for (int x = 0; x < columns.count(); ++x) {
    const std::span<const float> weights = columns.weights(x);
    float sum = 0;
    for (std::size_t k = 0; k < weights.size(); ++k) sum += weights[k] * row[columns.first(x) + k];
    round_to_bytes(&sum, 1, &to[x]);
  }
}

}  // namespace

void AxisWeights::compute(Interpolation interpolation, const ScaledAxis& axis) {
  check(axis.source >= 1 && axis.target >= 1 && axis.first >= 0 && axis.count >= 1 &&
            axis.first + axis.count <= axis.target,
        "resample: pixels {} to {} of {} pixels scaled to {}", axis.first, axis.first + axis.count,
        axis.source, axis.target);
  const bool is_opencv = interpolation == Interpolation::bicubic_opencv;
  const double stretch = is_opencv ? 1.0 : std::max(1.0, 1.0 * axis.source / axis.target);
  taps_ = std::min(static_cast<std::size_t>(std::ceil(2 * support(interpolation) * stretch)),
                   static_cast<std::size_t>(axis.source));
  const int taps = static_cast<int>(taps_);
  weights_.assign(taps_ * axis.count, 0.0F);
  firsts_.clear();
  int end = 0;
  begin_ = axis.source;
  for (int i = 0; i < axis.count; ++i) {
    one_.clear();
    const int first = is_opencv ? opencv_taps(axis, axis.first + i, one_)
                                : antialiased_taps(interpolation, axis, axis.first + i, taps, one_);
    // All pixels have as many weights, some of which are 0.
    const int shifted = std::min(first, axis.source - taps);
    check(first - shifted + std::ssize(one_) <= taps,
          "resample: {} weights of pixel {} of {} scaled to {}, expected at most {}", one_.size(),
          axis.first + i, axis.source, axis.target, taps - (first - shifted));
    std::ranges::transform(one_, weights_.begin() + std::int64_t{i} * taps + (first - shifted),
                           [](double weight) { return static_cast<float>(weight); });
    firsts_.push_back(shifted);
    begin_ = std::min(begin_, shifted);
    end = std::max(end, shifted + taps);
  }
  size_ = end - begin_;
  for (int& first : firsts_) first -= begin_;
}

void Resampler::set(Interpolation interpolation, const ScaledAxis& rows,
                    const ScaledAxis& columns) {
  rows_.compute(interpolation, rows);
  columns_.compute(interpolation, columns);
}

PixelRegion Resampler::region() const {
  return {rows_.begin(), columns_.begin(), rows_.size(), columns_.size()};
}

/// Row `y` of the result before its columns are scaled.
void Resampler::sum_rows(const Image& part, int y) {
  const std::span<const float> weights = rows_.weights(y);
  const std::size_t size = static_cast<std::size_t>(part.width) * part.channels;
  add_rows(part.pixels.data() + rows_.first(y) * size, size, weights.data(), weights.size(),
           row_.data());
}

void Resampler::run(const Image& part, std::span<std::uint8_t> pixels) {
  const Shape expected{rows_.size(), columns_.size(), part.channels};
  check(part.shape() == expected && (part.channels == 1 || part.channels == 3),
        "resample: part is {}, expected {} with 1 or 3 channels", part.shape(), expected);
  const std::size_t row_bytes = static_cast<std::size_t>(columns_.count()) * part.channels;
  check(pixels.size() == row_bytes * rows_.count(), "resample: room for {} bytes, expected {}",
        pixels.size(), row_bytes * rows_.count());
  row_.assign(static_cast<std::size_t>(part.width) * part.channels + extra_values, 0.0F);
  if (part.channels == 1) {
    for (int y = 0; y < rows_.count(); ++y) {
      sum_rows(part, y);
      sum_grey_pixels(columns_, row_.data(), &pixels[y * row_bytes]);
    }
    return;
  }
  pair_weights(columns_, paired_);
  colours_.resize(row_bytes + 1);
  const RowSums sums{columns_.firsts(), paired_.data(), pairs_of(columns_), columns_.count()};
  for (int y = 0; y < rows_.count(); ++y) {
    sum_rows(part, y);
    sum_colour_pixels(sums, row_.data(), colours_.data(), &pixels[y * row_bytes]);
  }
}

}  // namespace lq
