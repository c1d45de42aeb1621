// Graphs of work: nodes with what they depend on.
#pragma once

#include <memory>
#include <vector>

#include "emulator/runtime/work.h"

namespace lq::emulator {

/// What programs hold as cudaGraphNode_t.
struct GraphNode {
  Graph* graph = nullptr;
  Work work;
  std::vector<GraphNode*> dependencies;  // nodes of the same graph, each once
  const GraphNode* original = nullptr;   // of a clone
};

/// What programs hold as cudaGraph_t.
struct Graph {
  std::vector<std::unique_ptr<GraphNode>> nodes;

  GraphNode& add(Work work, std::vector<GraphNode*> dependencies);
  bool contains(const GraphNode* node) const;
  /// Graphs of child nodes are cloned, too.
  std::unique_ptr<Graph> clone() const;
  /// The node that was cloned from this one, in the graph itself or in a child; null if none was.
  GraphNode* find_clone(const GraphNode* original);
  bool has_cycle() const;
};

/// What programs hold as cudaGraphExec_t: a clone, of which nodes are known by their originals.
struct ExecutableGraph {
  std::unique_ptr<Graph> graph;
};

/// Does the work of all nodes, each after those that it depends on. Throws Error for faults.
ErrorCode perform_graph(Device& device, const char* name, const Graph& graph);

/// cudaGraphExecUpdateResult.
enum class UpdateResult : int {
  success = 0,
  topology_changed = 2,
  node_type_changed = 3,
  attributes_changed = 8,
};

struct UpdateReport {
  UpdateResult result = UpdateResult::success;
  GraphNode* node = nullptr;       // of the source, where they differ
  GraphNode* from_node = nullptr;  // a dependency of it that has no counterpart
};

/// Gives the nodes of `target` the work of a graph with the same shape, whose nodes were made in
/// the same order. Nothing is changed where they differ.
UpdateReport update_graph(Graph& target, Graph& source);

}  // namespace lq::emulator
