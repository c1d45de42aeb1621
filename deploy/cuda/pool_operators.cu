#include "deploy/cuda/map_operator.h"

namespace lq::deploy::cuda {

namespace {

using kernels::cuda::warp_threads;

/// Calls body(input pixel in N H W) for those of an output pixel's window that lie on the map, row
/// by row; returns how many there are. Rows have a few pixels: unrolling would only cost registers.
template <typename Body>
__device__ int for_each_pixel(const Map& map, std::int64_t pixel, Body&& body) {
  const std::int64_t q = pixel % map.out_width;
  const std::int64_t p = pixel / map.out_width % map.out_height;
  const std::int64_t n = pixel / map.out_width / map.out_height;
  int count = 0;
  for (std::int64_t r = 0; r < map.kernel; ++r) {
    const std::int64_t y = p * map.stride - map.pad_top + r;
    if (y < 0 || y >= map.height) continue;
#pragma unroll 1
    for (std::int64_t s = 0; s < map.kernel; ++s) {
      const std::int64_t x = q * map.stride - map.pad_left + s;
      if (x < 0 || x >= map.width) continue;
      body((n * map.height + y) * map.width + x);
      ++count;
    }
  }
  return count;
}

/// A NaN wins over every number, as in training.
__device__ float larger(float a, float b) { return !(b <= a) && !isnan(a) ? b : a; }
__device__ std::uint8_t larger(std::uint8_t a, std::uint8_t b) { return a < b ? b : a; }

template <typename T>
__global__ void __launch_bounds__(block_threads)
    max_pool_kernel(Map map, std::int64_t elements, const T* from, T* to) {
  const Channel own = own_channel(map.channels);
  const std::int64_t i = own.pixel * map.channels + own.c;
  if (i >= elements) return;
  T largest{};
  bool is_first = true;
  for_each_pixel(map, own.pixel, [&](std::int64_t pixel) {
    const T value = from[pixel * map.channels + own.c];
    largest = is_first ? value : larger(largest, value);
    is_first = false;
  });
  to[i] = largest;
}

__global__ void __launch_bounds__(block_threads)
    average_pool_kernel(Map map, std::int64_t elements, const float* from, float* to) {
  const Channel own = own_channel(map.channels);
  const std::int64_t i = own.pixel * map.channels + own.c;
  if (i >= elements) return;
  float sum = 0;
  const int pixels = for_each_pixel(
      map, own.pixel, [&](std::int64_t pixel) { sum += from[pixel * map.channels + own.c]; });
  to[i] = __fdiv_rn(sum, static_cast<float>(pixels));
}

/// Sums in double, as in training, pixel by pixel.
__global__ void __launch_bounds__(block_threads)
    global_average_pool_kernel(std::int64_t pixels, std::int64_t channels, std::int64_t elements,
                               const float* from, float* to) {
  const Channel own = own_channel(channels);
  const std::int64_t i = own.pixel * channels + own.c;
  if (i >= elements) return;
  double sum = 0;
  for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
    sum += static_cast<double>(from[(own.pixel * pixels + pixel) * channels + own.c]);
  }
  to[i] = static_cast<float>(sum / static_cast<double>(pixels));
}

struct CodeOrder {
  std::uint8_t position[256];  // of a code
  std::uint8_t code[256];      // at a position
};

/// A warp owns a word, 32 channels of an output pixel; a lane finds the largest position among its
/// channel's codes, and ballots make words of the codes again. The tables lie in shared memory.
__global__ void __launch_bounds__(block_threads)
    max_pool_of_codes_kernel(Map map, std::int64_t pixels, CodePlanes from, CodeOrder order,
                             std::uint32_t* to, std::int64_t to_plane_words) {
  __shared__ CodeOrder tables;
  for (int i = static_cast<int>(threadIdx.x); i < 256; i += block_threads) {
    tables.position[i] = order.position[i];
    tables.code[i] = order.code[i];
  }
  __syncthreads();
  const std::int64_t words = packed::words(map.channels);
  const std::int64_t warp =
      (static_cast<std::int64_t>(blockIdx.x) * block_threads + threadIdx.x) / warp_threads;
  const std::int64_t pixel = warp / words;
  if (pixel >= pixels) return;  // the whole warp
  const std::int64_t c = warp % words * packed::bits_per_word + threadIdx.x % warp_threads;
  unsigned largest = 0;
  if (c < map.channels) {
    for_each_pixel(map, pixel, [&](std::int64_t at) {
      const unsigned position = tables.position[code_of(from, words, at, c)];
      largest = max(largest, position);
    });
  }
  const unsigned code = c < map.channels ? tables.code[largest] : 0U;
  for (int j = 0; j < from.planes; ++j) {
    const std::uint32_t bits = __ballot_sync(~0U, (code >> j & 1U) != 0);
    if (threadIdx.x % warp_threads == 0) to[j * to_plane_words + warp] = bits;
  }
}

template <typename T>
class MaxPoolOperator final : public MapOperator {
 public:
  MaxPoolOperator(const PackedModel& model, const MaxPool& operation, Stream& stream)
      : MapOperator(model, operation, stream) {
    set_window(operation);
  }
  void run(kernels::Slice, std::span<std::byte>) const override {
    kernels::cuda::launch(name(), max_pool_kernel<T>, threads(out_elements()), stream(), map(),
                          out_elements(), from<T>(), to<T>());
  }
};

class MaxPoolOfCodesOperator final : public MapOperator {
 public:
  MaxPoolOfCodesOperator(const PackedModel& model, const MaxPool& operation, Stream& stream)
      : MapOperator(model, operation, stream) {
    set_window(operation);
    for (std::size_t p = 0; p < operation.order.size(); ++p) {
      order_.code[p] = operation.order[p];
      order_.position[operation.order[p]] = static_cast<std::uint8_t>(p);
    }
  }
  void run(kernels::Slice, std::span<std::byte>) const override {
    const std::int64_t warps = out_pixels() * packed::words(map().channels);
    kernels::cuda::launch(name(), max_pool_of_codes_kernel, threads(warps * warp_threads), stream(),
                          map(), out_pixels(), codes(), order_, to<std::uint32_t>(),
                          to_plane_words());
  }

 private:
  CodeOrder order_{};
};

class AveragePoolOperator final : public MapOperator {
 public:
  AveragePoolOperator(const PackedModel& model, const AveragePool& operation, Stream& stream)
      : MapOperator(model, operation, stream) {
    set_window(operation);
  }
  void run(kernels::Slice, std::span<std::byte>) const override {
    kernels::cuda::launch(name(), average_pool_kernel, threads(out_elements()), stream(), map(),
                          out_elements(), from<float>(), to<float>());
  }
};

class GlobalAveragePoolOperator final : public MapOperator {
 public:
  using MapOperator::MapOperator;
  void run(kernels::Slice, std::span<std::byte>) const override {
    kernels::cuda::launch(name(), global_average_pool_kernel, threads(out_elements()), stream(),
                          map().height * map().width, map().channels, out_elements(), from<float>(),
                          to<float>());
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
