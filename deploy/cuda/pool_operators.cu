#include <algorithm>

#include "deploy/cuda/map_operator.h"
#include "kernels/common/cuda/pixels.h"

// Pools of floats and bytes are functions of pixels and groups of channels
// (kernels/common/cuda/pixels.h), bound by memory; windows that overlap are read again from cache.

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
  /// row by row; returns how many there are. Rows have two or three pixels nearly always: two are
  /// on their way at a time, more would only cost registers.
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
#pragma unroll 2
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

/// A thread owns a channel of an image. Sums in double, as in training, pixel by pixel, four of
/// which are on their way at a time.
__global__ void __launch_bounds__(block_threads)
    global_average_pool_kernel(int pixels, Divider channels, int elements, const float* from,
                               float* to) {
  const OwnElement own(channels);
  if (own.index >= elements) return;
  const float* values = from + std::int64_t{own.pixel} * pixels * channels.value() + own.place;
  double sum = 0;
#pragma unroll 4
  for (int pixel = 0; pixel < pixels; ++pixel, values += channels.value()) {
    sum += static_cast<double>(*values);
  }
  to[own.index] = static_cast<float>(sum / pixels);
}

constexpr int most_planes = 8;

/// The bits of the codes of a word's channels, plane by plane.
template <int planes>
struct CodeWords {
  std::uint32_t bits[planes];
};

/// A function from codes to codes, as the algebraic normal form of each bit of the result: the
/// exclusive or of products of bits of the code. A mask for each bit and product tells, by ones or
/// zeros throughout, whether the product takes part. On words all channels are mapped at once, and
/// nothing branches.
template <int planes>
struct CodeMap {
  static constexpr int codes = 1 << planes;
  /// Products of the lowest bits are kept in registers, those of the others made one by one.
  static constexpr int kept_bits = planes < 4 ? planes : 4;
  static constexpr int kept = 1 << kept_bits;

  std::uint32_t takes_part[codes / kept][planes][kept];

  /// of: by code.
  explicit CodeMap(const std::uint8_t (&of)[codes]) {
    std::uint8_t flips[codes];  // by product, each bit of which names a factor
    std::copy_n(of, codes, flips);
    for (int bit = 1; bit < codes; bit *= 2) {
      for (int code = 0; code < codes; ++code) {
        if ((code & bit) != 0) flips[code] ^= flips[code ^ bit];
      }
    }
    for (int product = 0; product < codes; ++product) {
      for (int j = 0; j < planes; ++j) {
        takes_part[product / kept][j][product % kept] = (flips[product] >> j & 1) != 0 ? ~0U : 0U;
      }
    }
  }

  __device__ CodeWords<planes> operator()(const CodeWords<planes>& code) const {
    std::uint32_t low[kept];
#pragma unroll
    for (int product = 0; product < kept; ++product) {
      low[product] = ~0U;
#pragma unroll
      for (int j = 0; j < kept_bits; ++j) {
        if ((product >> j & 1) != 0) low[product] &= code.bits[j];
      }
    }
    CodeWords<planes> result{};
#pragma unroll 1
    for (int others = 0; others < codes / kept; ++others) {
      std::uint32_t high = ~0U;
#pragma unroll
      for (int j = kept_bits; j < planes; ++j) {
        if ((others >> (j - kept_bits) & 1) != 0) high &= code.bits[j];
      }
#pragma unroll
      for (int j = 0; j < planes; ++j) {
        std::uint32_t sum = 0;
#pragma unroll
        for (int product = 0; product < kept; ++product) {
          sum ^= low[product] & takes_part[others][j][product];
        }
        result.bits[j] ^= sum & high;
      }
    }
    return result;
  }
};

template <int planes>
struct CodeOrder {
  static constexpr int codes = 1 << planes;

  CodeMap<planes> positions;  // of codes
  CodeMap<planes> at;         // codes at positions
  bool is_ascending;          // codes are their positions

  static CodeOrder of(const std::vector<std::uint8_t>& order) {
    std::uint8_t position[codes] = {};
    std::uint8_t code[codes] = {};
    for (std::size_t p = 0; p < order.size(); ++p) {
      code[p] = order[p];
      position[order[p]] = static_cast<std::uint8_t>(p);
    }
    return {CodeMap<planes>(position), CodeMap<planes>(code), std::ranges::is_sorted(order)};
  }
};

