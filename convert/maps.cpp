#include "convert/maps.h"

#include "convert/layer_nodes.h"

namespace lq::convert {

Extents extents_of(const Graph& graph, std::size_t value) {
  const Shape& shape = graph.values[value].shape;
  if (shape.rank() == 4) return {shape[1], shape[2], shape[3]};
  check(shape.rank() == 2, "pack: a value of {}, expected N H W C or N C", shape);
  const Node* producer = graph.producer(value);
  const bool is_same_map = producer != nullptr && !is_layer(*producer) &&
                           graph.values[producer->inputs[0]].shape.elements() == shape.elements();
  return is_same_map ? extents_of(graph, producer->inputs[0]) : Extents{.c = shape[1]};
}

std::size_t without_reshape(const Graph& graph, std::size_t value) {
  const Node* producer = graph.producer(value);
  if (producer == nullptr || producer->operation != "reshape") return value;
  const Shape& shape = graph.values[value].shape;
  check(shape.rank() == 2 || shape == graph.values[producer->inputs[0]].shape,
        "pack: reshape at '{}' to {} is not supported, expected N x features", producer->scope,
        shape);
  return without_reshape(graph, producer->inputs[0]);
}

const Node* level_source(const Graph& graph, std::size_t value) {
  const Node* producer = graph.producer(without_reshape(graph, value));
  if (producer != nullptr && producer->operation == "max_pool") {
    return level_source(graph, producer->inputs[0]);
  }
  return is_activation_quantizer(producer) ? producer : nullptr;
}

std::vector<std::size_t> concatenated_values(const Graph& graph, std::size_t value) {
  const Node* node = graph.producer(without_reshape(graph, value));
  if (node == nullptr || node->operation != "concat") return {value};
  std::vector<std::size_t> values;
  for (const std::size_t input : node->inputs) {
    const std::vector<std::size_t> inner = concatenated_values(graph, input);
    values.insert(values.end(), inner.begin(), inner.end());
  }
  return values;
}

}  // namespace lq::convert
