#include <algorithm>

#include "deploy/cuda/map_operator.h"
#include "kernels/common/cuda/pixels.h"
#include "kernels/pool/pool.h"

namespace lq::deploy::cuda {

namespace {

using kernels::cuda::Divider;
using kernels::cuda::for_each_pixel;
using kernels::cuda::index_extent;
using kernels::cuda::Pack;

/// Windows over a map. A packed network says how many there are: not all that padding would give.
struct Windows {
  int height, width;  // of the map
  int kernel, stride, pad_top, pad_left;
  Divider rows, columns;  // of windows

  template <typename Pool>
  Windows(const Pool& pool, const Value& in, const Value& out)
      : height(index_extent(pool.name, in.h)),
        width(index_extent(pool.name, in.w)),
        kernel(index_extent(pool.name, pool.kernel)),
        stride(index_extent(pool.name, pool.stride)),
        pad_top(index_extent(pool.name, pool.pad_top)),
        pad_left(index_extent(pool.name, pool.pad_left)),
        rows(out.h),
        columns(out.w) {}

  /// Calls body(input pixel in N H W) for those of an output pixel's window that lie on the map,
  /// row by row; returns how many there are. Rows have a few pixels: unrolling would only cost
  /// registers.
  template <typename Body>
  __device__ int for_each(int pixel, Body&& body) const {
    int row, column;
    const std::int64_t image = rows.split(columns.split(pixel, column), row);
    row = row * stride - pad_top;
    column = column * stride - pad_left;
    const int first_column = max(column, 0);
    const int end_row = min(row + kernel, height);
    const int end_column = min(column + kernel, width);
    row = max(row, 0);
    const int count = (end_row - row) * (end_column - first_column);
    for (; row < end_row; ++row) {
      const std::int64_t in_row = (image * height + row) * width;
#pragma unroll 1
      for (int x = first_column; x < end_column; ++x) body(in_row + x);
    }
    return count;
  }
};

/// A NaN wins over every number, as in training.
__device__ float larger(float a, float b) { return !(b <= a) && !isnan(a) ? b : a; }
__device__ std::uint8_t larger(std::uint8_t a, std::uint8_t b) { return a < b ? b : a; }

template <typename T>
struct MaxOfWindows {
  Windows windows;
  int channels;
  const T* from;
  T* to;

  template <int group>
  __device__ void apply(int pixel, int channel) const {
    using Values = Pack<T, group>;
    Values largest{};
    bool is_first = true;
    windows.for_each(pixel, [&](std::int64_t at) {
      const Values values = *reinterpret_cast<const Values*>(from + at * channels + channel);
#pragma unroll
      for (int i = 0; i < group; ++i) {
        largest.values[i] =
            is_first ? values.values[i] : larger(largest.values[i], values.values[i]);
      }
      is_first = false;
    });
    *reinterpret_cast<Values*>(to + std::int64_t{pixel} * channels + channel) = largest;
  }
};

struct MeanOfWindows {
  Windows windows;
  int channels;
  const float* from;
  float* to;

  template <int group>
  __device__ void apply(int pixel, int channel) const {
    Pack<float, group> sums{};
    const int pixels = windows.for_each(pixel, [&](std::int64_t at) {
      const auto values = kernels::cuda::load_channels<group>(from + at * channels + channel);
#pragma unroll
      for (int i = 0; i < group; ++i) sums.values[i] += values.values[i];
    });
#pragma unroll
    for (int i = 0; i < group; ++i) {
      sums.values[i] = __fdiv_rn(sums.values[i], static_cast<float>(pixels));
    }
    kernels::cuda::store_channels<group>(to + std::int64_t{pixel} * channels + channel, sums);
  }
};

constexpr int most_planes = 8;
constexpr int most_codes = 1 << most_planes;

/// The bits of the codes of a word's channels, plane by plane.
struct CodeWords {
  std::uint32_t planes[most_planes];
};

/// A function from codes to codes as exclusive ors of products of bits: where all bits of
/// `factors` are set, those of `flips` change (the algebraic normal form). What maps each code to
/// itself has a term for each plane.
struct CodeMap {
  struct Term {
    std::uint8_t factors;
    std::uint8_t flips;
  };
  Term terms[most_codes];
  int count = 0;

