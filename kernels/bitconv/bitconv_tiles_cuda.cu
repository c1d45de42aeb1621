#include "kernels/bitconv/bitconv_tiles_cuda.h"

#include <algorithm>
#include <type_traits>

#include "core/error.h"
#include "kernels/bitconv/bitconv_tile_cuda.h"
#include "kernels/bitconv/bitconv_tile_values_cuda.h"

namespace lq::kernels::cuda {

namespace {

using WideTile = Tile<BitconvTile::wide>;
using SquareTile = Tile<BitconvTile::square>;
using SmallTile = Tile<BitconvTile::small>;

template <typename T>
struct TileMemory {
  TileRow rows[T::rows];
  Stage<T> stages[pipeline_stages];
  std::conditional_t<T::has_one_pass, char, TileValues<T>> beside;
  bool is_last;

  __device__ TileValues<T>& values() {
    if constexpr (T::has_one_pass) {
      static_assert(sizeof(TileValues<T>) <= sizeof(stages));
      return reinterpret_cast<TileValues<T>&>(stages);
    } else {
      return beside;
    }
  }
};

/// Sums that a thread of SmallTile, which alone is split, has for a pair of planes.
constexpr int split_sums = SmallTile::row_fragments * SmallTile::column_fragments * 4;

/// The block's share of the work.
template <typename T>
struct TileWork {
  const DeviceConvolution& conv;
  const SplitMemory& split;
  TileMemory<T>& memory;
  std::int64_t first_pixel;
  int first_channel;

  __device__ int tile() const { return static_cast<int>(blockIdx.y * gridDim.x + blockIdx.x); }
  __device__ int splits() const { return static_cast<int>(gridDim.z); }
  __device__ TileResults<T> results() const {
    return {conv, memory.values(), first_pixel, first_channel};
  }
  __device__ bool is_split() const { return T::can_split && gridDim.z > 1; }

