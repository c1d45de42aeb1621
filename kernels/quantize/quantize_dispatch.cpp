#include "kernels/common/bitpack/bitpack.h"
#include "kernels/common/check_view.h"
#include "kernels/common/dispatch.h"
#include "kernels/quantize/quantize.h"

namespace lq::kernels {

namespace {

/// Throws Error unless x is a matrix, which has as many rows as its table.
void check_input(std::string_view operation, const Stream& stream, const ConstView<float>& x) {
  check(x.shape.rank() == 2, "{}: x is {}, expected R x n", operation, x.shape);
  check_view(operation, "x", stream, x, x.shape);
}

}  // namespace

void quantize_forward(Stream& stream, ConstView<float> x, const LevelTableView& table,
                      View<float> y, const LevelStatistics& statistics, View<std::int32_t> planes) {
  constexpr std::string_view operation = "quantize_forward";
  check_input(operation, stream, x);
  check_view(operation, "y", stream, y, x.shape);
  check_level_table(operation, stream, table, x.shape[0]);
  check_level_statistics(operation, stream, table, statistics);
  if (planes) {
    const Shape pixels = pixels_of_planes(x.elements(), planes);
    check_code_planes(operation, stream, table, pixels, planes);
  }
  choose<QuantizeForward>(operation, stream,
                          {reference::quantize_forward, cpu::quantize_forward,
                           LQNET_CUDA_KERNEL(cuda::quantize_forward)})(stream, x, table, y,
                                                                       statistics, planes);
}

void quantize_backward(Stream& stream, ConstView<float> grad_y, ConstView<float> x,
                       ConstView<float> pass_range, View<float> grad_x, GradientMode mode) {
  constexpr std::string_view operation = "quantize_backward";
  check_input(operation, stream, x);
  check_view(operation, "grad_y", stream, grad_y, x.shape);
  check_view(operation, "pass_range", stream, pass_range, {x.shape[0], 2});
  check_gradient(operation, "grad_x", stream, grad_x, x.shape, mode);
  choose<QuantizeBackward>(operation, stream,
                           {reference::quantize_backward, cpu::quantize_backward,
                            LQNET_CUDA_KERNEL(cuda::quantize_backward)})(stream, grad_y, x,
                                                                         pass_range, grad_x, mode);
}

}  // namespace lq::kernels
