#include "data/resample.h"

#include <algorithm>
#include <cmath>

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
  std::vector<float>& weights;

  void add(int pixel, double weight) {
    const auto k = static_cast<std::size_t>(pixel - first);
    if (k >= weights.size()) weights.resize(k + 1, 0.0F);
    weights[k] += static_cast<float>(weight);
  }
};

/// Returns the first pixel. Both ends are rounded, each on its own: there may be a pixel more
/// between them than `most`, which is at the border of the filter and has no weight.
int antialiased_taps(Interpolation interpolation, const ScaledAxis& axis, int i, int most,
                     std::vector<float>& weights) {
  const double scale = static_cast<double>(axis.source) / axis.target;
  const double stretch = std::max(scale, 1.0);
  const double centre = (i + 0.5) * scale;
  const double reach = support(interpolation) * stretch;
  const int begin = std::max(0, static_cast<int>(centre - reach + 0.5));
  const int end = std::min({axis.source, static_cast<int>(centre + reach + 0.5), begin + most});
  const auto weight_of = [&](int pixel) {
    const double x = (pixel + 0.5 - centre) / stretch;
    return interpolation == Interpolation::bilinear ? tent(x) : cubic(x, -0.5);
  };
  double sum = 0;
  for (int pixel = begin; pixel < end; ++pixel) sum += weight_of(pixel);
  Taps taps{begin, weights};
  for (int pixel = begin; pixel < end; ++pixel) taps.add(pixel, weight_of(pixel) / sum);
  return begin;
}

int opencv_taps(const ScaledAxis& axis, int i, std::vector<float>& weights) {
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

/// sum[i] = weights[0] rows[i] + weights[1] rows[size + i] + ... Up to four rows at a time, in
/// loops that are plain so that they vectorise.
LQNET_WIDE_LOOPS void add_rows(const std::uint8_t* rows, std::size_t size, const float* weights,
                               std::size_t taps, float* sum) {
  for (std::size_t i = 0; i < size; ++i) sum[i] = weights[0] * static_cast<float>(rows[i]);
  std::size_t k = 1;
  for (; k + 3 <= taps; k += 3) {
    const std::uint8_t *a = rows + k * size, *b = a + size, *c = b + size;
    const float u = weights[k], v = weights[k + 1], w = weights[k + 2];
    for (std::size_t i = 0; i < size; ++i) {
      sum[i] += u * static_cast<float>(a[i]) + v * static_cast<float>(b[i]) +
                w * static_cast<float>(c[i]);
    }
  }
  for (; k < taps; ++k) {
    const std::uint8_t* a = rows + k * size;
    for (std::size_t i = 0; i < size; ++i) sum[i] += weights[k] * static_cast<float>(a[i]);
  }
}

/// What the sums over the columns of a row take: pixel x is the sum of `taps` weights, from
/// weights[x * taps] on, times as many pixels from firsts[x] on.
struct RowSums {
  const int* firsts;
  const float* weights;
  std::size_t taps;
  int count;
};

/// `fixed_taps` is sums.taps, or 0 for any number. Pixels may be read one lane further than they
/// go.
template <std::size_t fixed_taps>
inline void sum_colours(const RowSums& sums, const float* row, std::uint8_t* to) {
  const std::size_t taps = fixed_taps == 0 ? sums.taps : fixed_taps;
  const float* weights = sums.weights;
  for (int x = 0; x < sums.count; ++x, weights += taps, to += 3) {
    const float* from = row + 3 * static_cast<std::ptrdiff_t>(sums.firsts[x]);
    PixelLanes sum = weights[0] * load_lanes(from);
    for (std::size_t k = 1; k < taps; ++k) sum += weights[k] * load_lanes(from + 3 * k);
    store_pixel(sum + 0.5F, to);
  }
}

LQNET_WIDE_LOOPS void sum_colour_pixels(const RowSums& sums, const float* row, std::uint8_t* to) {
  switch (sums.taps) {
    case 4:
      return sum_colours<4>(sums, row, to);
    case 5:
      return sum_colours<5>(sums, row, to);
    case 6:
      return sum_colours<6>(sums, row, to);
    default:
      return sum_colours<0>(sums, row, to);
  }
}

void sum_grey_pixels(const RowSums& sums, const float* row, std::uint8_t* to) {
  const float* weights = sums.weights;
  for (int x = 0; x < sums.count; ++x, weights += sums.taps) {
    float sum = 0;
    for (std::size_t k = 0; k < sums.taps; ++k) sum += weights[k] * row[sums.firsts[x] + k];
    to[x] = static_cast<std::uint8_t>(std::clamp(sum + 0.5F, 0.0F, 255.0F));
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
    std::ranges::copy(one_, weights_.begin() + std::int64_t{i} * taps + (first - shifted));
    firsts_.push_back(shifted);
    begin_ = std::min(begin_, shifted);
    end = std::max(end, shifted + taps);
  }
  size_ = end - begin_;
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
  std::vector<int> firsts;
  for (int x = 0; x < columns_.count(); ++x) firsts.push_back(columns_.first(x));
  const RowSums sums{firsts.data(), columns_.weights(0).data(), columns_.weights(0).size(),
                     columns_.count()};
  row_.resize(static_cast<std::size_t>(part.width) * part.channels + 1);
  for (int y = 0; y < rows_.count(); ++y) {
    sum_rows(part, y);
    if (part.channels == 3) {
      sum_colour_pixels(sums, row_.data(), &pixels[y * row_bytes]);
    } else {
      sum_grey_pixels(sums, row_.data(), &pixels[y * row_bytes]);
    }
  }
}

}  // namespace lq