/// Keeps the larger of two positions for each channel of a word. Those above are where a
/// subtraction would borrow: bit by bit, from the lowest, the last one that differs decides.
template <int planes>
__device__ void keep_larger(CodeWords<planes>& largest, const CodeWords<planes>& other) {
  std::uint32_t is_above = 0;
#pragma unroll
  for (int j = 0; j < planes; ++j) {
    const std::uint32_t differs = largest.bits[j] ^ other.bits[j];
    is_above = (differs & other.bits[j]) | (~differs & is_above);
  }
#pragma unroll
  for (int j = 0; j < planes; ++j) {
    largest.bits[j] = (is_above & other.bits[j]) | (~is_above & largest.bits[j]);
  }
}

/// A thread owns a word, 32 channels of an output pixel, in all planes; neighbouring threads own
/// neighbouring words. Codes become positions, whose maximum is taken, and that becomes a code, all
/// on whole words. Bound by memory where codes ascend with their levels, as they do for bases whose
/// elements are each larger than those before it together, and for few planes: else a map takes
/// about planes * 2^planes instructions for each pixel of a window.
template <int planes>
__global__ void __launch_bounds__(block_threads)
    max_pool_of_codes_kernel(Windows windows, Divider words, int elements, CodePlanes from,
                             const __grid_constant__ CodeOrder<planes> order,
                             std::uint32_t tail_mask, std::uint32_t* to,
                             std::int64_t to_plane_words) {
  const OwnElement own(words);
  if (own.index >= elements) return;
  CodeWords<planes> largest{};
  windows.for_each(own.pixel, [&](std::int64_t pixel) {
    const std::uint32_t* const word = from.words + pixel * words.value() + own.place;
    CodeWords<planes> codes;
#pragma unroll
    for (int j = 0; j < planes; ++j) codes.bits[j] = word[j * from.plane_words];
    keep_larger(largest, order.is_ascending ? codes : order.positions(codes));
  });
  if (!order.is_ascending) largest = order.at(largest);
  const std::uint32_t channels = own.place == words.value() - 1 ? tail_mask : ~0U;
#pragma unroll
  for (int j = 0; j < planes; ++j) {
    to[j * to_plane_words + own.index] = largest.bits[j] & channels;
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

template <int planes>
class MaxPoolOfCodesOperator final : public MapOperator {
 public:
  MaxPoolOfCodesOperator(const PackedModel& model, const MaxPool& operation, Stream& stream)
      : MapOperator(model, operation, stream),
        windows_(operation, in(), out()),
        order_(CodeOrder<planes>::of(operation.order)),
        words_(packed::words(in().c)),
        tail_mask_(packed::tail_mask(in().c)) {}
  void run(kernels::Slice, std::span<std::byte>) const override {
    const std::int64_t elements = out_pixels() * words_.value();
    kernels::cuda::launch(name(), max_pool_of_codes_kernel<planes>, threads(elements), stream(),
                          windows_, words_, static_cast<int>(elements), codes(), order_, tail_mask_,
                          to<std::uint32_t>(), to_plane_words());
  }

 private:
  Windows windows_;
  CodeOrder<planes> order_;
  Divider words_;
  std::uint32_t tail_mask_;
};

/// The operator for as many planes as the input has, of `planes` and more.
template <int planes = 1>
std::unique_ptr<Operator> make_max_pool_of_codes(const PackedModel& model, const MaxPool& operation,
                                                 Stream& stream) {
  if constexpr (planes < most_planes) {
    if (model.values[operation.input].planes != planes) {
      return make_max_pool_of_codes<planes + 1>(model, operation, stream);
    }
  }
  return std::make_unique<MaxPoolOfCodesOperator<planes>>(model, operation, stream);
}

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
  GlobalAveragePoolOperator(const PackedModel& model, const GlobalAveragePool& operation,
                            Stream& stream)
      : MapOperator(model, operation, stream),
        channels_(out().c),
        pixels_(index_extent(operation.name, in().h * in().w)) {}
  void run(kernels::Slice, std::span<std::byte>) const override {
    const std::int64_t elements = out_pixels() * out().c;
    kernels::cuda::launch(name(), global_average_pool_kernel, threads(elements), stream(), pixels_,
                          channels_, static_cast<int>(elements), from<float>(), to<float>());
  }

 private:
  Divider channels_;
  int pixels_;
};

}  // namespace

std::unique_ptr<Operator> make_operator(const PackedModel& model, const MaxPool& operation,
                                        Stream& stream) {
  switch (model.values[operation.input].kind) {
    case ValueKind::planes:
      return make_max_pool_of_codes(model, operation, stream);
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
