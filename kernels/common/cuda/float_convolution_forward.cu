#include "kernels/common/cuda/determinism.h"
#include "kernels/common/cuda/float_convolution.h"
#include "kernels/common/cuda/float_convolution_windows.h"
#include "kernels/common/cuda/float_gemm_launch.h"
#include "kernels/common/cuda/float_gemm_outputs.h"
#include "kernels/common/cuda/float_gemm_sources.h"
#include "kernels/common/cuda/float_gemm_splits.h"

namespace lq::kernels::cuda {

namespace {

/// Rows are output pixels, columns output channels, k the values of a window.
struct Forward {
  using RowParameters = MapWindows;
  using ColumnParameters = GroupedMatrix;
  using Output = PixelOutput;
  template <int extent, int width, int threads>
  using Rows = WindowRows<extent, width, threads>;
  template <int extent, int width, int threads>
  using Columns = MatrixAlongDepth<extent, width, threads>;
};

GroupedMatrix filters(const Conv2dGeometry& g, const float* weight) {
  const std::int64_t values = filter_values(g);
  const std::int64_t group_filters = g.c_out / g.groups;
  return {weight, values, group_filters * values, static_cast<int>(group_filters),
          static_cast<int>(values)};
}

PixelOutput output_pixels(const Conv2dGeometry& g, SplitSums& sums, const float* bias) {
  return {.delivery = sums.delivery(),
          .bias = sums.bias_of_product(bias),
          .height = static_cast<int>(g.out_h),
          .width = static_cast<int>(g.out_w),
          .channels = static_cast<int>(g.c_out),
          .group_channels = static_cast<int>(g.c_out / g.groups),
          .pixels = static_cast<int>(g.n * g.out_h * g.out_w),
          .grid_rows = Divider(g.out_h),
          .grid_columns = Divider(g.out_w),
          .step_h = 1,
          .step_w = 1,
          .first_h = 0,
          .first_w = 0};
}

}  // namespace

bool adds_atomically(Device device) {
  if (wants_determinism()) return false;
  // The other passes are built for the same architectures.
  const CudaDeviceScope scope(device.index);
  cudaFuncAttributes attributes{};
  check_cuda(cudaFuncGetAttributes(&attributes, gemm_kernel<GemmTile<64, 64, 8, 4>, 4, Forward>),
             "cudaFuncGetAttributes");
  constexpr int first_with_vectors = 90;
  return attributes.ptxVersion >= first_with_vectors;
}

void float_convolution_forward(std::string_view operation, Stream& stream, const Conv2dGeometry& g,
                               const float* x, const float* weight, const float* bias, float* y) {
  check_indices(operation, g);
  const GemmExtents extents{g.n * g.out_h * g.out_w, g.c_out / g.groups, filter_values(g),
                            g.groups};
  const GemmPlan plan(extents);
  SplitSums sums(stream, plan.splits.count,
                 {.data = y,
                  .rows = extents.rows,
                  .channels = g.c_out,
                  .line = g.c_out / g.groups,
                  .add = false});
  const GemmProblem<Forward> problem{windows_of_filter(g, x), filters(g, weight),
                                     output_pixels(g, sums, bias), plan.splits};
  const bool in_fours = fit_groups(g.c_in / g.groups, x, weight);
  launch_gemm(operation, stream, plan.tile, extents, in_fours, problem);
  sums.finish(operation, bias);
}

}  // namespace lq::kernels::cuda