  CodeMap() = default;
  /// of: by code, `codes` of them, a power of two.
  CodeMap(const std::uint8_t* of, int codes) {
    std::uint8_t flips[most_codes];
    std::copy_n(of, codes, flips);
    for (int bit = 1; bit < codes; bit *= 2) {
      for (int code = 0; code < codes; ++code) {
        if ((code & bit) != 0) flips[code] ^= flips[code ^ bit];
      }
    }
    for (int code = 0; code < codes; ++code) {
      if (flips[code] != 0) terms[count++] = {static_cast<std::uint8_t>(code), flips[code]};
    }
  }

  /// On all channels of a word at once.
  __device__ CodeWords operator()(const CodeWords& codes) const {
    CodeWords result{};
    for (int t = 0; t < count; ++t) {
      const Term term = terms[t];
      std::uint32_t product = ~0U;
#pragma unroll
      for (int j = 0; j < most_planes; ++j) {
        if ((term.factors >> j & 1) != 0) product &= codes.planes[j];
      }
#pragma unroll
      for (int j = 0; j < most_planes; ++j) {
        if ((term.flips >> j & 1) != 0) result.planes[j] ^= product;
      }
    }
    return result;
  }
};

struct CodeOrder {
  CodeMap positions;  // of codes
  CodeMap codes;      // of positions

  CodeOrder(const std::vector<std::uint8_t>& order, int planes) {
    std::uint8_t position[most_codes] = {};
    std::uint8_t code[most_codes] = {};
    for (std::size_t p = 0; p < order.size(); ++p) {
      code[p] = order[p];
      position[order[p]] = static_cast<std::uint8_t>(p);
    }
    positions = CodeMap(position, 1 << planes);
    codes = CodeMap(code, 1 << planes);
  }
};

/// Keeps the larger of two positions for each channel of a word: the highest bit in which they
/// differ decides.
__device__ void keep_larger(CodeWords& largest, const CodeWords& positions) {
  std::uint32_t above = 0;
  std::uint32_t below = 0;
#pragma unroll
  for (int j = most_planes - 1; j >= 0; --j) {
    const std::uint32_t differs = (largest.planes[j] ^ positions.planes[j]) & ~(above | below);
    above |= differs & positions.planes[j];
    below |= differs & largest.planes[j];
  }
#pragma unroll
  for (int j = 0; j < most_planes; ++j) {
    largest.planes[j] ^= (largest.planes[j] ^ positions.planes[j]) & above;
  }
}

/// A thread owns a word, 32 channels of an output pixel, in all planes; neighbouring threads own
/// neighbouring words. Codes become positions, whose maximum is taken, and that becomes a code, all
/// by operations on the words. Bound by memory where codes are in order or have few planes: two
/// planes take about 40 operations for each pixel of a window.
__global__ void __launch_bounds__(block_threads)
    max_pool_of_codes_kernel(Windows windows, Divider words, int elements, CodePlanes from,
                             const __grid_constant__ CodeOrder order, std::uint32_t tail_mask,
                             std::uint32_t* to, std::int64_t to_plane_words) {
  const OwnElement own(words);
  if (own.index >= elements) return;
  CodeWords largest{};
  windows.for_each(own.pixel, [&](std::int64_t pixel) {
    const std::uint32_t* const word = from.words + pixel * words.value() + own.place;
    CodeWords codes{};
#pragma unroll
    for (int j = 0; j < most_planes; ++j) {
      if (j < from.planes) codes.planes[j] = word[j * from.plane_words];
    }
    keep_larger(largest, order.positions(codes));
  });
  const CodeWords codes = order.codes(largest);
  const std::uint32_t channels = own.place == words.value() - 1 ? tail_mask : ~0U;
#pragma unroll
  for (int j = 0; j < most_planes; ++j) {
    if (j < from.planes) to[j * to_plane_words + own.index] = codes.planes[j] & channels;
  }
}

template <typename T>
class MaxPoolOperator final : public MapOperator {
 public:
  MaxPoolOperator(const PackedModel& model, const MaxPool& operation, Stream& stream)
      : MapOperator(model, operation, stream), windows_(operation, in(), out()) {}
  void run(kernels::Slice, std::span<std::byte>) const override {
    const std::int64_t channels = out().c;
    for_each_pixel(name(), stream(), out_pixels(), channels,
                   kernels::cuda::fit_groups(channels, from<T>(), to<T>()),
                   MaxOfWindows<T>{windows_, static_cast<int>(channels), from<T>(), to<T>()});
  }

