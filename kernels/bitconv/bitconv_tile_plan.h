// Tiles of a bit-convolution on a GPU's tensor cores: their extents, and which of them a layer
// gets. Arithmetic of the host alone, in builds without CUDA too, where bench/gpu_model.h goes by
// it.
#pragma once

#include <cstdint>

namespace lq::kernels::cuda {

/// Output channels are padded to multiples of it.
inline constexpr int channel_block = 64;
/// Channels that a word holds where they are bytes.
inline constexpr int bytes_per_word = 4;

/// A product of tensor cores has fragment_rows output pixels by fragment_columns output channels by
/// step_words words of a window: 256 bits, or 32 bytes.
inline constexpr int fragment_rows = 16;
inline constexpr int fragment_columns = 8;
inline constexpr int step_words = 8;
inline constexpr int step_bytes = 4 * step_words;

/// Where a word of a row of eight lies in it, in shared memory and in weights that are copied
/// there. Matrices are read by eight rows of four words at once, and eight rows of eight words fill
/// all banks twice: rows 4 to 7 of eight have their halves swapped, so that the same words of all
/// eight lie in different banks.
template <typename Index>
constexpr Index swizzled(Index row, Index word) {
  return word ^ (row & 4);
}

/// Planes of inputs that are multiplied at once.
inline constexpr int most_planes = 2;
/// A stage of the pipeline is as many steps.
inline constexpr int stage_steps = 2;
inline constexpr int pipeline_stages = 3;

/// Rows of the inputs of a stage that so many threads copy at once, by pieces of so many words.
constexpr int rows_copied_at_once(int threads, int copy_words) {
  return threads / (stage_steps * step_words / copy_words);
}

inline constexpr int warp_lanes = 32;

/// What a kernel keeps of an output pixel in shared memory.
inline constexpr int tile_row_bytes = 16;

enum class BitconvTile : unsigned char { wide, square, small };

/// Output pixels (rows) by output channels (columns) of a block, and of each of its warps; blocks
/// that a multiprocessor shall have registers for.
struct TileExtents {
  int rows;
  int columns;
  int warp_rows;
  int warp_columns;
  int resident_blocks;

  constexpr int warps_across() const { return columns / warp_columns; }
  constexpr int warps() const { return rows / warp_rows * warps_across(); }
  /// Of a warp.
  constexpr int row_fragments() const { return warp_rows / fragment_rows; }
  constexpr int column_fragments() const { return warp_columns / fragment_columns; }

  /// Larger tiles have no room for values beside the stages, and so for no second pass.
  constexpr bool has_one_pass() const { return rows * columns > 64 * 64; }
  /// Maps that larger tiles are for have enough of them.
  constexpr bool can_split() const { return rows * columns <= 32 * 32; }

  /// Pixels of 32 channels that a warp finishes at once: more share what belongs to a channel, and
  /// take more registers.
  constexpr int finished_at_once() const { return resident_blocks > 3 ? 8 : 16; }

  /// Floats from one row of values to the next: the pairs of a half-warp, of four rows, lie in
  /// different banks.
  constexpr int value_pitch() const { return columns + 8; }
  /// Of the inputs of a stage.
  constexpr int rows_at_once(int copy_words) const {
    return rows_copied_at_once(warps() * warp_lanes, copy_words);
  }
  constexpr int stage_bytes() const {
    return stage_steps * (most_planes * rows + columns) * step_bytes;
  }
  /// Shared memory of a block: pixels, stages, values where they lie beside them, and a flag.
  constexpr int shared_bytes() const {
    constexpr int alignment = 16;
    const int values = has_one_pass() ? 1 : rows * value_pitch() * 4;
    const int all = rows * tile_row_bytes + pipeline_stages * stage_bytes() + values + 1;
    return (all + alignment - 1) / alignment * alignment;
  }
};

constexpr TileExtents extents_of(BitconvTile tile) {
  switch (tile) {
    case BitconvTile::wide:
      return {
          .rows = 128, .columns = 64, .warp_rows = 64, .warp_columns = 32, .resident_blocks = 2};
    case BitconvTile::square:
      return {.rows = 64, .columns = 64, .warp_rows = 32, .warp_columns = 32, .resident_blocks = 3};
    case BitconvTile::small:
      break;
  }
  return {.rows = 32, .columns = 32, .warp_rows = 16, .warp_columns = 16, .resident_blocks = 5};
}

struct TilePlan {
  BitconvTile tile = BitconvTile::small;
  int splits = 1;  ///< parts of the walk over a window, for small tiles only
};

/// What the choice of tiles depends on.
struct TileProblem {
  std::int64_t pixels = 0;  ///< N P Q
  int outputs = 0;          ///< O
  int steps = 0;            ///< of the segment that has most
  int passes = 0;           ///< of all segments
};

/// Steps of a walk over the words of a window.
int tile_steps(std::int64_t window_words);

/// Walks over a window of bits: one for each plane of weights with most_planes of inputs.
int tile_passes(int weight_bits, int input_bits);

/// The most words that lie aligned at all places which are sums of multiples of some numbers: 1, 2
/// or 4. `bits` has the bits of all of them.
constexpr int words_at_once(std::uint64_t bits) {
  return bits % 4 == 0 ? 4 : bits % 2 == 0 ? 2 : 1;
}

/// Blocks of a launch.
struct TileGrid {
  std::int64_t pixel_tiles = 0;
  std::int64_t channel_tiles = 0;
  int splits = 1;

  std::int64_t tiles() const { return pixel_tiles * channel_tiles; }
  std::int64_t blocks() const { return tiles() * splits; }
};

TileGrid grid_of(const TileProblem& problem, const TilePlan& plan);

/// Blocks of split tiles of which a device of so many multiprocessors keeps sums: small maps are
/// split until a multiprocessor has about two blocks.
int most_split_blocks(int multiprocessors);

/// The largest tiles that give every multiprocessor work.
TilePlan plan_tiles(const TileProblem& problem, int multiprocessors);

/// The same plan with the nearest tile and number of parts that the convolution can have.
TilePlan within_bounds(const TileProblem& problem, TilePlan plan, int multiprocessors);

}  // namespace lq::kernels::cuda
