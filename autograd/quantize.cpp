#include "autograd/quantize.h"

#include "autograd/code_planes.h"
#include "autograd/pass_on.h"
#include "core/stream.h"
#include "kernels/quantize/quantize.h"

namespace lq::autograd {

Variable quantize(const Variable& x, const LevelTable& table, LevelStatistics* statistics,
                  bool identity_gradient, Attributes extra, bool packs_codes) {
  const std::int64_t rows = table.levels.shape()[0];
  check(rows == 1 || (x.shape().rank() > 0 && x.shape()[0] == rows),
        "quantize: {} tables for a tensor of {}", rows, x.shape());
  const Shape matrix{rows, x.value().elements() / rows};
  const Tensor flat = x.value().reshape(matrix);
  Tensor y(x.shape(), DType::f32, x.device());
  Tensor flat_y = y.reshape(matrix);
  Tensor codes;
  if (packs_codes && rows == 1 && has_packed_codes(table)) codes = room_for_codes(table, x.shape());
  kernels::quantize_forward(current_stream(x.device()), flat.view<float>(), table.view(),
                            flat_y.view<float>(),
                            statistics != nullptr ? statistics->view() : kernels::LevelStatistics{},
                            codes.defined() ? codes.view<std::int32_t>() : View<std::int32_t>{});

  Constants constants{
      {"levels", table.levels}, {"thresholds", table.thresholds}, {"codes", table.codes}};
  BackwardFunction backward = [](const Tensor& gradient, std::span<GradientSink> inputs) {
    pass_on(gradient, inputs[0]);
  };
  if (!identity_gradient) {
    backward = [flat, pass_range = table.pass_range](const Tensor& gradient,
                                                     std::span<GradientSink> inputs) {
      GradientSink& sink = inputs[0];
      const GradientMode mode = sink.mode();
      if (mode == GradientMode::ignore) return;
      Tensor grad_x = sink.buffer().reshape(flat.shape());
      kernels::quantize_backward(current_stream(flat.device()),
                                 gradient.reshape(flat.shape()).view<float>(), flat.view<float>(),
                                 pass_range.view<float>(), grad_x.view<float>(), mode);
    };
  }
  Variable result = record("quantize", std::move(extra), {x}, std::move(y), std::move(backward),
                           std::move(constants));
  result.set_levels(std::make_shared<const LevelTable>(table));
  result.set_codes(std::move(codes));
  return result;
}

}  // namespace lq::autograd
