#include <cmath>

#include "kernels/common/cuda/launch.h"
#include "kernels/level_table/level_table.h"

namespace lq::kernels::cuda {

namespace {

constexpr int most_levels = 1 << max_bits;

struct Outputs {
  float* levels;
  float* thresholds;
  std::uint8_t* codes;
  float* pass_range;
};

/// A block owns a row, a thread a code: it adds up the code's level, and counts the levels that
/// come before it, which is its position. All levels lie in shared memory, where a warp reads one
/// at a time. Nothing is sorted in place, so that no thread needs an array; bound by the launch.
__global__ void __launch_bounds__(most_levels)
    make_level_table_kernel(const float* basis, int bits, double clear, bool bounds_top,
                            Outputs table) {
  __shared__ double levels[most_levels];
  __shared__ double sorted[most_levels];
  const int size = 1 << bits;
  const int code = static_cast<int>(threadIdx.x);
  const std::int64_t row = blockIdx.x;
  double level = 0;
  bool is_finite = true;
  for (int j = 0; j < bits; ++j) {
    const float element = basis[row * bits + j];
    is_finite = is_finite && isfinite(element);
    level += static_cast<double>(element) * ((code >> j & 1) != 0 ? 1.0 : clear);
  }
  // Without an order among them every code keeps its place.
  if (!is_finite) level = nan("");
  if (code < size) levels[code] = level;
  __syncthreads();
  if (code < size) {
    int position = is_finite ? 0 : code;
    for (int other = 0; other < size && is_finite; ++other) {
      const bool comes_before = levels[other] < level || (levels[other] == level && other < code);
      position += comes_before ? 1 : 0;
    }
    sorted[position] = level;
    table.levels[row * size + position] = static_cast<float>(level);
    table.codes[row * size + position] = static_cast<std::uint8_t>(code);
  }
  __syncthreads();
  if (code + 1 < size) {
    table.thresholds[row * (size - 1) + code] =
        static_cast<float>((sorted[code] + sorted[code + 1]) / 2);
  }
  if (code == 0) {
    constexpr float infinity = INFINITY;
    table.pass_range[2 * row] = -infinity;
    table.pass_range[2 * row + 1] = bounds_top ? static_cast<float>(sorted[size - 1]) : infinity;
  }
}

}  // namespace

void make_level_table(Stream& stream, ConstView<float> basis, CodeAlphabet alphabet,
                      const LevelTableOutputs& table) {
  const int bits = static_cast<int>(basis.shape[1]);
  const bool is_zero_one = alphabet == CodeAlphabet::zero_one;
  const LaunchShape shape{dim3(static_cast<unsigned>(basis.shape[0])),
                          dim3(std::max(1U << bits, static_cast<unsigned>(warp_threads)))};
  launch(
      "make_level_table", make_level_table_kernel, shape, stream, basis.data, bits,
      is_zero_one ? 0.0 : -1.0, is_zero_one,
      Outputs{table.levels.data, table.thresholds.data, table.codes.data, table.pass_range.data});
}

}  // namespace lq::kernels::cuda
