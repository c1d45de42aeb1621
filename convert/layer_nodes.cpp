#include "convert/layer_nodes.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "layers/quantizers/quantizer_attributes.h"

namespace lq::convert {

namespace {

namespace attributes = quantizer_attributes;

bool keeps_levels(const Node& node) {
  constexpr std::array<std::string_view, 3> names = {"max_pool", "concat", "reshape"};
  return std::ranges::find(names, node.operation) != names.end();
}

bool quantizes(const Node* node, std::string_view side) {
  if (node == nullptr || node->operation != "quantize") return false;
  const auto* given = node->attribute<std::string>(attributes::side);
  return given != nullptr && *given == side;
}

void collect(const Graph& graph, std::size_t value, InputQuantizers& found) {
  const Node* producer = graph.producer(value);
  if (producer != nullptr && keeps_levels(*producer)) {
    for (const std::size_t input : producer->inputs) collect(graph, input, found);
  } else if (!is_activation_quantizer(producer)) {
    found.complete = false;
  } else if (std::ranges::find(found.nodes, producer) == found.nodes.end()) {
    found.nodes.push_back(producer);
  }
}

}  // namespace

bool is_layer(const Node& node) { return node.operation == "conv2d" || node.operation == "linear"; }

const Node* weight_quantizer(const Graph& graph, const Node& layer) {
  const Node* producer = graph.producer(layer.inputs[1]);
  return quantizes(producer, attributes::weights) ? producer : nullptr;
}

bool is_activation_quantizer(const Node* node) { return quantizes(node, attributes::activations); }

InputQuantizers input_quantizers(const Graph& graph, const Node& layer) {
  InputQuantizers found;
  collect(graph, layer.inputs[0], found);
  return found;
}

int quantizer_bits(const Node& quantizer) {
  return static_cast<int>(quantizer.required<std::int64_t>(attributes::bits));
}

}  // namespace lq::convert