  /// Where a thread's first sum of a split lies; the others follow at distances of T::threads.
  __device__ std::int32_t* partial(int of_split, int slot) const {
    const std::int64_t part = static_cast<std::int64_t>(tile()) * splits() + of_split;
    return split.sums + (part * split.slots + slot) * T::threads + threadIdx.x;
  }
};

/// The sums of a pass over this block's share of its steps.
template <typename T, typename Product, int planes>
__device__ void multiply_pass(const TileWork<T>& work, const Pass& pass,
                              TileSums<T, planes>& sums) {
  const int steps = pass.segment.steps;
  const auto split = static_cast<int>(blockIdx.z);
  const int first_step = steps * split / work.splits();
  const int end_step = steps * (split + 1) / work.splits();
  const int stages = ceil_divide(end_step - first_step, stage_steps);
  FragmentSums ones[planes][T::row_fragments] = {};
  const auto fill = [&](int stage) {
    if (stage < stages) {
      const int step = first_step + stage * stage_steps;
      Stage<T>& next = work.memory.stages[stage % pipeline_stages];
      stage_inputs<T, Product, planes>(work.conv, pass, work.memory.rows, step, end_step, next);
      stage_weights(work.conv, pass, work.first_channel, step, end_step, next);
    }
    commit_copies();  // an empty group at the end keeps their count
  };
  for (int stage = 0; stage < pipeline_stages - 1; ++stage) fill(stage);
  for (int stage = 0; stage < stages; ++stage) {
    wait_for_copies<pipeline_stages - 2>();
    __syncthreads();  // this stage is there, and nobody reads the last one, which is filled next
    fill(stage + pipeline_stages - 1);
    const Stage<T>& full = work.memory.stages[stage % pipeline_stages];
    const int there = min(stage_steps, end_step - first_step - stage * stage_steps);
#pragma unroll
    for (int step = 0; step < stage_steps; ++step) {
      if (step < there) multiply_step<T, Product, planes>(full, step, sums, ones);
    }
  }
  __syncthreads();  // the next pass fills all of them
  if constexpr (Product::counts_inputs) {
#pragma unroll
    for (int j = 0; j < planes; ++j) {
#pragma unroll
      for (int r = 0; r < T::row_fragments; ++r) {
#pragma unroll
        for (int c = 0; c < T::column_fragments; ++c) {
#pragma unroll
          for (int e = 0; e < 4; ++e) sums[j][r][c][e] = 2 * sums[j][r][c][e] - ones[j][r][e];
        }
      }
    }
  }
}

/// Calls visit(index of a thread's sum, sum) for the sums of a pass.
template <typename T, int planes, typename Visit>
__device__ void for_each_sum(TileSums<T, planes>& sums, Visit&& visit) {
  constexpr int count = planes * T::row_fragments * T::column_fragments * 4;
  auto& flat = reinterpret_cast<int(&)[count]>(sums);
#pragma unroll
  for (int e = 0; e < count; ++e) visit(e, flat[e]);
}

/// All blocks of a tile leave their sums in memory; the one that comes last adds them up, which
/// gives the same integers in any order, and is the only one to go on. Returns whether this is it.
template <typename T>
__device__ bool gather_splits(const TileWork<T>& work) {
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) {
    int& counter = work.split.arrived[work.tile()];
    work.memory.is_last = atomicAdd(&counter, 1) == work.splits() - 1;
    if (work.memory.is_last) counter = 0;  // for the next launch
  }
  __syncthreads();
  if (!work.memory.is_last) return false;
  __threadfence();
  for_each_pass<T>(work.conv, [&]<typename Product, int planes>(const Pass& pass) {
    TileSums<T, planes> sums = {};
    for (int split = 0; split < work.splits(); ++split) {
      const std::int32_t* const partial = work.partial(split, pass.slot);
      for_each_sum<T, planes>(sums, [&](int e, int& sum) { sum += partial[e * T::threads]; });
    }
    add_values<T, Product, planes>(work.results(), pass, sums);
  });
  return true;
}

/// A block owns T::rows output pixels and T::columns output channels, and walks over the words of
/// their windows (an implicit matrix product) in a pipeline of asynchronous copies, once for each
/// plane of weights and pair of planes of inputs. blockIdx.z, of SmallTile, is a part of the walk.
/// Integer sums are exact; passes are added in float, as in direct_kernel. Then warps finish pixel
/// by pixel, a lane a channel.
///
/// For one bit and two, WideTile reads 20 fragments of 512 bytes from shared memory for 64 products
/// of 16 x 8 x 256 bits: bound by tensor cores (128 clocks of an A100's multiprocessor against 80),
/// if the map has enough pixels.
template <typename T>
__global__ void __launch_bounds__(T::threads, T::resident_blocks)
    tiles_kernel(const __grid_constant__ DeviceConvolution conv,
                 const __grid_constant__ SplitMemory split) {
  static_assert(sizeof(TileMemory<T>) == T::extents.shared_bytes());
  extern __shared__ __align__(16) unsigned char shared[];
  const TileWork<T> work{conv, split, *reinterpret_cast<TileMemory<T>*>(shared),
                         static_cast<std::int64_t>(blockIdx.x) * T::rows,
                         static_cast<int>(blockIdx.y) * T::columns};
  make_tile_rows<T>(conv, work.first_pixel, work.memory.rows, static_cast<int>(threadIdx.x),
                    T::threads);
  __syncthreads();
  for_each_pass<T>(conv, [&]<typename Product, int planes>(const Pass& pass) {
    TileSums<T, planes> sums = {};
    multiply_pass<T, Product, planes>(work, pass, sums);
    if (!work.is_split()) {
      add_values<T, Product, planes>(work.results(), pass, sums);
    } else {
      std::int32_t* const partial = work.partial(static_cast<int>(blockIdx.z), pass.slot);
      for_each_sum<T, planes>(sums, [&](int e, int& sum) { partial[e * T::threads] = sum; });
    }
  });
  if (work.is_split() && !gather_splits(work)) return;
  __syncthreads();

  finish_tile(work.results());
}

/// Calls visit.operator()<T>() for the tile that a plan names.
template <typename Visit>
decltype(auto) with_tile(BitconvTile tile, Visit&& visit) {
  switch (tile) {
    case BitconvTile::wide:
      return visit.template operator()<WideTile>();
    case BitconvTile::square:
      return visit.template operator()<SquareTile>();
    case BitconvTile::small:
      break;
  }
  return visit.template operator()<SmallTile>();
}

dim3 blocks_of(const DeviceConvolution& conv, const TilePlan& plan) {
  const TileGrid grid = grid_of(problem_of(conv), plan);
  return {static_cast<unsigned>(grid.pixel_tiles), static_cast<unsigned>(grid.channel_tiles),
          static_cast<unsigned>(grid.splits)};
}

/// The word alignment that all reads of a segment's input have.
int copy_words(const DeviceSegment& segment) {
  const auto address = reinterpret_cast<std::uintptr_t>(segment.input) / sizeof(std::uint32_t);
  return words_at_once(static_cast<std::uint64_t>(address) |
                       static_cast<std::uint64_t>(segment.plane_words) |
                       static_cast<std::uint64_t>(segment.words));
}

/// Sums that a thread hands on.
int split_slots(const DeviceConvolution& conv) {
  int pairs = 0;
  for (int s = 0; s < conv.segments; ++s) {
    const DeviceSegment& segment = conv.segment[s];
    pairs += segment.weight_bits * segment.input_bits;
  }
  return pairs * split_sums;
}

}  // namespace

