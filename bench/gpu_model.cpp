#include "bench/gpu_model.h"

#include <algorithm>
#include <initializer_list>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/integers.h"
#include "core/packed_layout.h"

namespace lq::bench {

namespace {

namespace assumed = gpu_assumptions;
using kernels::cuda::bytes_per_word;
using kernels::cuda::channel_block;
using kernels::cuda::cluster_blocks;
using kernels::cuda::extents_of;
using kernels::cuda::fragment_columns;
using kernels::cuda::fragment_rows;
using kernels::cuda::grid_of;
using kernels::cuda::most_planes;
using kernels::cuda::pipeline_stages;
using kernels::cuda::plan_tiles;
using kernels::cuda::plan_warpgroups;
using kernels::cuda::stage_steps;
using kernels::cuda::step_bytes;
using kernels::cuda::step_words;
using kernels::cuda::tile_passes;
using kernels::cuda::tile_steps;
using kernels::cuda::TileExtents;
using kernels::cuda::TilePlan;
using kernels::cuda::TileProblem;
using kernels::cuda::warp_lanes;
using kernels::cuda::warpgroup_threads;
using kernels::cuda::WarpgroupExtents;
using kernels::cuda::WarpgroupTile;
using kernels::cuda::words_at_once;

/// A layer as the kernel sees it.
struct Layer {
  kernels::Conv2dGeometry geometry;
  BitWidths widths;
  std::int64_t batch;
  bool is_bytes;
  std::int64_t pixel_words;  ///< of the input, in one plane
  int weight_planes;
  int input_planes;
  std::vector<int> passes;  ///< planes of inputs in each

  Layer(const ConvolutionShape& shape, BitWidths bits, std::int64_t images)
      : geometry(shape.geometry()), widths(bits), batch(images), is_bytes(uses_grid(bits)) {
    check(!is_bytes || geometry.c_in % bytes_per_word == 0,
          "bench: {} with {} bits has {} channels of bytes, expected a multiple of {}", shape.name,
          bits.to_string(), geometry.c_in, bytes_per_word);
    weight_planes = is_bytes ? 1 : bits.weights;
    input_planes = is_bytes ? 1 : bits.activations;
    pixel_words = words(geometry.c_in);
    for (int i = 0; i < weight_planes; ++i) {
      for (int j = 0; j < input_planes; j += most_planes) {
        passes.push_back(std::min(most_planes, input_planes - j));
      }
    }
  }

  std::int64_t words(std::int64_t channels) const {
    return is_bytes ? ceil_divide(channels, bytes_per_word) : packed::words(channels);
  }
  /// Sums for each result.
  int plane_pairs() const { return weight_planes * input_planes; }
  int steps() const { return tile_steps(geometry.kernel_h * geometry.kernel_w * pixel_words); }
  TileProblem problem() const {
    return {.pixels = batch * geometry.out_h * geometry.out_w,
            .outputs = static_cast<int>(geometry.c_out),
            .steps = steps(),
            .passes = tile_passes(weight_planes, input_planes)};
  }
  /// Of operands and results, which have the same form.
  double bytes() const {
    const std::int64_t inputs = input_planes * batch * geometry.h * geometry.w * pixel_words;
    const std::int64_t weights = std::int64_t{weight_planes} * steps() * step_words *
                                 round_up(geometry.c_out, channel_block);
    const std::int64_t results =
        input_planes * batch * geometry.out_h * geometry.out_w * words(geometry.c_out);
    return 4.0 * static_cast<double>(inputs + weights + results);
  }
};

/// What is made of the sums of a block's tile, by the warps that have them.
class BlockEpilogue {
 public:
  BlockEpilogue(const GpuSpec& gpu, const Layer& layer, int tile_values, int warps,
                int finished_at_once, int splits)
      : gpu_(gpu),
        layer_(layer),
        steps_(ceil_divide(layer.steps(), splits)),
        splits_(splits),
        tile_values_(tile_values),
        warps_(warps),
        finished_at_once_(finished_at_once) {}

  int warps() const { return warps_; }

