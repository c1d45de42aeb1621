#include "convert/pool_order.h"

#include <algorithm>
#include <optional>

#include "convert/fusion.h"
#include "convert/layer_nodes.h"
#include "convert/pointwise.h"

namespace lq::convert {

namespace {

/// Whether larger inputs never have smaller results.
bool keeps_order(const Graph& graph, const Node& node) {
  if (node.operation == "relu") return true;
  if (node.operation != "batch_norm") return false;
  const ChannelAffine affine =
      batch_norm_affine(graph, node, graph.values[node.inputs[0]].shape[-1]);
  return std::ranges::all_of(affine.scale, [](double scale) { return scale >= 0; });
}

class PoolMover {
 public:
  explicit PoolMover(Graph& graph) : graph_(graph), consumers_(consumer_counts(graph)) {}

  void visit(std::size_t index) {
    if (graph_.nodes[index].operation != "max_pool") return;
    if (const auto quantizer = quantizer_behind(index)) move(index, *quantizer);
  }

 private:
  /// The node that takes `value` in, if there is just one.
  std::optional<std::size_t> only_consumer(std::size_t value) const {
    if (consumers_[value] != 1 || value == graph_.output) return std::nullopt;
    const auto found = std::ranges::find_if(graph_.nodes, [value](const Node& node) {
      return !node.inputs.empty() && node.inputs[0] == value;
    });
    if (found == graph_.nodes.end()) return std::nullopt;
    return found - graph_.nodes.begin();
  }

  std::optional<std::size_t> quantizer_behind(std::size_t pool) const {
    std::optional<std::size_t> next = only_consumer(graph_.nodes[pool].output);
    while (next && keeps_order(graph_, graph_.nodes[*next])) {
      next = only_consumer(graph_.nodes[*next].output);
    }
    return next && is_activation_quantizer(&graph_.nodes[*next]) ? next : std::nullopt;
  }

  /// before: x -> pool -> p -> ... -> quantizer -> q; after: x -> ... -> quantizer -> p -> pool
  /// -> q. What lies between takes the extents of x.
  void move(std::size_t pool_index, std::size_t quantizer_index) {
    Node& pool = graph_.nodes[pool_index];
    Node& quantizer = graph_.nodes[quantizer_index];
    const std::size_t x = pool.inputs[0];
    const std::size_t p = pool.output;
    const std::size_t q = quantizer.output;
    Node* node = &quantizer;
    while (node->inputs[0] != p) {
      graph_.values[node->inputs[0]].shape = graph_.values[x].shape;
      node = &graph_.nodes[*graph_.values[node->inputs[0]].producer];
    }
    node->inputs[0] = x;
    quantizer.output = p;
    pool.inputs[0] = p;
    pool.output = q;
    graph_.values[p].shape = graph_.values[x].shape;
    run_after(pool_index, quantizer_index);
  }

  void run_after(std::size_t index, std::size_t last) {
    const auto begin = graph_.nodes.begin();
    std::rotate(begin + static_cast<std::ptrdiff_t>(index),
                begin + static_cast<std::ptrdiff_t>(index) + 1,
                begin + static_cast<std::ptrdiff_t>(last) + 1);
    for (std::size_t i = index; i <= last; ++i) {
      graph_.values[graph_.nodes[i].output].producer = i;
    }
  }

  Graph& graph_;
  std::vector<std::size_t> consumers_;
};

}  // namespace

void move_pools_behind_quantizers(Graph& graph) {
  PoolMover mover(graph);
  // From the back: a pool that moves leaves the nodes before it where they are, and two pools in a
  // row both get past the quantizer.
  for (std::size_t index = graph.nodes.size(); index-- > 0;) mover.visit(index);
}

}  // namespace lq::convert