 private:
  Windows windows_;
};

class MaxPoolOfCodesOperator final : public MapOperator {
 public:
  MaxPoolOfCodesOperator(const PackedModel& model, const MaxPool& operation, Stream& stream)
      : MapOperator(model, operation, stream),
        windows_(operation, in(), out()),
        order_(operation.order, in().planes),
        words_(packed::words(in().c)),
        tail_mask_(packed::tail_mask(in().c)) {}
  void run(kernels::Slice, std::span<std::byte>) const override {
    const std::int64_t elements = out_pixels() * words_.value();
    kernels::cuda::launch(name(), max_pool_of_codes_kernel, threads(elements), stream(), windows_,
                          words_, static_cast<int>(elements), codes(), order_, tail_mask_,
                          to<std::uint32_t>(), to_plane_words());
  }

 private:
  Windows windows_;
  CodeOrder order_;
  Divider words_;
  std::uint32_t tail_mask_;
};

class AveragePoolOperator final : public MapOperator {
 public:
  AveragePoolOperator(const PackedModel& model, const AveragePool& operation, Stream& stream)
      : MapOperator(model, operation, stream), windows_(operation, in(), out()) {}
  void run(kernels::Slice, std::span<std::byte>) const override {
    const std::int64_t channels = out().c;
    for_each_pixel(name(), stream(), out_pixels(), channels,
                   kernels::cuda::fit_groups(channels, from<float>(), to<float>()),
                   MeanOfWindows{windows_, static_cast<int>(channels), from<float>(), to<float>()});
  }

 private:
  Windows windows_;
};

class GlobalAveragePoolOperator final : public MapOperator {
 public:
  using MapOperator::MapOperator;
  void run(kernels::Slice, std::span<std::byte>) const override {
    View<float> means = output_map();
    means.shape = {means.shape[0], means.shape[3]};
    kernels::global_average_pool_forward(stream(), input_map(), means);
  }
};

}  // namespace

std::unique_ptr<Operator> make_operator(const PackedModel& model, const MaxPool& operation,
                                        Stream& stream) {
  switch (model.values[operation.input].kind) {
    case ValueKind::planes:
      return std::make_unique<MaxPoolOfCodesOperator>(model, operation, stream);
    case ValueKind::bytes:
      return std::make_unique<MaxPoolOperator<std::uint8_t>>(model, operation, stream);
    case ValueKind::floats:
      break;
  }
  return std::make_unique<MaxPoolOperator<float>>(model, operation, stream);
}

std::unique_ptr<Operator> make_operator(const PackedModel& model, const AveragePool& operation,
                                        Stream& stream) {
  return std::make_unique<AveragePoolOperator>(model, operation, stream);
}

std::unique_ptr<Operator> make_operator(const PackedModel& model,
                                        const GlobalAveragePool& operation, Stream& stream) {
  return std::make_unique<GlobalAveragePoolOperator>(model, operation, stream);
}

}  // namespace lq::deploy::cuda
