#include "kernels/common/check_view.h"
#include "kernels/common/dispatch.h"
#include "kernels/softmax_cross_entropy/softmax_cross_entropy.h"

namespace lq::kernels {

namespace {

/// Throws Error unless scores are N K, labels N, and every label that the host can read is a
/// class.
void check_classes(std::string_view operation, std::string_view argument, const Stream& stream,
                   const ConstView<float>& scores, const ConstView<std::int32_t>& labels) {
  check(scores.shape.rank() == 2 && scores.elements() > 0,
        "{}: {} is {}, expected N K, none of them 0", operation, argument, scores.shape);
  check_view(operation, argument, stream, scores, scores.shape);
  check_view(operation, "labels", stream, labels, {scores.shape[0]});
  if (labels.device.type != DeviceType::cpu) return;
  for (std::int64_t n = 0; n < labels.elements(); ++n) {
    check(labels[n] >= 0 && labels[n] < scores.shape[1],
          "{}: label {} of sample {}, expected 0 to {}", operation, labels[n], n,
          scores.shape[1] - 1);
  }
}

}  // namespace

void softmax_cross_entropy_forward(Stream& stream, ConstView<float> logits,
                                   ConstView<std::int32_t> labels, View<float> probabilities,
                                   View<float> loss) {
  constexpr std::string_view operation = "softmax_cross_entropy";
  check_classes(operation, "logits", stream, logits, labels);
  check_view(operation, "probabilities", stream, probabilities, logits.shape);
  check_scalar(operation, "loss", stream, loss);
  choose<SoftmaxCrossEntropyForward>(
      operation, stream,
      {reference::softmax_cross_entropy_forward, cpu::softmax_cross_entropy_forward,
       LQNET_CUDA_KERNEL(cuda::softmax_cross_entropy_forward)})(stream, logits, labels,
                                                                probabilities, loss);
}

void softmax_cross_entropy_backward(Stream& stream, ConstView<float> grad_loss,
                                    ConstView<float> probabilities, ConstView<std::int32_t> labels,
                                    View<float> grad_logits, GradientMode mode) {
  constexpr std::string_view operation = "softmax_cross_entropy_backward";
  check_classes(operation, "probabilities", stream, probabilities, labels);
  check_scalar(operation, "grad_loss", stream, grad_loss);
  check_gradient(operation, "grad_logits", stream, grad_logits, probabilities.shape, mode);
  choose<SoftmaxCrossEntropyBackward>(
      operation, stream,
      {reference::softmax_cross_entropy_backward, cpu::softmax_cross_entropy_backward,
       LQNET_CUDA_KERNEL(cuda::softmax_cross_entropy_backward)})(stream, grad_loss, probabilities,
                                                                 labels, grad_logits, mode);
}

void count_correct(Stream& stream, ConstView<float> logits, ConstView<std::int32_t> labels,
                   View<std::int64_t> counts) {
  constexpr std::string_view operation = "count_correct";
  check_classes(operation, "logits", stream, logits, labels);
  const bool has_tops = counts.shape.rank() == 1 && counts.elements() >= 1;
  check(has_tops && counts.elements() <= logits.shape[1],
        "{}: counts is {}, expected T, 1 to {} (classes)", operation, counts.shape,
        logits.shape[1]);
  check_view(operation, "counts", stream, counts, counts.shape);
  choose<CountCorrect>(operation, stream,
                       {reference::count_correct, cpu::count_correct,
                        LQNET_CUDA_KERNEL(cuda::count_correct)})(stream, logits, labels, counts);
}

}  // namespace lq::kernels
