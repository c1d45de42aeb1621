// The order of weights and coefficients that SegmentJob (bitconv_isa.h) wants.
#pragma once

#include <algorithm>
#include <vector>

#include "core/integers.h"
#include "kernels/bitconv/bitconv_isa.h"
#include "kernels/common/aligned_vector.h"

namespace lq::kernels::bitconv {

/// The words of a segment's weights, before they are arranged: word `k` of kernel row `r` of plane
/// `i` of output channel `o`.
struct WeightWords {
  int planes;
  std::int64_t kernel_rows;
  std::int64_t row_words;
  std::vector<std::uint32_t> words;  // O x planes x kernel_rows x row_words

  WeightWords(std::int64_t outputs, int planes_, std::int64_t kernel_rows_, std::int64_t row_words_)
      : planes(planes_),
        kernel_rows(kernel_rows_),
        row_words(row_words_),
        words(outputs * planes_ * kernel_rows_ * row_words_, 0) {}

  std::uint32_t* row(std::int64_t o, int plane, std::int64_t kernel_row) {
    return words.data() + ((o * planes + plane) * kernel_rows + kernel_row) * row_words;
  }
  const std::uint32_t* row(std::int64_t o, int plane, std::int64_t kernel_row) const {
    return words.data() + ((o * planes + plane) * kernel_rows + kernel_row) * row_words;
  }
};

/// Calls place(row, first row of its group, rows of the group) for every row of weights in the
/// order that SegmentJob wants. Row r of a tile is plane r % planes of block r / planes.
template <typename Place>
void for_each_row(std::int64_t blocks, int planes, Place&& place) {
  for (std::int64_t tile = 0; tile < blocks; tile += blocks_per_tile) {
    const std::int64_t rows = std::min<std::int64_t>(blocks_per_tile, blocks - tile) * planes;
    for (std::int64_t first = 0; first < rows; first += rows_per_group) {
      const std::int64_t group = std::min<std::int64_t>(rows_per_group, rows - first);
      for (std::int64_t r = 0; r < group; ++r) {
        place(tile * planes + first + r, tile * planes + first, group);
      }
    }
  }
}

inline AlignedVector<std::uint32_t> arrange_weights(const WeightWords& weights,
                                                    std::int64_t outputs) {
  const std::int64_t blocks = ceil_divide(outputs, block_channels);
  const std::int64_t words = weights.kernel_rows * weights.row_words;
  AlignedVector<std::uint32_t> arranged(blocks * weights.planes * words * block_channels, 0);
  for_each_row(
      blocks, weights.planes, [&](std::int64_t row, std::int64_t first, std::int64_t group) {
        const std::int64_t block = row / weights.planes;
        const int plane = static_cast<int>(row % weights.planes);
        std::uint32_t* to = arranged.data() + (first * words + (row - first)) * block_channels;
        const std::int64_t lanes =
            std::min<std::int64_t>(block_channels, outputs - block * block_channels);
        for (std::int64_t lane = 0; lane < lanes; ++lane) {
          const std::uint32_t* from = weights.row(block * block_channels + lane, plane, 0);
          for (std::int64_t k = 0; k < words; ++k) {
            to[k * group * block_channels + lane] = from[k];
          }
        }
      });
  return arranged;
}

/// coefficient(o, weight plane, input plane), in the order of SegmentJob::coefficients.
template <typename Coefficient>
AlignedVector<float> arrange_coefficients(std::int64_t outputs, int weight_planes, int input_planes,
                                          Coefficient&& coefficient) {
  const std::int64_t blocks = ceil_divide(outputs, block_channels);
  AlignedVector<float> arranged(blocks * weight_planes * input_planes * block_channels, 0.0F);
  for_each_row(
      blocks, weight_planes, [&](std::int64_t row, std::int64_t first, std::int64_t group) {
        const std::int64_t block = row / weight_planes;
        const std::int64_t lanes =
            std::min<std::int64_t>(block_channels, outputs - block * block_channels);
        for (int plane = 0; plane < input_planes; ++plane) {
          float* to = arranged.data() +
                      (first * input_planes + plane * group + (row - first)) * block_channels;
          for (std::int64_t lane = 0; lane < lanes; ++lane) {
            to[lane] = coefficient(block * block_channels + lane,
                                   static_cast<int>(row % weight_planes), plane);
          }
        }
      });
  return arranged;
}

}  // namespace lq::kernels::bitconv
