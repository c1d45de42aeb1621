// Layers of a graph, and the quantizers that feed them.
#pragma once

#include <vector>

#include "convert/graph.h"

namespace lq::convert {

/// Whether the node multiplies its input by weights: "conv2d" and "linear". Their inputs are x,
/// weights and, if there is one, bias.
bool is_layer(const Node& node);

/// The node that quantizes the layer's weights; null for float weights.
const Node* weight_quantizer(const Graph& graph, const Node& layer);

/// Whether the node, which may be null, quantizes activations.
bool is_activation_quantizer(const Node* node);

struct InputQuantizers {
  std::vector<const Node*> nodes;  ///< each once
  bool complete = true;            ///< whether all of the input comes out of them
};

/// The nodes that quantize the layer's input, looking back through operations that keep levels as
/// they are: max-pooling, concatenation and reshaping.
InputQuantizers input_quantizers(const Graph& graph, const Node& layer);

/// The bits of a quantizer's node.
int quantizer_bits(const Node& quantizer);

}  // namespace lq::convert