  /// Sums that a split tile's block leaves, and that another reads.
  double handed_on_bytes() const {
    return splits_ == 1 ? 0 : 2.0 * 4 * layer_.plane_pairs() * tile_values_;
  }
  /// Of a warp, for a whole tile.
  double epilogue_instructions() const {
    return independent_instructions() + groups() * group_instructions();
  }
  double epilogue_latency() const {
    // Sums are written, counted and read.
    const double gathered = splits_ == 1 ? 0 : 3 * assumed::copy_latency;
    return gathered + assumed::clocks_per_independent_instruction * independent_instructions() +
           groups() * (assumed::clocks_per_instruction * group_instructions() +
                       assumed::group_loads * assumed::load_latency);
  }

 protected:
  template <typename Cost>
  double of_passes(Cost&& cost) const {
    double sum = 0;
    for (const int planes : layer_.passes) sum += cost(planes);
    return sum;
  }
  double planes() const {
    return of_passes([](int planes) { return planes; });
  }
  int stages() const { return ceil_divide(steps_, stage_steps); }

  const GpuSpec& gpu_;
  const Layer& layer_;
  int steps_;  // of the longest part of a walk

 private:
  int values_of_thread() const { return tile_values_ / (warps_ * warp_lanes); }
  int thresholds() const { return (1 << layer_.widths.activations) - 1; }
  /// Runs of as many pixels with 32 channels, of a warp: it has as many of these as a thread has
  /// values.
  int groups() const { return values_of_thread() / finished_at_once_; }
  double group_instructions() const {
    return assumed::group_instructions + thresholds() * assumed::group_threshold_instructions;
  }
  /// For all values of a tile.
  double independent_instructions() const {
    const double value = of_passes([](int planes) {
      return assumed::value_instructions + planes * assumed::value_plane_instructions;
    });
    const double gathered =
        splits_ == 1 ? 0 : assumed::gather_instructions * splits_ * layer_.plane_pairs();
    const int ballots =
        layer_.is_bytes ? 1 : ceil_divide(layer_.widths.activations, assumed::finished_planes);
    const double pixel = assumed::pixel_instructions +
                         ballots * thresholds() * assumed::pixel_threshold_instructions +
                         (layer_.is_bytes ? assumed::pixel_byte_instructions : 0);
    return values_of_thread() * (value + gathered + pixel);
  }

  int splits_;
  int tile_values_;
  int warps_;
  int finished_at_once_;
};

/// The work of a block by mma, or of a warp where that is said.
class MmaBlock : public BlockEpilogue {
 public:
  MmaBlock(const GpuSpec& gpu, const Layer& layer, const TilePlan& plan)
      : BlockEpilogue(gpu, layer, extents_of(plan.tile).rows * extents_of(plan.tile).columns,
                      extents_of(plan.tile).warps(), extents_of(plan.tile).finished_at_once(),
                      plan.splits),
        tile_(extents_of(plan.tile)),
        is_expanded_(!layer.is_bytes && gpu.b1_operations == 0),
        slices_(is_expanded_ ? 8 : 1) {}

  int resident_blocks() const {
    const int reserved = gpu_.compute_capability >= 80 ? 1 << 10 : 0;  // by the system, per block
    return std::min(tile_.resident_blocks, gpu_.shared_bytes / (tile_.shared_bytes() + reserved));
  }

  double tensor_clocks() const {
    const bool is_binary = !layer_.is_bytes && !is_expanded_;
    // A column of ones for each warp.
    const int ones = is_binary && gpu_.compute_capability == 90 ? tile_.warps_across() : 0;
    const int columns = tile_.columns / fragment_columns + ones;
    const double operations =
        2.0 * fragment_rows * fragment_columns * step_bytes * (is_binary ? 8.0 : 1.0) * slices_;
    return steps_ * planes() * (tile_.rows / fragment_rows) * columns * operations /
           (is_binary ? gpu_.b1_operations : gpu_.int8_operations);
  }

  double expansion_clocks() const {
    return of_passes([this](int planes) { return steps_ * expansion_instructions(planes); }) *
           tile_.warps() * warp_lanes / gpu_.integer_operations;
  }

  double cached_bytes() const { return copied_bytes() + handed_on_bytes(); }

  double shared_clocks() const {
    const double reads = of_passes([this](int planes) {
      return 1.0 * steps_ * tile_.warps() * (planes * tile_.warp_rows + tile_.warp_columns) *
             step_bytes;
    });
    return (reads + copied_bytes()) / assumed::shared_port_bytes;
  }

