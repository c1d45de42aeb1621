#include "kernels/bitconv/bitconv_direct_cuda.h"

namespace lq::kernels::cuda {

namespace {

constexpr int direct_threads = 128;
constexpr int warp_pixels = 4;
constexpr int block_pixels = direct_threads / warp_threads * warp_pixels;

/// Adds, for each pixel, sum over the planes j of [first_plane, first_plane + planes) of the inputs
/// and all planes i of the weights of v_i u_j (2 popc(W_i and A_j) - popc(A_j)), which is the sum
/// of products of {-1,+1} and {0,1}. Bits outside of the map are left out, and so are zero.
template <int planes>
__device__ void add_bits(const DeviceConvolution& conv, const DeviceSegment& segment,
                         int first_plane, std::int64_t first_pixel, int o,
                         float (&sums)[warp_pixels]) {
  const auto* const weights = static_cast<const std::uint32_t*>(segment.weights);
  const auto* const input =
      static_cast<const std::uint32_t*>(segment.input) + first_plane * segment.plane_words;
  const int taps = conv.kernel_h * conv.kernel_w;
  for (int i = 0; i < segment.weight_bits; ++i) {
    int both[warp_pixels][planes] = {};
    int ones[warp_pixels][planes] = {};
#pragma unroll
    for (int k = 0; k < warp_pixels; ++k) {
      if (first_pixel + k >= conv.pixels) break;
      for_each_tap(conv, first_pixel + k, [&](int tap, std::int64_t at) {
        const std::uint32_t* const of_tap =
            weights +
            (static_cast<std::int64_t>(i) * taps + tap) * segment.words * conv.outputs_pitch + o;
        for (int word = 0; word < segment.words; ++word) {
          const std::uint32_t weight = of_tap[word * conv.outputs_pitch];
#pragma unroll
          for (int j = 0; j < planes; ++j) {
            const std::uint32_t bits = input[j * segment.plane_words + at * segment.words + word];
            both[k][j] += __popc(weight & bits);
            ones[k][j] += __popc(bits);
          }
        }
      });
    }
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
                             std::int64_t first_pixel, int o, float (&sums)[warp_pixels]) {
  int plane = 0;
  for (; plane + 2 <= segment.input_bits; plane += 2) {
    add_bits<2>(conv, segment, plane, first_pixel, o, sums);
  }
  if (plane < segment.input_bits) add_bits<1>(conv, segment, plane, first_pixel, o, sums);
}

/// Four channels of a pixel; those beyond the last are zero.
__device__ std::uint32_t four_bytes(const std::uint8_t* pixel, int channels, int word) {
  std::uint32_t bytes = 0;
#pragma unroll
  for (int b = 0; b < 4; ++b) {
    const int c = 4 * word + b;
    if (c < channels) bytes |= static_cast<std::uint32_t>(pixel[c]) << (8 * b);
  }
  return bytes;
}

__device__ void add_bytes(const DeviceConvolution& conv, const DeviceSegment& segment,
                          std::int64_t first_pixel, int o, float (&sums)[warp_pixels]) {
  const auto* const weights = static_cast<const int*>(segment.weights);
  const auto* const input = static_cast<const std::uint8_t*>(segment.input);
#pragma unroll
  for (int k = 0; k < warp_pixels; ++k) {
    if (first_pixel + k >= conv.pixels) break;
    int sum = 0;
    for_each_tap(conv, first_pixel + k, [&](int tap, std::int64_t at) {
      const int* const of_tap = weights + tap * segment.words * conv.outputs_pitch + o;
      for (int word = 0; word < segment.words; ++word) {
        const std::uint32_t bytes =
            four_bytes(input + at * segment.channels, segment.channels, word);
        sum = __dp4a(of_tap[word * conv.outputs_pitch], static_cast<int>(bytes), sum);
      }
      sum -= segment.zero_point * segment.tap_sums[tap * conv.outputs_pitch + o];
    });
    sums[k] += segment.weight_basis[o] * static_cast<float>(sum);
  }
}

__device__ void add_floats(const DeviceConvolution& conv, const DeviceSegment& segment,
                           std::int64_t first_pixel, int o, float (&sums)[warp_pixels]) {
  const auto* const weights = static_cast<const float*>(segment.weights);
  const auto* const input = static_cast<const float*>(segment.input);
#pragma unroll
  for (int k = 0; k < warp_pixels; ++k) {
    if (first_pixel + k >= conv.pixels) break;
    float sum = 0;
    for_each_tap(conv, first_pixel + k, [&](int tap, std::int64_t at) {
      const float* const of_tap = weights + tap * segment.channels * conv.outputs_pitch + o;
      for (int c = 0; c < segment.channels; ++c) {
        sum = __fmaf_rn(of_tap[c * conv.outputs_pitch], input[at * segment.channels + c], sum);
      }
    });
    sums[k] += sum;
  }
}

/// A warp owns 4 output pixels and 32 output channels (blockIdx.y), a lane one channel; a block has
/// four warps, which share the weights in the cache. All lanes read the same word of an input and
/// neighbouring words of the weights, so that each access is whole sectors. Segments are added one
/// after the other in float, each after exact integer sums over its window where it has such; then
/// the lanes of a warp finish a pixel together. For one bit on both sides a word takes one read of
/// weights, one of inputs that all lanes share, and two popcounts: bound by popcounts (16 of a
/// multiprocessor in a clock) where windows are large. Six blocks of a multiprocessor are what
/// their registers allow anyway; where it is not said, nvcc 13.0 spills some for a seventh on 12.0.
__global__ void __launch_bounds__(direct_threads, 6)
    direct_kernel(const __grid_constant__ DeviceConvolution conv) {
  const int warp = static_cast<int>(threadIdx.x) / warp_threads;
  const int first_channel = static_cast<int>(blockIdx.y) * warp_threads;
  const int o = first_channel + static_cast<int>(threadIdx.x) % warp_threads;
  const std::int64_t first_pixel =
      static_cast<std::int64_t>(blockIdx.x) * block_pixels + warp * warp_pixels;
  float sums[warp_pixels] = {};
  for (int s = 0; s < conv.segments; ++s) {
    const DeviceSegment& segment = conv.segment[s];
    switch (segment.arithmetic) {
      case Arithmetic::bits:
        add_all_bits(conv, segment, first_pixel, o, sums);
        break;
      case Arithmetic::bytes:
        add_bytes(conv, segment, first_pixel, o, sums);
        break;
      case Arithmetic::floats:
        add_floats(conv, segment, first_pixel, o, sums);
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
