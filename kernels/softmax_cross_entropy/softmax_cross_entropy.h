// Softmax cross-entropy with class labels, and the counts of correct predictions.
//
// Letters: N batch, K classes. Layouts: logits N K, labels N, both contiguous.
#pragma once

#include "core/stream.h"
#include "core/view.h"
#include "kernels/common/gradient_mode.h"

namespace lq::kernels {

/// probabilities[n,k] = exp(logits[n,k]) / sum over j of exp(logits[n,j]), and
/// loss = mean over n of -log(probabilities[n, labels[n]]), a scalar (one element).
/// The row's maximum is subtracted before any exp, and the loss does not go through the rounded
/// probabilities, so logits of any finite size are safe. A NaN or +Inf logit makes the loss NaN.
/// The mean is summed in double; the result does not depend on the number of threads.
/// `probabilities` N K is what the backward pass needs; it may alias logits.
using SoftmaxCrossEntropyForward = void(Stream& stream, ConstView<float> logits,
                                        ConstView<std::int32_t> labels, View<float> probabilities,
                                        View<float> loss);

/// grad_logits[n,k] (+)= grad_loss / N * (probabilities[n,k] - [k == labels[n]]).
/// `grad_loss` has one element. In overwrite mode grad_logits may alias probabilities; ignore
/// mode does nothing.
using SoftmaxCrossEntropyBackward = void(Stream& stream, ConstView<float> grad_loss,
                                         ConstView<float> probabilities,
                                         ConstView<std::int32_t> labels, View<float> grad_logits,
                                         GradientMode mode);

/// counts[t] = number of rows whose label is among the t + 1 first predictions: no more than t
/// classes have a larger logit than the label's, or the same one and a lower index. A row with a
/// NaN is never correct. `counts` has T elements, T in [1, K]: one call gives top 1 to top T.
using CountCorrect = void(Stream& stream, ConstView<float> logits, ConstView<std::int32_t> labels,
                          View<std::int64_t> counts);

/// The public calls throw Error for shapes that do not fit, empty views, and (where the host can
/// read them) labels outside [0, K). On a GPU such a label makes the loss NaN, leaves
/// grad_logits[n] at grad_loss / N * probabilities[n], and counts as incorrect; nothing outside of
/// the views is read.
SoftmaxCrossEntropyForward softmax_cross_entropy_forward;
SoftmaxCrossEntropyBackward softmax_cross_entropy_backward;
CountCorrect count_correct;

namespace reference {
SoftmaxCrossEntropyForward softmax_cross_entropy_forward;
SoftmaxCrossEntropyBackward softmax_cross_entropy_backward;
CountCorrect count_correct;

/// The same loops for float and double (explicitly instantiated), arithmetic in double; the
/// instances for double are for gradient checks.
template <typename T>
void softmax_cross_entropy_forward_loops(ConstView<T> logits, ConstView<std::int32_t> labels,
                                         View<T> probabilities, View<T> loss);
template <typename T>
void softmax_cross_entropy_backward_loops(ConstView<T> grad_loss, ConstView<T> probabilities,
                                          ConstView<std::int32_t> labels, View<T> grad_logits,
                                          GradientMode mode);
}  // namespace reference

namespace cpu {
SoftmaxCrossEntropyForward softmax_cross_entropy_forward;
SoftmaxCrossEntropyBackward softmax_cross_entropy_backward;
CountCorrect count_correct;
}  // namespace cpu

namespace cuda {
SoftmaxCrossEntropyForward softmax_cross_entropy_forward;
SoftmaxCrossEntropyBackward softmax_cross_entropy_backward;
CountCorrect count_correct;
}  // namespace cuda

}  // namespace lq::kernels
