#include "kernels/bitconv/bitconv_direct_cuda.h"

#include <bit>

#include "kernels/common/cuda/elementwise.h"

namespace lq::kernels::cuda {

namespace {

constexpr int direct_threads = 128;
constexpr int warp_pixels = 4;
constexpr int block_pixels = direct_threads / warp_threads * warp_pixels;

/// Something for each pixel of a warp.
template <typename T>
using OfPixels = T[warp_pixels];

/// Calls visit(tap, places) for the taps of a window, row by row: `places` are those of the pixels'
/// windows there, as input pixels in N H W. -1 is outside of the map, as all is for pixels behind
/// the last; taps where all four are outside are left out. A lane finds the place of one pixel at
/// one of eight taps, so that addresses are not calculated by all lanes alike.
template <typename Visit>
__device__ void for_each_tap(const DeviceConvolution& conv, std::int64_t first_pixel,
                             Visit&& visit) {
  constexpr int taps_at_once = warp_threads / warp_pixels;
  const int lane = static_cast<int>(threadIdx.x) % warp_threads;
  const std::int64_t pixel = first_pixel + lane % warp_pixels;
  const OutputPixel own(conv, pixel);
  const int taps = pixel < conv.pixels ? conv.kernel_h * conv.kernel_w : 0;
  for (int first = 0; first < conv.kernel_h * conv.kernel_w; first += taps_at_once) {
    const int own_tap = first + lane / warp_pixels;
    int s = 0;
    const int r = conv.by_kernel_w.split(own_tap, s);
    const int own_place = own_tap < taps ? static_cast<int>(own.at(conv, r, s)) : -1;
    const int end = min(taps_at_once, conv.kernel_h * conv.kernel_w - first);
#pragma unroll 1  // what is done at a tap is long
    for (int tap = 0; tap < end; ++tap) {
      OfPixels<int> places;
      bool is_anywhere = false;
#pragma unroll
      for (int k = 0; k < warp_pixels; ++k) {
        places[k] = __shfl_sync(whole_warp, own_place, tap * warp_pixels + k);
        is_anywhere |= places[k] >= 0;
      }
      if (is_anywhere) visit(first + tap, places);
    }
  }
}

/// The input pixels at some places, of `pitch` elements each; null outside of the map.
template <typename T>
struct InputPixels {
  OfPixels<const T*> first;

