#include "emulator/runtime/graph.h"

#include <algorithm>
#include <map>
#include <set>

namespace lq::emulator {
namespace {

using Positions = std::map<const GraphNode*, std::size_t>;

Positions positions_of(const Graph& graph) {
  Positions positions;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) positions[graph.nodes[i].get()] = i;
  return positions;
}

/// The nodes in the order in which they were made, but for those that wait for others. Nodes of
/// cycles, and behind them, are missing.
std::vector<const GraphNode*> in_dependency_order(const Graph& graph) {
  const Positions positions = positions_of(graph);
  std::vector<std::size_t> missing;
  std::vector<std::vector<std::size_t>> dependents(graph.nodes.size());
  std::set<std::size_t> ready;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const auto& dependencies = graph.nodes[i]->dependencies;
    missing.push_back(dependencies.size());
    if (dependencies.empty()) ready.insert(i);
    for (const GraphNode* const node : dependencies) dependents[positions.at(node)].push_back(i);
  }
  std::vector<const GraphNode*> order;
  while (!ready.empty()) {
    const std::size_t first = *ready.begin();
    ready.erase(ready.begin());
    order.push_back(graph.nodes[first].get());
    for (const std::size_t dependent : dependents[first]) {
      if (--missing[dependent] == 0) ready.insert(dependent);
    }
  }
  return order;
}

/// The comparison of two nodes that were made at the same time.
UpdateReport compare(const GraphNode& old_node, const Positions& old_positions, GraphNode& node,
                     const Positions& positions);

UpdateReport compare(const Graph& target, Graph& source) {
  if (target.nodes.size() != source.nodes.size()) return {UpdateResult::topology_changed};
  const Positions old_positions = positions_of(target);
  const Positions positions = positions_of(source);
  for (std::size_t i = 0; i < source.nodes.size(); ++i) {
    const UpdateReport report =
        compare(*target.nodes[i], old_positions, *source.nodes[i], positions);
    if (report.result != UpdateResult::success) return report;
  }
  return {};
}

UpdateReport compare(const GraphNode& old_node, const Positions& old_positions, GraphNode& node,
                     const Positions& positions) {
  if (old_node.work.index() != node.work.index()) {
    return {UpdateResult::node_type_changed, &node};
  }
  if (old_node.dependencies.size() != node.dependencies.size()) {
    return {UpdateResult::topology_changed, &node};
  }
  std::set<std::size_t> old_dependencies;
  for (const GraphNode* const other : old_node.dependencies) {
    old_dependencies.insert(old_positions.at(other));
  }
  for (GraphNode* const other : node.dependencies) {
    if (!old_dependencies.contains(positions.at(other))) {
      return {UpdateResult::topology_changed, &node, other};
    }
  }
  if (const auto* const kernel = std::get_if<KernelWork>(&node.work)) {
    if (std::get<KernelWork>(old_node.work).is_cooperative != kernel->is_cooperative) {
      return {UpdateResult::attributes_changed, &node};
    }
  }
  const auto* const child = std::get_if<ChildWork>(&node.work);
  if (child == nullptr) return {};
  return compare(*std::get<ChildWork>(old_node.work).graph, *child->graph);
}

void take_work(Graph& target, const Graph& source) {
  for (std::size_t i = 0; i < source.nodes.size(); ++i) {
    const Work& work = source.nodes[i]->work;
    if (const auto* const child = std::get_if<ChildWork>(&work)) {
      take_work(*std::get<ChildWork>(target.nodes[i]->work).graph, *child->graph);
    } else {
      target.nodes[i]->work = work;
    }
  }
}

}  // namespace

GraphNode& Graph::add(Work work, std::vector<GraphNode*> dependencies) {
  nodes.push_back(std::make_unique<GraphNode>());
  GraphNode& node = *nodes.back();
  node.graph = this;
  node.work = std::move(work);
  node.dependencies = std::move(dependencies);
  return node;
}

bool Graph::contains(const GraphNode* node) const {
  return std::any_of(nodes.begin(), nodes.end(),
                     [&](const auto& own) { return own.get() == node; });
}

std::unique_ptr<Graph> Graph::clone() const {
  auto result = std::make_unique<Graph>();
  const Positions positions = positions_of(*this);
  for (const auto& node : nodes) {
    GraphNode& copy = result->add(node->work, {});
    copy.original = node.get();
    if (auto* const child = std::get_if<ChildWork>(&copy.work))
      child->graph = child->graph->clone();
  }
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (const GraphNode* const dependency : nodes[i]->dependencies) {
      result->nodes[i]->dependencies.push_back(result->nodes[positions.at(dependency)].get());
    }
  }
  return result;
}

GraphNode* Graph::find_clone(const GraphNode* original) {
  for (const auto& node : nodes) {
    if (node->original == original) return node.get();
    const auto* const child = std::get_if<ChildWork>(&node->work);
    if (child == nullptr) continue;
    if (GraphNode* const found = child->graph->find_clone(original)) return found;
  }
  return nullptr;
}

bool Graph::has_cycle() const { return in_dependency_order(*this).size() != nodes.size(); }

ErrorCode perform_graph(Device& device, const char* name, const Graph& graph) {
  for (const GraphNode* const node : in_dependency_order(graph)) {
    if (const ErrorCode code = perform(device, name, node->work); code != success) return code;
  }
  return success;
}

UpdateReport update_graph(Graph& target, Graph& source) {
  const UpdateReport report = compare(target, source);
  if (report.result == UpdateResult::success) take_work(target, source);
  return report;
}

}  // namespace lq::emulator
