#include "convert/fusion.h"

#include <algorithm>

#include "convert/layer_nodes.h"

namespace lq::convert {

namespace {

class Fusion {
 public:
  explicit Fusion(const Graph& graph) : consumers_(consumer_counts(graph)) {}

  void visit(const Node& node) {
    if (is_layer(node)) layers_.push_back({.layer = &node, .result = node.output});
    if (node.operation == "batch_norm") swallow_batch_norm(node);
    if (node.operation == "add") swallow_add(node);
  }

  std::vector<FusedLayer> take() {
    for (FusedLayer& layer : layers_) {
      // Only a residual, which is added behind it, holds a batch normalization in the layer.
      if (!layer.residual) layer = {.layer = layer.layer, .result = layer.layer->output};
    }
    return std::move(layers_);
  }

 private:
  /// Index of the layer whose result is `value` and goes nowhere but into the next node.
  std::optional<std::size_t> layer_of(std::size_t value) const {
    if (consumers_[value] != 1) return std::nullopt;
    const auto found = std::ranges::find(layers_, value, &FusedLayer::result);
    if (found == layers_.end() || found->residual) return std::nullopt;
    return found - layers_.begin();
  }

  void swallow_batch_norm(const Node& node) {
    const std::optional<std::size_t> index = layer_of(node.inputs[0]);
    if (!index || layers_[*index].batch_norm != nullptr) return;
    layers_[*index].batch_norm = &node;
    layers_[*index].result = node.output;
  }

  void swallow_add(const Node& node) {
    const std::optional<std::size_t> first = layer_of(node.inputs[0]);
    const std::optional<std::size_t> second = layer_of(node.inputs[1]);
    const std::optional<std::size_t> later = std::max(first, second);  // none comes before all
    if (!later) return;
    layers_[*later].residual = node.inputs[later == first ? 1 : 0];
    layers_[*later].result = node.output;
  }

  std::vector<std::size_t> consumers_;
  std::vector<FusedLayer> layers_;
};

}  // namespace

std::vector<std::size_t> consumer_counts(const Graph& graph) {
  std::vector<std::size_t> counts(graph.values.size(), 0);
  for (const Node& node : graph.nodes) {
    for (const std::size_t input : node.inputs) ++counts[input];
  }
  ++counts[graph.output];
  return counts;
}

std::vector<FusedLayer> fuse_layers(const Graph& graph) {
  Fusion fusion(graph);
  for (const Node& node : graph.nodes) fusion.visit(node);
  return fusion.take();
}

}  // namespace lq::convert
