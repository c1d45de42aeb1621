#include "autograd/softmax_cross_entropy.h"

#include "core/stream.h"
#include "kernels/softmax_cross_entropy/softmax_cross_entropy.h"

namespace lq::autograd {

Variable softmax_cross_entropy(const Variable& logits, const Tensor& labels) {
  Tensor probabilities(logits.shape(), DType::f32, logits.device());
  Tensor loss(Shape{}, DType::f32, logits.device());
  kernels::softmax_cross_entropy_forward(current_stream(logits.device()),
                                         logits.value().view<float>(), labels.view<std::int32_t>(),
                                         probabilities.view<float>(), loss.view<float>());

  // Saved: the probabilities and the labels.
  auto backward = [probabilities, labels](const Tensor& grad_loss, std::span<GradientSink> sinks) {
    const GradientMode mode = sinks[0].mode();
    if (mode == GradientMode::ignore) return;
    kernels::softmax_cross_entropy_backward(
        current_stream(grad_loss.device()), grad_loss.view<float>(), probabilities.view<float>(),
        labels.view<std::int32_t>(), sinks[0].buffer().view<float>(), mode);
  };
  return record("softmax_cross_entropy", {}, {logits}, std::move(loss), std::move(backward));
}

}  // namespace lq::autograd