  /// Of a warp, up to the end of all walks.
  double walk_instructions() const {
    return assumed::block_instructions + of_passes([this](int planes) {
             return stages() * staging_instructions(planes) + steps_ * step_instructions(planes);
           });
  }

  /// From a block's begin to its last product, if no other block is in its way.
  double walk_latency() const {
    const double begin = assumed::clocks_per_instruction * assumed::block_instructions;
    return begin + of_passes([this](int planes) {
             const double computing =
                 assumed::clocks_per_instruction *
                 (staging_instructions(planes) + stage_steps * step_instructions(planes));
             const bool is_asynchronous = gpu_.compute_capability >= 80;
             const double stage =
                 is_asynchronous
                     ? std::max(computing, assumed::copy_latency / (pipeline_stages - 1))
                     : computing + assumed::copy_latency;
             return assumed::copy_latency + stages() * stage;
           });
  }

 private:
  double copied_bytes() const {
    return of_passes([this](int planes) {
      return 1.0 * steps_ * (planes * tile_.rows + tile_.columns) * step_bytes;
    });
  }
  double staging_instructions(int planes) const {
    const int copy_words = words_at_once(static_cast<std::uint64_t>(layer_.pixel_words));
    return assumed::stage_instructions +
           ceil_divide(tile_.rows, tile_.rows_at_once(copy_words)) *
               (assumed::row_instructions + planes * assumed::row_plane_instructions +
                (layer_.is_bytes ? assumed::row_outside_instructions : 0));
  }
  double step_instructions(int planes) const {
    const int loads = tile_.column_fragments() / 2 + planes * tile_.row_fragments();
    // 7.5 has products of a quarter.
    const int products = planes * tile_.row_fragments() * tile_.column_fragments() * slices_ *
                         (gpu_.compute_capability >= 80 ? 1 : 4);
    return assumed::step_instructions + assumed::matrix_load_instructions * loads + products +
           expansion_instructions(planes);
  }
  /// Of a warp in a step: two words of a column, four of a row, in each lane.
  double expansion_instructions(int planes) const {
    if (!is_expanded_) return 0;
    return slices_ * (2 * assumed::weight_expansion * tile_.column_fragments() +
                      4 * assumed::input_expansion * planes * tile_.row_fragments());
  }

  TileExtents tile_;
  bool is_expanded_;
  int slices_;
};

/// The work of a block by wgmma. Four of its warps copy, and as many multiply; instructions are
/// those of one of each together.
class WarpgroupBlock : public BlockEpilogue {
 public:
  WarpgroupBlock(const GpuSpec& gpu, const Layer& layer, WarpgroupTile tile)
      : BlockEpilogue(gpu, layer, WarpgroupExtents::rows * extents_of(tile).columns,
                      warpgroup_threads / warp_lanes, extents_of(tile).finished_at_once(), 1),
        tile_(extents_of(tile)),
        product_columns_(layer.is_bytes ? tile_.columns : tile_.weight_rows()) {}

  int resident_blocks() const { return tile_.resident_blocks; }
  static double expansion_clocks() { return 0; }

  double tensor_clocks() const {
    const double operations =
        2.0 * WarpgroupExtents::rows * product_columns_ * step_bytes * (layer_.is_bytes ? 1 : 8);
    return steps_ * planes() * operations /
           (layer_.is_bytes ? gpu_.wgmma_int8_operations : gpu_.wgmma_b1_operations);
  }
  double cached_bytes() const { return input_bytes() + weight_bytes() / cluster_blocks; }
  double shared_clocks() const {
    const double reads =
        steps_ * planes() * (WarpgroupExtents::rows + product_columns_) * step_bytes;
    return (reads + input_bytes() + weight_bytes()) / assumed::shared_port_bytes;
  }

  double walk_instructions() const {
    return 2 * assumed::block_instructions + of_passes([this](int planes) {
             return stages() * (copier(planes) + assumed::multiplier_instructions) +
                    steps_ * planes * assumed::product_instructions;
           });
  }
  double walk_latency() const {
    const double begin = assumed::clocks_per_instruction * assumed::block_instructions;
    // Half of the stages are under way.
    constexpr double copying = assumed::copy_latency / (WarpgroupExtents::stages / 2);
    return begin + assumed::copy_latency + of_passes([&](int planes) {
             return stages() * std::max(assumed::clocks_per_instruction * copier(planes), copying);
           });
  }

