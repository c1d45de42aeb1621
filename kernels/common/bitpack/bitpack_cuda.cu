#include "core/packed_layout.h"
#include "kernels/common/bitpack/bitpack.h"
#include "kernels/common/cuda/code_ballots.h"

namespace lq::kernels::cuda {

namespace {

constexpr int pack_threads = 256;
constexpr int most_levels = 1 << max_packed_bits;

struct Extents {
  std::int64_t words;  // of all pixels, in one plane
  std::int64_t channels;
  int planes;
};

/// A warp owns a word, 32 channels of a pixel, and a lane one of them: it reads the value, finds
/// its level among those in shared memory, and ballots make a word of each bit of the codes. Every
/// value is read once: bound by memory.
__global__ void __launch_bounds__(pack_threads)
    bitpack_forward_kernel(Extents extents, const float* x, const float* levels,
                           const std::uint8_t* codes, std::int32_t* planes) {
  __shared__ float shared_levels[most_levels];
  __shared__ unsigned shared_codes[most_levels];
  const int size = 1 << extents.planes;
  if (threadIdx.x < size) {
    shared_levels[threadIdx.x] = levels[threadIdx.x];
    shared_codes[threadIdx.x] = codes[threadIdx.x];
  }
  __syncthreads();
  const std::int64_t word =
      (static_cast<std::int64_t>(blockIdx.x) * pack_threads + threadIdx.x) / warp_threads;
  if (word >= extents.words) return;  // the whole warp
  const int lane = static_cast<int>(threadIdx.x) % warp_threads;
  const std::int64_t pixel_words = packed::words(extents.channels);
  const std::int64_t channel = word % pixel_words * packed::bits_per_word + lane;
  unsigned code = 0;
  if (channel < extents.channels) {
    code = code_of_level(x[word / pixel_words * extents.channels + channel], shared_levels,
                         shared_codes, size);
  }
  store_ballots(code, extents.planes, [&](int plane, std::uint32_t bits) {
    planes[plane * extents.words + word] = static_cast<std::int32_t>(bits);
  });
}

/// A warp owns a word, whose planes all lanes read together, and a lane a channel. The levels by
/// code lie in shared memory, each in a bank of its own: bound by memory.
__global__ void __launch_bounds__(pack_threads)
    bitpack_inverse_kernel(Extents extents, const std::int32_t* planes, const float* levels,
                           const std::uint8_t* codes, float* x) {
  __shared__ float level_of_code[most_levels];
  const int size = 1 << extents.planes;
  if (threadIdx.x < size) level_of_code[codes[threadIdx.x]] = levels[threadIdx.x];
  __syncthreads();
  const std::int64_t word =
      (static_cast<std::int64_t>(blockIdx.x) * pack_threads + threadIdx.x) / warp_threads;
  if (word >= extents.words) return;
  const int lane = static_cast<int>(threadIdx.x) % warp_threads;
  const std::int64_t pixel_words = packed::words(extents.channels);
  const std::int64_t channel = word % pixel_words * packed::bits_per_word + lane;
  if (channel >= extents.channels) return;
  unsigned code = 0;
  for (int plane = 0; plane < extents.planes; ++plane) {
    const auto bits = static_cast<unsigned>(planes[plane * extents.words + word]);
    code |= (bits >> lane & 1U) << plane;
  }
  x[word / pixel_words * extents.channels + channel] = level_of_code[code];
}

LaunchShape warp_per_word(std::int64_t words) {
  return {
      dim3(static_cast<unsigned>(ceil_divide<std::int64_t>(words * warp_threads, pack_threads))),
      dim3(pack_threads)};
}

}  // namespace

void bitpack_forward(Stream& stream, ConstView<float> x, const LevelTableView& table,
                     View<std::int32_t> planes) {
  const Extents extents{planes.shape[1] * planes.shape[2], x.shape[1],
                        static_cast<int>(planes.shape[0])};
  launch("bitpack_forward", bitpack_forward_kernel, warp_per_word(extents.words), stream, extents,
         x.data, table.levels.data, table.codes.data, planes.data);
}

void bitpack_inverse(Stream& stream, ConstView<std::int32_t> planes, const LevelTableView& table,
                     View<float> x) {
  const Extents extents{planes.shape[1] * planes.shape[2], x.shape[1],
                        static_cast<int>(planes.shape[0])};
  launch("bitpack_inverse", bitpack_inverse_kernel, warp_per_word(extents.words), stream, extents,
         planes.data, table.levels.data, table.codes.data, x.data);
}

}  // namespace lq::kernels::cuda
