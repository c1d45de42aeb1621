// For 9.0a alone.
#include "kernels/bitconv/bitconv_warpgroup_cuda.h"

#include <type_traits>

#include "kernels/bitconv/bitconv_tile_cuda.h"
#include "kernels/bitconv/bitconv_tile_values_cuda.h"
#include "kernels/bitconv/bitconv_wgmma_cuda.h"
#include "kernels/common/cuda/mbarrier.h"

namespace lq::kernels::cuda {

namespace {

/// What Tile is to tiles of single warps: a warp has the sums of 16 rows and all columns.
template <WarpgroupTile tile>
struct GroupTile {
  static constexpr WarpgroupExtents extents = extents_of(tile);
  static constexpr int rows = WarpgroupExtents::rows;
  static constexpr int columns = extents.columns;
  static constexpr int resident_blocks = extents.resident_blocks;
  /// That multiply; those that copy follow.
  static constexpr int threads = warpgroup_threads;
  static constexpr int row_fragments = 1;
  static constexpr int column_fragments = columns / fragment_columns;
  static constexpr int value_pitch = extents.value_pitch();
  static constexpr int finished_at_once = extents.finished_at_once();

  static constexpr int weight_rows = extents.weight_rows();
  static constexpr int copying_threads = warpgroup_threads;
  static __device__ int copying_thread() { return static_cast<int>(threadIdx.x) - threads; }

  static __device__ int first_row() {
    return static_cast<int>(threadIdx.x) / warp_threads * fragment_rows;
  }
  static __device__ int first_column() { return 0; }
};

/// `filled` is complete when the weights and all inputs of the stage are there: an arrival that
/// announces the weights, and one of each warp that copies. `emptied` has one of each warp that
/// multiplies in the cluster, since every block copies weights to all of them.
template <typename T>
struct GroupMemory {
  // Swizzled matrices begin at multiples of eight rows.
  static_assert(sizeof(Stage<T>) % (8 * step_bytes) == 0);
  alignas(8 * step_bytes) Stage<T> stages[WarpgroupExtents::stages];
  TileValues<T> values;
  TileRow rows[T::rows];
  Mbarrier filled[WarpgroupExtents::stages];
  Mbarrier emptied[WarpgroupExtents::stages];
};

/// Of compute capability 9.0; what is reserved is of each block.
constexpr int multiprocessor_shared_bytes = 228 << 10;
constexpr int reserved_shared_bytes = 1 << 10;

/// A place in the ring of stages, and the parity of the round.
struct StageCursor {
  int stage = 0;
  unsigned parity = 0;