  __device__ InputPixels(const T* map, int pitch, const OfPixels<int>& places) {
#pragma unroll
    for (int k = 0; k < warp_pixels; ++k) {
      first[k] = places[k] < 0 ? nullptr : map + std::int64_t{places[k]} * pitch;
    }
  }
  /// Elements of pixel k; zero outside of the map.
  template <int width>
  __device__ Pack<T, width> load(int k, std::int64_t at) const {
    Pack<T, width> values{};
    if (first[k] != nullptr) values = *reinterpret_cast<const Pack<T, width>*>(first[k] + at);
    return values;
  }
};

/// Whether the pixels of an input of T can be read by `width` elements.
template <int width, typename T>
__device__ bool are_in_packs(const DeviceSegment& segment) {
  const auto address = reinterpret_cast<std::uintptr_t>(segment.input) / sizeof(T);
  return (address | static_cast<unsigned>(segment.channels)) % width == 0;
}

/// Adds, for each pixel, sum over the planes j of [first_plane, first_plane + planes) of the inputs
/// and all planes i of the weights of v_i u_j (2 popc(W_i and A_j) - popc(A_j)), which is the sum
/// of products of {-1,+1} and {0,1}. Bits outside of the map are zero.
template <int planes>
__device__ void add_bits(const DeviceConvolution& conv, const DeviceSegment& segment,
                         int first_plane, std::int64_t first_pixel, int o, OfPixels<float>& sums) {
  const auto* const weights = static_cast<const std::uint32_t*>(segment.weights);
  const auto* const input =
      static_cast<const std::uint32_t*>(segment.input) + first_plane * segment.plane_words;
  const int taps = conv.kernel_h * conv.kernel_w;
  for (int i = 0; i < segment.weight_bits; ++i) {
    int both[warp_pixels][planes] = {};
    int ones[warp_pixels][planes] = {};
    for_each_tap(conv, first_pixel, [&](int tap, const OfPixels<int>& places) {
      const InputPixels pixels(input, segment.words, places);
      const std::uint32_t* const of_tap =
          weights +
          (static_cast<std::int64_t>(i) * taps + tap) * segment.words * conv.outputs_pitch + o;
      for (int word = 0; word < segment.words; ++word) {
        const std::uint32_t weight = of_tap[word * conv.outputs_pitch];
#pragma unroll
        for (int k = 0; k < warp_pixels; ++k) {
#pragma unroll
          for (int j = 0; j < planes; ++j) {
            const std::uint32_t bits =
                pixels.template load<1>(k, j * segment.plane_words + word).values[0];
            both[k][j] += __popc(weight & bits);
            ones[k][j] += __popc(bits);
          }
        }
      }
    });
    const float v = segment.weight_basis[i * conv.outputs_pitch + o];
#pragma unroll
    for (int k = 0; k < warp_pixels; ++k) {
      float sum = 0;
#pragma unroll
      for (int j = 0; j < planes; ++j) {
        sum +=
            segment.input_basis[first_plane + j] * static_cast<float>(2 * both[k][j] - ones[k][j]);
      }
      sums[k] += v * sum;
    }
  }
}

__device__ void add_all_bits(const DeviceConvolution& conv, const DeviceSegment& segment,
                             std::int64_t first_pixel, int o, OfPixels<float>& sums) {
  int plane = 0;
  for (; plane + 2 <= segment.input_bits; plane += 2) {
    add_bits<2>(conv, segment, plane, first_pixel, o, sums);
  }
  if (plane < segment.input_bits) add_bits<1>(conv, segment, plane, first_pixel, o, sums);
}

/// Four channels of pixel k, the lowest byte first; those beyond the last are zero.
template <int width>
__device__ int four_bytes(const InputPixels<std::uint8_t>& pixels, int k, int channels, int word) {
  std::uint32_t bytes = 0;
#pragma unroll
  for (int b = 0; b < bytes_per_word; b += width) {
    const int c = bytes_per_word * word + b;
    if (width == 1 && c >= channels) break;
    const Pack<std::uint8_t, width> part = pixels.template load<width>(k, c);
    if constexpr (width == bytes_per_word) {
      bytes = std::bit_cast<std::uint32_t>(part);
    } else {
      bytes |= static_cast<std::uint32_t>(part.values[0]) << (8 * b);
    }
  }
  return static_cast<int>(bytes);
}

/// Of inputs that are read by `width` bytes.
template <int width>
__device__ void add_bytes(const DeviceConvolution& conv, const DeviceSegment& segment,
                          std::int64_t first_pixel, int o, OfPixels<float>& sums) {
  const auto* const weights = static_cast<const int*>(segment.weights);
  const auto* const input = static_cast<const std::uint8_t*>(segment.input);
  OfPixels<int> products = {};
  for_each_tap(conv, first_pixel, [&](int tap, const OfPixels<int>& places) {
    const InputPixels pixels(input, segment.channels, places);
    const int* const of_tap = weights + tap * segment.words * conv.outputs_pitch + o;
    for (int word = 0; word < segment.words; ++word) {
      const int weight = of_tap[word * conv.outputs_pitch];
#pragma unroll
      for (int k = 0; k < warp_pixels; ++k) {
        products[k] =
            __dp4a(weight, four_bytes<width>(pixels, k, segment.channels, word), products[k]);
      }
    }
    const int of_zero = segment.zero_point * segment.tap_sums[tap * conv.outputs_pitch + o];
#pragma unroll
    for (int k = 0; k < warp_pixels; ++k) products[k] -= places[k] < 0 ? 0 : of_zero;
  });
#pragma unroll
  for (int k = 0; k < warp_pixels; ++k) {
    sums[k] += segment.weight_basis[o] * static_cast<float>(products[k]);
  }
}

/// Of inputs that are read by `width` floats.
template <int width>
__device__ void add_floats(const DeviceConvolution& conv, const DeviceSegment& segment,
                           std::int64_t first_pixel, int o, OfPixels<float>& sums) {
  const auto* const weights = static_cast<const float*>(segment.weights);
  const auto* const input = static_cast<const float*>(segment.input);
  OfPixels<float> products = {};
  for_each_tap(conv, first_pixel, [&](int tap, const OfPixels<int>& places) {
    const InputPixels pixels(input, segment.channels, places);
    const float* of_channel = weights + tap * segment.channels * conv.outputs_pitch + o;
    for (int c = 0; c < segment.channels; c += width) {
      Pack<float, width> values[warp_pixels];
#pragma unroll
      for (int k = 0; k < warp_pixels; ++k) values[k] = pixels.template load<width>(k, c);
#pragma unroll
      for (int i = 0; i < width; ++i, of_channel += conv.outputs_pitch) {
        const float weight = *of_channel;
#pragma unroll
        for (int k = 0; k < warp_pixels; ++k) {
          products[k] = __fmaf_rn(weight, values[k].values[i], products[k]);
        }
      }
    }
  });
#pragma unroll
  for (int k = 0; k < warp_pixels; ++k) sums[k] += products[k];
}

/// A warp owns 4 output pixels and 32 output channels (blockIdx.y), a lane one channel; a block has
/// four warps, which share the weights in the cache. A word of weights is read once for the four
/// pixels: neighbouring words, so that the access is whole sectors, while all lanes read the same
/// words of inputs, four floats or bytes at once where channels are a multiple of four. Segments
/// are added one after the other in float, each after exact integer sums over its window where it
/// has such; then the lanes of a warp finish a pixel together. For one bit on both sides a word and
/// a pixel take two popcounts: bound by popcounts (16 of a multiprocessor in a clock) where windows
/// are large. Floats are bound by reads of the first-level cache: two of 128 bytes for each
/// channel and four multiply-adds of a warp at best, five where channels are read alone. Six blocks
/// of a multiprocessor are what their registers allow anyway; where it is not said, nvcc 13.0
/// spills some for a seventh on 12.0.
__global__ void __launch_bounds__(direct_threads, 6)
    direct_kernel(const __grid_constant__ DeviceConvolution conv) {
  const int warp = static_cast<int>(threadIdx.x) / warp_threads;
  const int first_channel = static_cast<int>(blockIdx.y) * warp_threads;
  const int o = first_channel + static_cast<int>(threadIdx.x) % warp_threads;
  const std::int64_t first_pixel =
      static_cast<std::int64_t>(blockIdx.x) * block_pixels + warp * warp_pixels;
  OfPixels<float> sums = {};
  for (int s = 0; s < conv.segments; ++s) {
    const DeviceSegment& segment = conv.segment[s];
    switch (segment.arithmetic) {
      case Arithmetic::bits:
        add_all_bits(conv, segment, first_pixel, o, sums);
        break;
      case Arithmetic::bytes:
        if (are_in_packs<4, std::uint8_t>(segment)) {
          add_bytes<4>(conv, segment, first_pixel, o, sums);
        } else {
          add_bytes<1>(conv, segment, first_pixel, o, sums);
        }
        break;
      case Arithmetic::floats:
        if (are_in_packs<4, float>(segment)) {
          add_floats<4>(conv, segment, first_pixel, o, sums);
        } else {
          add_floats<1>(conv, segment, first_pixel, o, sums);
        }
        break;
    }
  }
  finish_pixels(PixelGroup<warp_pixels>{conv, first_pixel, first_channel}, sums);
}

}  // namespace

void run_direct(Stream& stream, const DeviceConvolution& conv) {
  const LaunchShape shape{
      dim3(static_cast<unsigned>(ceil_divide<std::int64_t>(conv.pixels, block_pixels)),
           static_cast<unsigned>(ceil_divide(conv.outputs, warp_threads))),
      dim3(direct_threads)};
  launch("bitconv", direct_kernel, shape, stream, conv);
}

}  // namespace lq::kernels::cuda
