#include "convert/cost_table.h"

#include <algorithm>
#include <unordered_set>

#include "convert/layer_nodes.h"
#include "convert/maps.h"
#include "convert/trace.h"
#include "layers/quantizers/quantizer.h"

namespace lq::convert {

namespace {

constexpr std::int64_t float_bytes = 4;

/// The parameter that `value` is made from by operations with one input, or `value` itself.
std::size_t leaf_of(const Graph& graph, std::size_t value) {
  const Node* producer = graph.producer(value);
  return producer != nullptr && producer->inputs.size() == 1 ? leaf_of(graph, producer->inputs[0])
                                                             : value;
}

/// H W C of N H W C, or features of N x features.
Shape without_batch(const Shape& shape) { return Shape(shape.extents().subspan(1)); }

double percent(std::int64_t part, std::int64_t sum) {
  return sum == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(sum);
}

class CostCounter {
 public:
  explicit CostCounter(const Graph& graph) : graph_(graph) {}

  CostTable count() {
    for (const Node& node : graph_.nodes) {
      if (is_layer(node)) add_layer(node);
      if (node.operation == "batch_norm") add_batch_norm(node);
    }
    for (const Value& value : graph_.values) {
      if (!value.name.empty()) table_.totals.parameters += value.shape.elements();
    }
    add_up();
    return std::move(table_);
  }

 private:
  void add_layer(const Node& node) {
    const Shape& weights = graph_.values[node.inputs[1]].shape;
    const Shape& output = graph_.values[node.output].shape;
    LayerCost layer{.path = node.scope,
                    .operation = node.operation,
                    .input = without_batch(graph_.values[node.inputs[0]].shape),
                    .output = without_batch(output)};
    if (const auto* kernel = node.attribute<std::vector<std::int64_t>>("kernel")) {
      layer.kernel = *kernel;
    }
    if (const auto* stride = node.attribute<std::vector<std::int64_t>>("stride")) {
      layer.stride = *stride;
    }
    // Every output value is a sum over the weights of its channel, whatever the groups.
    layer.macs = layer.output.elements() / output[-1] * weights.elements();
    add_weights(node, layer);
    add_input(node, layer);
    layer.bit_macs = bit_macs(node, layer);
    table_.layers.push_back(std::move(layer));
  }

  void add_weights(const Node& node, LayerCost& layer) {
    if (const Node* quantizer = weight_quantizer(graph_, node)) {
      layer.w_bits = quantizer_bits(*quantizer);
    }
    const std::size_t weights = leaf_of(graph_, node.inputs[1]);
    if (counted_.insert(weights).second) {
      const Shape& shape = graph_.values[weights].shape;
      layer.weights = shape.elements();
      layer.fp32_bytes += layer.weights * float_bytes;
      layer.packed_bytes += layer.w_bits == float_bits ? layer.weights * float_bytes
                                                       : (layer.weights * layer.w_bits + 7) / 8 +
                                                             layer.w_bits * shape[0] * float_bytes;
    }
    if (node.inputs.size() > 2 && counted_.insert(node.inputs[2]).second) {
      layer.biases = graph_.values[node.inputs[2]].shape.elements();
      layer.fp32_bytes += layer.biases * float_bytes;
      layer.packed_bytes += layer.biases * float_bytes;
    }
  }

  void add_input(const Node& node, LayerCost& layer) {
    const InputQuantizers quantizers = input_quantizers(graph_, node);
    layer.a_bits = quantizers.complete ? 0 : float_bits;
    for (const Node* quantizer : quantizers.nodes) {
      const int bits = quantizer_bits(*quantizer);
      layer.a_bits = std::max(layer.a_bits, bits);
      if (counted_.insert(quantizer->output).second) layer.packed_bytes += bits * float_bytes;
    }
  }

  /// Every channel of the input takes part in equally many products. Packing computes those of
  /// quantized channels on bits, whatever they are concatenated with.
  std::int64_t bit_macs(const Node& node, const LayerCost& layer) const {
    if (layer.w_bits == float_bits) return 0;
    std::int64_t quantized = 0;
    for (const std::size_t part : concatenated_values(graph_, node.inputs[0])) {
      if (level_source(graph_, part) == nullptr) continue;
      quantized += without_batch(graph_.values[part].shape).elements();
    }
    return layer.macs * quantized / layer.input.elements();
  }

  void add_batch_norm(const Node& node) {
    const auto* per_layer = node.attribute<std::int64_t>("per_layer");
    const bool has_one_channel = per_layer != nullptr && *per_layer != 0;
    const std::int64_t channels = has_one_channel ? 1 : graph_.values[node.output].shape[-1];
    std::int64_t floats = 2 * channels;  // running statistics
    for (std::size_t i = 1; i < node.inputs.size(); ++i) {
      floats += graph_.values[node.inputs[i]].shape.elements();
    }
    table_.totals.batch_norm_bytes += floats * float_bytes;
  }

  void add_up() {
    CostTotals& totals = table_.totals;
    std::int64_t quantized_weights = 0;
    std::int64_t quantized_macs = 0;
    std::int64_t bit_macs = 0;
    totals.fp32_bytes = totals.packed_bytes = totals.batch_norm_bytes;
    for (const LayerCost& layer : table_.layers) {
      totals.weights += layer.weights;
      totals.macs += layer.macs;
      totals.fp32_bytes += layer.fp32_bytes;
      totals.packed_bytes += layer.packed_bytes;
      if (layer.w_bits == float_bits) continue;
      quantized_weights += layer.weights;
      quantized_macs += layer.macs;
      bit_macs += layer.bit_macs;
    }
    totals.quantized_weight_percent = percent(quantized_weights, totals.weights);
    totals.quantized_mac_percent = percent(quantized_macs, totals.macs);
    totals.bit_mac_percent = percent(bit_macs, totals.macs);
    if (totals.packed_bytes > 0) {
      totals.compression =
          static_cast<double>(totals.fp32_bytes) / static_cast<double>(totals.packed_bytes);
    }
  }

  const Graph& graph_;
  CostTable table_;
  std::unordered_set<std::size_t> counted_;  // values whose bytes are in a row already
};

}  // namespace

CostTable cost_table(const Graph& graph) { return CostCounter(graph).count(); }

CostTable cost_table(Module& model, const Shape& input) {
  check(input.rank() == 3, "cost table: input {}, expected H W C", input.to_string());
  return cost_table(trace(model, Tensor::zeros({1, input[0], input[1], input[2]})));
}

}  // namespace lq::convert