  __device__ void advance() {
    if (++stage == WarpgroupExtents::stages) {
      stage = 0;
      parity ^= 1;
    }
  }
};

template <typename T>
struct GroupWork {
  const DeviceConvolution& conv;
  GroupMemory<T>& memory;
  std::int64_t first_pixel;
  int first_channel;
};

__device__ inline int lane() { return static_cast<int>(threadIdx.x) % warp_threads; }

/// This warp has done with a stage.
template <typename T>
__device__ void hand_back(GroupMemory<T>& memory, int stage) {
  if (lane() < cluster_blocks) memory.emptied[stage].arrive_at_block(lane());
}

/// By all threads, before the walk begins.
template <typename T>
__device__ void prepare_memory(const GroupWork<T>& work) {
  GroupMemory<T>& memory = work.memory;
  const auto thread = static_cast<int>(threadIdx.x);
  make_tile_rows<T>(work.conv, work.first_pixel, memory.rows, thread, WarpgroupExtents::threads);
  constexpr int counting_words = counting_columns * step_words;
  constexpr int steps = WarpgroupExtents::stages * stage_steps;
  for (int i = thread; i < steps * counting_words; i += WarpgroupExtents::threads) {
    const int step = i / counting_words;
    std::uint32_t(*const ones)[step_words] =
        memory.stages[step / stage_steps].weights[step % stage_steps] + T::columns;
    ones[i % counting_words / step_words][i % step_words] = ~0U;
  }
  fence_async_proxy();
  if (thread == 0) {
    for (int stage = 0; stage < WarpgroupExtents::stages; ++stage) {
      memory.filled[stage].init(1 + T::copying_threads / warp_threads);
      memory.emptied[stage].init(cluster_blocks * T::threads / warp_threads);
    }
    Mbarrier::fence_init();
  }
  __syncthreads();
  meet_in_cluster();
}

/// Steps of the first stage of a pass. All others are whole, which leaves the loop over them
/// without branches between products, at which the compiler would wait for these.
__device__ inline int steps_of_first_stage(const Pass& pass) {
  static_assert(stage_steps == 2);
  return pass.segment.steps % 2 == 0 ? 2 : 1;
}

/// Queues the copies of the weights of a stage: of this block's share of the rows, to all blocks of
/// the cluster. By one thread.
template <typename T>
__device__ void copy_weights(const GroupWork<T>& work, const Pass& pass, int first_step,
                             int end_step, int stage) {
  constexpr int share = T::columns / cluster_blocks;
  const int steps = end_step - first_step;
  const int first_row = cluster_rank() * share;
  Mbarrier& filled = work.memory.filled[stage];
  filled.arrive_and_expect(steps * T::columns * step_bytes);
#pragma unroll
  for (int step = 0; step < stage_steps; ++step) {
    if (step == steps) break;
    filled.copy_to_blocks<cluster_blocks>(
        work.memory.stages[stage].weights[step] + first_row,
        step_weights(work.conv, pass, work.first_channel + first_row, first_step + step),
        share * step_bytes);
  }
}

/// The warpgroup that copies: stages of all passes one after the other, as they become empty.
/// Weights are brought by bulk copies, inputs by copies of the threads, some stages of which are
/// under way before the oldest is waited for and handed over.
template <typename T>
__device__ void copy_stages(const GroupWork<T>& work) {
  constexpr int stages_under_way = WarpgroupExtents::stages / 2;
  GroupMemory<T>& memory = work.memory;
  StageCursor next;
  StageCursor oldest;
  int under_way = 0;
  const auto hand_over = [&] {
    if (lane() == 0) memory.filled[oldest.stage].arrive();
    oldest.advance();
  };
  for_each_pass<T>(work.conv, [&]<typename Product, int planes>(const Pass& pass) {
    int end_step = steps_of_first_stage(pass);
    for (int step = 0; step < pass.segment.steps; step = end_step, end_step += stage_steps) {
      memory.emptied[next.stage].wait(next.parity ^ 1);
      if (T::copying_thread() == 0) copy_weights(work, pass, step, end_step, next.stage);
      stage_inputs<T, Product, planes>(work.conv, pass, memory.rows, step, end_step,
                                       memory.stages[next.stage]);
      commit_copies();
      next.advance();
      if (under_way < stages_under_way) {
        ++under_way;
        continue;
      }
      wait_for_copies<stages_under_way>();
      fence_async_proxy();
      __syncwarp();
      hand_over();
    }
  });
  wait_for_copies<0>();
  fence_async_proxy();
  __syncwarp();
  for (; under_way > 0; --under_way) hand_over();
  // Other blocks arrive at this one's barriers as long as it is there.
  for (int stage = 0; stage < WarpgroupExtents::stages; ++stage) {
    memory.emptied[next.stage].wait(next.parity ^ 1);
    next.advance();
  }
}

/// The sums of a pass, whose first stage is `stage`; sets it to that of the next pass. The products
/// of a stage are under way while those of the next are queued.
template <typename T, typename Product, int planes>
__device__ void multiply_pass(const GroupWork<T>& work, const Pass& pass, StageCursor& stage,
                              TileSums<T, planes>& sums) {
  constexpr int counting = Product::counts_inputs ? counting_columns / fragment_columns : 0;
  constexpr int fragments = T::column_fragments + counting;
  GroupMemory<T>& memory = work.memory;
  FragmentSums products[planes][fragments];
  const auto multiply_stage = [&](auto steps, bool is_first) {
    memory.filled[stage.stage].wait(stage.parity);
    const Stage<T>& full = memory.stages[stage.stage];
    const MatrixDescriptors descriptors(&full);
    fence_products();
#pragma unroll
    for (int step = 0; step < steps; ++step) {
#pragma unroll
      for (int j = 0; j < planes; ++j) {
        multiply_rows<Product>(products[j], descriptors.of(full.inputs[step][j]),
                               descriptors.of(full.weights[step]), !is_first || step > 0);
      }
    }
    commit_products();
  };
  const auto multiply_stages = [&](auto first_steps) {
    multiply_stage(first_steps, true);
    for (int step = first_steps; step < pass.segment.steps; step += stage_steps) {
      const int last = stage.stage;
      stage.advance();
      multiply_stage(std::integral_constant<int, stage_steps>(), false);
      wait_for_products<1>();
      hand_back(memory, last);
    }
    wait_for_products<0>();
  };
  if (steps_of_first_stage(pass) == 1) {
    multiply_stages(std::integral_constant<int, 1>());
  } else {
    multiply_stages(std::integral_constant<int, stage_steps>());
  }
  hand_back(memory, stage.stage);
  stage.advance();
#pragma unroll
  for (int j = 0; j < planes; ++j) {
    keep_behind(products[j]);
#pragma unroll
    for (int c = 0; c < T::column_fragments; ++c) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        sums[j][0][c][e] = products[j][c][e];
        if constexpr (counting > 0) {
          sums[j][0][c][e] = 2 * products[j][c][e] - products[j][T::column_fragments][e & 2];
        }
      }
    }
  }
}