 private:
  double input_bytes() const { return steps_ * planes() * WarpgroupExtents::rows * step_bytes; }
  double weight_bytes() const {
    return of_passes([this](int) { return 1.0 * steps_ * tile_.columns * step_bytes; });
  }
  static double copier(int planes) {
    return assumed::copier_instructions + (planes - 1) * assumed::copier_plane_instructions;
  }

  WarpgroupExtents tile_;
  int product_columns_;  // with those that count inputs
};

using NamedTime = std::pair<std::string_view, double>;

NamedTime longest(std::initializer_list<NamedTime> times) {
  return std::ranges::max(times, {}, &NamedTime::second);
}

NamedTime slowest_of_walks(const GpuTimes& times) {
  return longest({{"tensor cores", times.tensor},
                  {"expansion", times.expansion},
                  {"shared memory", times.shared},
                  {"instructions", times.instructions},
                  {"cache", times.cache},
                  {"memory", times.memory},
                  {"latency", times.latency}});
}

/// Of the fullest multiprocessor.
template <typename Block>
void predict_times(const GpuSpec& gpu, const Layer& layer, const Block& block,
                   GpuPrediction& result) {
  result.resident_blocks = block.resident_blocks();
  const std::int64_t blocks = ceil_divide(result.grid.blocks(), gpu.multiprocessors);
  const std::int64_t tiles = ceil_divide(result.grid.tiles(), gpu.multiprocessors);
  result.waves = ceil_divide(blocks, result.resident_blocks);
  const auto waves_of_tiles = static_cast<double>(ceil_divide(tiles, result.resident_blocks));
  const auto us = [&gpu](double clocks) { return clocks / (1e3 * gpu.clock_ghz); };
  const auto us_of_blocks = [&](double clocks) { return us(static_cast<double>(blocks) * clocks); };
  const double warps_per_scheduler = block.warps() / assumed::schedulers;

  GpuTimes& times = result.times;
  times.tensor = us_of_blocks(block.tensor_clocks());
  times.expansion = us_of_blocks(block.expansion_clocks());
  times.shared = us_of_blocks(block.shared_clocks());
  times.instructions = us_of_blocks(warps_per_scheduler * block.walk_instructions());
  times.cache = std::max(
      us(static_cast<double>(result.grid.blocks()) * block.cached_bytes() / gpu.cache_bytes),
      us_of_blocks(block.cached_bytes() / assumed::cache_port_bytes));
  times.memory = layer.bytes() / (1e3 * gpu.memory_gb_per_s);
  times.latency = us(static_cast<double>(result.waves) * block.walk_latency());
  times.epilogue =
      us(std::max(static_cast<double>(tiles) * warps_per_scheduler * block.epilogue_instructions(),
                  waves_of_tiles * block.epilogue_latency()));
  times.launch = assumed::launch_us;
}

}  // namespace

GpuPrediction predict_convolution(const GpuSpec& gpu, const ConvolutionShape& shape,
                                  BitWidths widths, std::int64_t batch) {
  check(batch >= 1, "bench: batch is {}, expected at least 1", batch);
  const Layer layer(shape, widths, batch);
  GpuPrediction result{.steps = layer.steps()};
  if (gpu.wgmma_int8_operations > 0) {
    result.warpgroups = plan_warpgroups(layer.problem(), gpu.multiprocessors);
  }
  if (result.warpgroups) {
    result.grid = grid_of(layer.problem(), *result.warpgroups);
    predict_times(gpu, layer, WarpgroupBlock(gpu, layer, *result.warpgroups), result);
  } else {
    result.plan = plan_tiles(layer.problem(), gpu.multiprocessors);
    result.grid = grid_of(layer.problem(), result.plan);
    predict_times(gpu, layer, MmaBlock(gpu, layer, result.plan), result);
  }

  const GpuTimes& times = result.times;
  const NamedTime walks = slowest_of_walks(times);
  result.us = times.launch + walks.second + times.epilogue;
  result.limit = longest({walks, {"epilogue", times.epilogue}, {"launch", times.launch}}).first;
  const double peak = layer.is_bytes ? gpu.byte_peak() : gpu.bit_peak();
  result.tensor_bound_us = 1e6 * 2 * convolution_macs(layer.geometry, widths) *
                           static_cast<double>(batch) / gpu.per_second(peak);
  return result;
}

}  // namespace lq::bench
