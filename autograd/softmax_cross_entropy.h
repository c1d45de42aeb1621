// Differentiable classification loss.
#pragma once

#include "autograd/variable.h"

namespace lq::autograd {

/// Mean softmax cross-entropy of logits N K and labels N (i32, each in [0, K)): a scalar.
/// Throws Error for a label out of range.
/// Record "softmax_cross_entropy", input logits. Saved: the probabilities and the labels.
Variable softmax_cross_entropy(const Variable& logits, const Tensor& labels);

}  // namespace lq::autograd
