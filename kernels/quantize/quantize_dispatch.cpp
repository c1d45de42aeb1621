#include "kernels/common/dispatch.h"
#include "kernels/quantize/quantize.h"

namespace lq::kernels {

void quantize_forward(Stream& stream, ConstView<float> x, const LevelTableView& table,
                      View<float> y, const LevelStatistics& statistics) {
  check(x.shape.rank() == 2 && y.shape == x.shape,
        "quantize: input {} and output {}, expected R x n", x.shape.to_string(),
        y.shape.to_string());
  check_level_table("quantize", table, x.shape[0]);
  check_level_statistics("quantize", table, statistics);
  choose<QuantizeForward>("quantize_forward", stream,
                          {reference::quantize_forward, cpu::quantize_forward,
                           LQNET_CUDA_KERNEL(cuda::quantize_forward)})(stream, x, table, y,
                                                                       statistics);
}

void quantize_backward(Stream& stream, ConstView<float> grad_y, ConstView<float> x,
                       ConstView<float> pass_range, View<float> grad_x, GradientMode mode) {
  check(x.shape.rank() == 2 && grad_y.shape == x.shape &&
            (mode == GradientMode::ignore || grad_x.shape == x.shape),
        "quantize: gradients {} and {} for input {}", grad_y.shape.to_string(),
        grad_x.shape.to_string(), x.shape.to_string());
  check(pass_range.shape == Shape{x.shape[0], 2}, "quantize: pass range {}, expected {}x2",
        pass_range.shape.to_string(), x.shape[0]);
  choose<QuantizeBackward>("quantize_backward", stream,
                           {reference::quantize_backward, cpu::quantize_backward,
                            LQNET_CUDA_KERNEL(cuda::quantize_backward)})(stream, grad_y, x,
                                                                         pass_range, grad_x, mode);
}

}  // namespace lq::kernels
