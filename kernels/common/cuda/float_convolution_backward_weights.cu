#include "kernels/common/cuda/channel_sums.h"
#include "kernels/common/cuda/float_convolution.h"
#include "kernels/common/cuda/float_convolution_windows.h"
#include "kernels/common/cuda/float_gemm_launch.h"
#include "kernels/common/cuda/float_gemm_outputs.h"
#include "kernels/common/cuda/float_gemm_sources.h"
#include "kernels/common/cuda/float_gemm_splits.h"

namespace lq::kernels::cuda {

namespace {

/// Rows are the values of a window, columns output channels, k the output pixels.
struct BackwardWeights {
  using RowParameters = MapWindows;
  using ColumnParameters = GroupedMatrix;
  using Output = FilterOutput;
  template <int extent, int width, int threads>
  using Rows = WindowValues<extent, width, threads>;
  template <int extent, int width, int threads>
  using Columns = MatrixAlongLines<extent, width, threads>;
};

struct SumOfValues {
  const float* values;

  __device__ SumOfValues of(std::int64_t /*channel*/) const { return *this; }
  __device__ SumPair operator()(const ChannelRun& run) const {
    float sum = 0;
    float lost = 0;  // by rounding, which is exact in float itself
#pragma unroll 8     // all at once would spill
    for (int k = 0; k < run_values; ++k) {
      const float value = run.read(values, k);
      const float next = sum + value;
      const float taken = next - sum;
      lost += (sum - (next - taken)) + (value - taken);
      sum = next;
    }
    return {static_cast<double>(sum) + static_cast<double>(lost), 0.0};
  }
};

struct DeliverSum {
  float* sums;
  bool add;

  __device__ void operator()(std::int64_t channel, const SumPair& sum) const {
    const double before = add ? sums[channel] : 0.0;
    sums[channel] = static_cast<float>(before + sum.first);
  }
};

}  // namespace

void float_convolution_backward_weights(std::string_view operation, Stream& stream,
                                        const Conv2dGeometry& g, const float* grad_y,
                                        const float* x, float* grad_weight, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  check_indices(operation, g);
  const std::int64_t group_filters = g.c_out / g.groups;
  const std::int64_t pixels = g.n * g.out_h * g.out_w;
  const GemmExtents extents{filter_values(g), group_filters, pixels, g.groups};
  const GemmPlan plan(extents);
  SplitSums sums(stream, plan.splits.count,
                 {.data = grad_weight,
                  .rows = g.c_out,
                  .channels = extents.rows,
                  .line = extents.rows,
                  .add = mode == GradientMode::accumulate});
  const GroupedMatrix gradients{grad_y, g.c_out, group_filters, static_cast<int>(group_filters),
                                static_cast<int>(pixels)};
  const FilterOutput output{.delivery = sums.delivery(),
                            .filter_values = static_cast<int>(extents.rows),
                            .group_filters = static_cast<int>(group_filters)};
  const GemmProblem<BackwardWeights> problem{windows_of_filter(g, x), gradients, output,
                                             plan.splits};
  const bool in_fours = fit_groups(g.c_in / g.groups, x) && fit_groups(group_filters, grad_y);
  launch_gemm(operation, stream, plan.tile, extents, in_fours, problem);
  sums.finish(operation, nullptr);
}

void sum_over_pixels(std::string_view operation, Stream& stream, const float* values,
                     std::int64_t pixels, std::int64_t channels, float* sums, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  channel_sums(operation, stream, pixels, channels, SumOfValues{values},
               DeliverSum{sums, mode == GradientMode::accumulate});
}

}  // namespace lq::kernels::cuda