std::size_t split_counter_bytes(int blocks) {
  constexpr std::size_t alignment = 16;
  return round_up(static_cast<std::size_t>(blocks) * sizeof(std::int32_t), alignment);
}

std::size_t split_bytes(const DeviceConvolution& conv, int blocks) {
  return split_counter_bytes(blocks) + static_cast<std::size_t>(split_slots(conv)) *
                                           SmallTile::threads * sizeof(std::int32_t) *
                                           static_cast<std::size_t>(blocks);
}

SplitMemory split_memory(const DeviceConvolution& conv, int blocks, std::byte* memory) {
  return {.sums = reinterpret_cast<std::int32_t*>(memory + split_counter_bytes(blocks)),
          .arrived = reinterpret_cast<std::int32_t*>(memory),
          .slots = split_slots(conv)};
}

TileProblem problem_of(const DeviceConvolution& conv) {
  TileProblem problem{.pixels = conv.pixels, .outputs = conv.outputs};
  for (int s = 0; s < conv.segments; ++s) {
    const DeviceSegment& segment = conv.segment[s];
    problem.steps = std::max(problem.steps, segment.steps);
    problem.passes += tile_passes(segment.weight_bits, segment.input_bits);
  }
  return problem;
}

void set_copy_words(DeviceConvolution& conv) {
  for (int s = 0; s < conv.segments; ++s) {
    conv.segment[s].copy_words = copy_words(conv.segment[s]);
  }
}

void run_tiles(Stream& stream, const DeviceConvolution& conv, const TilePlan& plan,
               const SplitMemory& split) {
  with_tile(plan.tile, [&]<typename T>() {
    launch("bitconv", tiles_kernel<T>,
           {blocks_of(conv, plan), dim3(T::threads), sizeof(TileMemory<T>)}, stream, conv, split);
  });
}

int tiles_architecture(Device device) {
  const CudaDeviceScope scope(device.index);
  cudaFuncAttributes attributes{};
  check_cuda(cudaFuncGetAttributes(&attributes, tiles_kernel<SmallTile>), "cudaFuncGetAttributes");
  return attributes.ptxVersion;
}

}  // namespace lq::kernels::cuda
