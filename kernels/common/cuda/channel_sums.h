// Sums over all pixels of each channel, channels fastest. For *_cuda.cu files.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/common/cuda/reduce.h"
#include "kernels/common/cuda/scratch.h"

namespace lq::kernels::cuda {

inline constexpr int channel_threads = 256;
/// Blocks of a multiprocessor that registers have to leave room for: as many threads as the
/// smallest device holds.
inline constexpr int channel_blocks = 4;

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

/// Values that a thread adds up in float before it turns to double, of which some GPUs do 64 times
/// fewer: so many that this costs next to nothing, and few enough for their reads to be under way
/// at the same time.
inline constexpr int run_values = 32;

/// What a thread takes next: values of a channel, `step` elements apart.
struct ChannelRun {
  std::int64_t first;  // element
  int step;
  int count;  // 1 to run_values

  /// Number k of them, 0 <= k < run_values, or what stands for those that are not there.
  __device__ float read(const float* values, int k, float otherwise = 0) const {
    return k < count ? (values + first)[k * step] : otherwise;
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
    // Enough for several blocks of each multiprocessor, and few to add up.
    constexpr std::int64_t most_row_blocks = 512;
    width = static_cast<int>(std::min<std::int64_t>(channels, channel_threads));
    lanes = channel_threads / width;
    const std::int64_t rows_at_once = lanes * run_values;
    const std::int64_t runs = ceil_divide(rows, rows_at_once * most_row_blocks);
    rows_per_block = rows_at_once * std::max<std::int64_t>(runs, 1);
    row_blocks = ceil_divide(rows, rows_per_block);
  }
  dim3 grid() const {
    return dim3(static_cast<unsigned>(row_blocks),
                static_cast<unsigned>(ceil_divide<std::int64_t>(channels, width)));
  }
};

/// A block owns a tile of rows (blockIdx.x) and up to 256 channels (blockIdx.y); neighbouring
/// threads own neighbouring channels, and where there are fewer than 256, whole rows side by side,
/// so that a warp reads consecutive values. A thread adds up every lanes-th row, run by run, and
/// the threads of a channel are added in shared memory, in halves. Bound by memory.
template <typename Source>
__global__ void __launch_bounds__(channel_threads, channel_blocks)
    channel_sums_kernel(ChannelTiles tiles, Source source, SumPair* partial) {
  __shared__ SumPair shared[channel_threads];
  const auto thread = static_cast<int>(threadIdx.x);
  const int own_lane = thread / tiles.width;
  const std::int64_t channel =
      static_cast<std::int64_t>(blockIdx.y) * tiles.width + thread % tiles.width;
  SumPair sum;
  if (own_lane < tiles.lanes && channel < tiles.channels) {
    const std::int64_t begin = blockIdx.x * tiles.rows_per_block;
    const std::int64_t end = min(begin + tiles.rows_per_block, tiles.rows);
    const auto of_channel = source.of(channel);
    ChannelRun run{0, tiles.lanes * static_cast<int>(tiles.channels), run_values};
    for (std::int64_t row = begin + own_lane; row < end; row += tiles.lanes * run_values) {
      run.first = row * tiles.channels + channel;
      if (end - row <= tiles.lanes * (run_values - 1)) {
        run.count = ceil_divide(static_cast<int>(end - row), tiles.lanes);
      }
      sum += of_channel(run);
    }
  }
  shared[thread] = sum;
  for (int left = tiles.lanes; left > 1;) {
    const int kept = (left + 1) / 2;
    __syncthreads();
    if (own_lane < left - kept) shared[thread] += shared[thread + kept * tiles.width];
    left = kept;
  }
  if (own_lane == 0 && channel < tiles.channels) {
    partial[channel * tiles.row_blocks + blockIdx.x] = shared[thread];
  }
}

/// A warp owns a channel, a lane every 32nd of its blocks; then `finish(channel, sum)`. Bound by
/// the launch.
template <typename Finish>
__global__ void __launch_bounds__(channel_threads)
    finish_channels_kernel(ChannelTiles tiles, const SumPair* partial, Finish finish) {
  const std::int64_t channel =
      static_cast<std::int64_t>(blockIdx.x) * (channel_threads / warp_threads) +
      threadIdx.x / warp_threads;
  if (channel >= tiles.channels) return;
  const int lane = static_cast<int>(threadIdx.x) % warp_threads;
  SumPair sum;
  for (std::int64_t block = lane; block < tiles.row_blocks; block += warp_threads) {
    sum += partial[channel * tiles.row_blocks + block];
  }
  sum = {warp_sum(sum.first), warp_sum(sum.second)};
  if (lane == 0) finish(channel, sum);
}

/// `source(run)` gives the two sums over a run, as a SumPair; `finish(channel, sum)` gets those
/// over the rows.
template <typename Source, typename Finish>
void channel_sums(std::string_view operation, Stream& stream, std::int64_t rows,
                  std::int64_t channels, const Source& source, const Finish& finish) {
  const ChannelTiles tiles(rows, channels);
  Scratch<SumPair> partial(stream, channels * tiles.row_blocks);
  launch(operation, channel_sums_kernel<Source>, {tiles.grid(), dim3(channel_threads)}, stream,
         tiles, source, partial.data());
  const std::int64_t finish_blocks =
      ceil_divide<std::int64_t>(channels, channel_threads / warp_threads);
  launch(operation, finish_channels_kernel<Finish>,
         {dim3(static_cast<unsigned>(finish_blocks)), dim3(channel_threads)}, stream, tiles,
         static_cast<const SumPair*>(partial.data()), finish);
}

}  // namespace lq::kernels::cuda