/// Between the threads that multiply.
template <typename T>
__device__ void synchronize_multipliers() {
  asm volatile("bar.sync 1, %0;" ::"n"(T::threads) : "memory");
}

/// As tiles_kernel, but a block's warps share the work: one warpgroup copies, ahead of the other by
/// as many stages as there are, which multiplies all pixels by all channels of a step in an
/// instruction for each plane of inputs, and makes values and results of the sums. Copies of one
/// block and results of another leave the tensor cores busy with a third. The blocks of a cluster
/// have the same channels, and each copies half of the weights to both.
///
/// A column of ones counts popc(A): 16 columns are the fewest that a product can have more, a ninth
/// of 64 x 144. Counting in registers would take 1024 popcounts for a step of two planes, 64 clocks
/// of a multiprocessor's 16 lanes, and read the inputs once more.
///
/// Of such a step, WarpgroupTile::wide has products of 2 x 72 clocks, if tensor cores are as fast
/// for bits as for as many bytes of integers; they read 13 KiB from shared memory, and 8 KiB come
/// into it: 168 clocks at 128 bytes. 2 KiB of weights come from the L2 cache for each block.
template <typename T>
__global__ void __cluster_dims__(cluster_blocks, 1, 1)
    __launch_bounds__(WarpgroupExtents::threads, T::resident_blocks)
        warpgroup_kernel(const __grid_constant__ DeviceConvolution conv) {
  static_assert(sizeof(GroupMemory<T>) == T::extents.shared_bytes());
  extern __shared__ __align__(1024) unsigned char warpgroup_memory[];
  static_assert(T::resident_blocks * (sizeof(GroupMemory<T>) + reserved_shared_bytes) <=
                multiprocessor_shared_bytes);
  const GroupWork<T> work{conv, *reinterpret_cast<GroupMemory<T>*>(warpgroup_memory),
                          static_cast<std::int64_t>(blockIdx.x) * T::rows,
                          static_cast<int>(blockIdx.y) * T::columns};
  prepare_memory(work);
  if (threadIdx.x >= T::threads) {
    give_up_registers<T::extents.copier_registers>();
    copy_stages(work);
    return;
  }
  take_registers<T::extents.multiplier_registers>();
  const TileResults<T> results{conv, work.memory.values, work.first_pixel, work.first_channel};
  StageCursor stage;
  for_each_pass<T>(conv, [&]<typename Product, int planes>(const Pass& pass) {
    TileSums<T, planes> sums;
    multiply_pass<T, Product, planes>(work, pass, stage, sums);
    add_values<T, Product, planes>(results, pass, sums);
  });
  synchronize_multipliers<T>();
  finish_tile(results);
}

template <WarpgroupTile tile>
void run_tile(Stream& stream, const DeviceConvolution& conv) {
  using T = GroupTile<tile>;
  const TileGrid grid = grid_of({.pixels = conv.pixels, .outputs = conv.outputs}, tile);
  // A tile behind the last has no pixels.
  const dim3 blocks(static_cast<unsigned>(round_up(grid.pixel_tiles, cluster_blocks)),
                    static_cast<unsigned>(grid.channel_tiles));
  launch("bitconv", warpgroup_kernel<T>,
         {blocks, dim3(WarpgroupExtents::threads), sizeof(GroupMemory<T>)}, stream, conv);
}

}  // namespace

void run_warpgroups(Stream& stream, const DeviceConvolution& conv, WarpgroupTile tile) {
  if (tile == WarpgroupTile::wide) {
    run_tile<WarpgroupTile::wide>(stream, conv);
  } else {
    run_tile<WarpgroupTile::narrow>(stream, conv);
  }
}

}  // namespace lq::kernels::cuda
