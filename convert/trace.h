// From a module to the graph of what it computes.
#pragma once

#include "convert/graph.h"
#include "layers/module.h"

namespace lq::convert {

/// Runs the model once on `example` (N H W C, on the model's device) in evaluation mode and notes
/// the operations that its output depends on. The model gets its mode back and is otherwise
/// unchanged. The example's values do not matter, but they must be finite. Parameters and other
/// constants of the model come with their elements: see Value::constant and Node::constants.
Graph trace(Module& model, const Tensor& example);

}  // namespace lq::convert
