// Sums over all pixels of each channel, channels fastest. For *_cuda.cu files.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/common/cuda/launch.h"
#include "kernels/common/cuda/scratch.h"

namespace lq::kernels::cuda {

inline constexpr int channel_threads = 256;

/// Two sums that are taken on one way through memory, and accessed together.
struct alignas(2 * sizeof(double)) SumPair {
  double first = 0;
  double second = 0;

  __device__ SumPair& operator+=(const SumPair& other) {
    first += other.first;
    second += other.second;
    return *this;
  }
};

/// How M x C values are cut: by shape alone, so that sums do not depend on the device.
struct ChannelTiles {
  std::int64_t rows = 0;  // M
  std::int64_t channels = 0;
  int width = 0;  // channels of a block
  int lanes = 0;  // rows that a block reads at a time
  std::int64_t rows_per_block = 0;
  std::int64_t row_blocks = 0;

  ChannelTiles(std::int64_t rows_, std::int64_t channels_) : rows(rows_), channels(channels_) {
    constexpr std::int64_t values_per_thread = 64;
    width = static_cast<int>(std::min<std::int64_t>(channels, channel_threads));
    lanes = channel_threads / width;
    rows_per_block = lanes * values_per_thread;
    row_blocks = ceil_divide(rows, rows_per_block);
  }
  dim3 grid() const {
    return dim3(static_cast<unsigned>(row_blocks),
                static_cast<unsigned>(ceil_divide<std::int64_t>(channels, width)));
  }
};

/// A block owns a tile of rows (blockIdx.x) and up to 256 channels (blockIdx.y); neighbouring
/// threads own neighbouring channels, and where there are fewer than 256, whole rows side by side,
/// so that a warp reads consecutive values. A thread adds up every lanes-th row, and the threads of
/// a channel are added in shared memory in their order. Bound by memory.
template <typename Source>
__global__ void __launch_bounds__(channel_threads)
    channel_sums_kernel(ChannelTiles tiles, Source source, SumPair* partial) {
  __shared__ SumPair shared[channel_threads];
  const int own_lane = static_cast<int>(threadIdx.x) / tiles.width;
  const std::int64_t channel = static_cast<std::int64_t>(blockIdx.y) * tiles.width +
                               static_cast<int>(threadIdx.x) % tiles.width;
  SumPair sum;
  if (own_lane < tiles.lanes && channel < tiles.channels) {
    const std::int64_t begin = blockIdx.x * tiles.rows_per_block;
    const std::int64_t end = min(begin + tiles.rows_per_block, tiles.rows) * tiles.channels;
    const std::int64_t step = tiles.lanes * tiles.channels;
    for (std::int64_t i = (begin + own_lane) * tiles.channels + channel; i < end; i += step) {
      sum += source(i, channel);
    }
  }
  shared[threadIdx.x] = sum;
  __syncthreads();
  if (own_lane != 0 || channel >= tiles.channels) return;
  for (int lane = 1; lane < tiles.lanes; ++lane) sum += shared[threadIdx.x + lane * tiles.width];
  partial[blockIdx.x * tiles.channels + channel] = sum;
}

/// A thread owns a channel and adds up its blocks, in their order; then `finish(channel, sum)`.
template <typename Finish>
__global__ void __launch_bounds__(channel_threads)
    finish_channels_kernel(ChannelTiles tiles, const SumPair* partial, Finish finish) {
  const std::int64_t channel =
      static_cast<std::int64_t>(blockIdx.x) * channel_threads + threadIdx.x;
  if (channel >= tiles.channels) return;
  SumPair sum;
  for (std::int64_t block = 0; block < tiles.row_blocks; ++block) {
    sum += partial[block * tiles.channels + channel];
  }
  finish(channel, sum);
}

/// `source(i, channel)` gives the two numbers at element i; `finish(channel, sum)` gets their sums
/// over the rows.
template <typename Source, typename Finish>
void channel_sums(std::string_view operation, Stream& stream, std::int64_t rows,
                  std::int64_t channels, const Source& source, const Finish& finish) {
  const ChannelTiles tiles(rows, channels);
  Scratch<SumPair> partial(stream, tiles.row_blocks * channels);
  launch(operation, channel_sums_kernel<Source>, {tiles.grid(), dim3(channel_threads)}, stream,
         tiles, source, partial.data());
  const LaunchShape per_channel{
      dim3(static_cast<unsigned>(ceil_divide<std::int64_t>(channels, channel_threads))),
      dim3(channel_threads)};
  launch(operation, finish_channels_kernel<Finish>, per_channel, stream, tiles,
         static_cast<const SumPair*>(partial.data()), finish);
}

}  // namespace lq::kernels::cuda
