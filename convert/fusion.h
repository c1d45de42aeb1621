// Which nodes of a graph run as one convolution.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "convert/graph.h"

namespace lq::convert {

/// A layer (see is_layer) with the nodes that its convolution swallows: the addition of something
/// else, and a batch normalization between the two. A batch normalization without an addition is
/// left to what comes after it: it may then end up in thresholds.
struct FusedLayer {
  const Node* layer = nullptr;
  const Node* batch_norm = nullptr;          ///< null: none
  std::optional<std::size_t> residual = {};  ///< the other operand of the addition
  std::size_t result = 0;                    ///< the value that comes out at the end
};

/// How many nodes take each value, and the network's user the output.
std::vector<std::size_t> consumer_counts(const Graph& graph);

/// All layers in the order in which they run. A node is swallowed when it is the only consumer of
/// what comes before it; of two layers that could swallow an addition, the later one does.
std::vector<FusedLayer> fuse_layers(const Graph& graph);

}  // namespace lq::convert
