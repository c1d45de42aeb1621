// Entry points of graphs as a whole: making, asking, instantiating, launching.

#include <algorithm>

#include "core/error.h"
#include "emulator/runtime/capture.h"
#include "emulator/runtime/device.h"

using namespace lq::emulator;

namespace {

void refuse_edge_data(const char* name, const EdgeData* edges, std::size_t count) {
  for (std::size_t i = 0; edges != nullptr && i < count; ++i) {
    const bool is_ordinary = std::all_of(std::begin(edges[i].bytes), std::end(edges[i].bytes),
                                         [](std::uint8_t byte) { return byte == 0; });
    lq::check(is_ordinary, "{}: edge {} is no ordinary dependency, which is not supported", name,
              i);
  }
}

/// Fills an array of the program's as the calls that list nodes do: without one, they count.
ErrorCode list_nodes(const std::vector<GraphNode*>& found, GraphNode** nodes, std::size_t* count) {
  if (count == nullptr) return invalid_value;
  if (nodes != nullptr) {
    for (std::size_t i = 0; i < *count; ++i) nodes[i] = i < found.size() ? found[i] : nullptr;
    *count = std::min(*count, found.size());
  } else {
    *count = found.size();
  }
  return success;
}

template <typename Condition>
std::vector<GraphNode*> nodes_with(const Graph& graph, Condition&& condition) {
  std::vector<GraphNode*> result;
  for (const auto& node : graph.nodes) {
    if (condition(*node)) result.push_back(node.get());
  }
  return result;
}

bool depends_on(const GraphNode& node, const GraphNode* other) {
  return std::find(node.dependencies.begin(), node.dependencies.end(), other) !=
         node.dependencies.end();
}

ErrorCode instantiate(ExecutableGraph** executable, const Graph* graph, unsigned long long flags) {
  constexpr unsigned long long device_launch = 4;
  lq::check((flags & device_launch) == 0,
            "cudaGraphInstantiate: flag 4 (launch from the device) is not supported");
  if (executable == nullptr || graph == nullptr || graph->has_cycle()) return invalid_value;
  *executable = new ExecutableGraph{graph->clone()};
  return success;
}

}  // namespace

LQNET_CUDA_API int cudaGraphCreate(Graph** graph, unsigned flags) {
  return api_call("cudaGraphCreate", [&](Device&) {
    if (graph == nullptr || flags != 0) return invalid_value;
    *graph = new Graph;
    return success;
  });
}

LQNET_CUDA_API int cudaGraphDestroy(Graph* graph) {
  return api_call("cudaGraphDestroy", [&](Device&) {
    if (graph == nullptr) return invalid_value;
    delete graph;
    return success;
  });
}

LQNET_CUDA_API int cudaGraphClone(Graph** clone, const Graph* graph) {
  return api_call("cudaGraphClone", [&](Device&) {
    if (clone == nullptr || graph == nullptr) return invalid_value;
    *clone = graph->clone().release();
    return success;
  });
}

LQNET_CUDA_API int cudaGraphNodeFindInClone(GraphNode** node, const GraphNode* original,
                                            Graph* clone) {
  return api_call("cudaGraphNodeFindInClone", [&](Device&) {
    if (node == nullptr || original == nullptr || clone == nullptr) return invalid_value;
    *node = clone->find_clone(original);
    return *node == nullptr ? invalid_value : success;
  });
}

LQNET_CUDA_API int cudaGraphGetNodes(const Graph* graph, GraphNode** nodes, std::size_t* count) {
  return api_call("cudaGraphGetNodes", [&](Device&) {
    if (graph == nullptr) return invalid_value;
    return list_nodes(nodes_with(*graph, [](const GraphNode&) { return true; }), nodes, count);
  });
}

LQNET_CUDA_API int cudaGraphGetRootNodes(const Graph* graph, GraphNode** nodes,
                                         std::size_t* count) {
  return api_call("cudaGraphGetRootNodes", [&](Device&) {
    if (graph == nullptr) return invalid_value;
    const auto is_root = [](const GraphNode& node) { return node.dependencies.empty(); };
    return list_nodes(nodes_with(*graph, is_root), nodes, count);
  });
}

LQNET_CUDA_API int cudaGraphNodeGetDependencies(const GraphNode* node, GraphNode** nodes,
                                                EdgeData* edges, std::size_t* count) {
  return api_call("cudaGraphNodeGetDependencies", [&](Device&) {
    if (node == nullptr || count == nullptr) return invalid_value;
    if (edges != nullptr) std::fill_n(edges, *count, EdgeData{});
    return list_nodes(node->dependencies, nodes, count);
  });
}

LQNET_CUDA_API int cudaGraphNodeGetDependentNodes(const GraphNode* node, GraphNode** nodes,
                                                  EdgeData* edges, std::size_t* count) {
  return api_call("cudaGraphNodeGetDependentNodes", [&](Device&) {
    if (node == nullptr || count == nullptr) return invalid_value;
    if (edges != nullptr) std::fill_n(edges, *count, EdgeData{});
    const auto depends = [&](const GraphNode& other) { return depends_on(other, node); };
    return list_nodes(nodes_with(*node->graph, depends), nodes, count);
  });
}

LQNET_CUDA_API int cudaGraphNodeGetType(const GraphNode* node, int* type) {
  return api_call("cudaGraphNodeGetType", [&](Device&) {
    if (node == nullptr || type == nullptr) return invalid_value;
    *type = node_type(node->work);
    return success;
  });
}

LQNET_CUDA_API int cudaGraphAddDependencies(Graph* graph, GraphNode* const* from,
                                            GraphNode* const* to, const EdgeData* edges,
                                            std::size_t count) {
  return api_call("cudaGraphAddDependencies", [&](Device&) {
    if (graph == nullptr) return invalid_value;
    refuse_edge_data("cudaGraphAddDependencies", edges, count);
    for (std::size_t i = 0; i < count; ++i) {
      const bool are_own = graph->contains(from[i]) && graph->contains(to[i]);
      if (!are_own || from[i] == to[i] || depends_on(*to[i], from[i])) return invalid_value;
      to[i]->dependencies.push_back(from[i]);
    }
    return success;
  });
}

LQNET_CUDA_API int cudaGraphInstantiate(ExecutableGraph** executable, const Graph* graph,
                                        unsigned long long flags) {
  return api_call("cudaGraphInstantiate",
                  [&](Device&) { return instantiate(executable, graph, flags); });
}

LQNET_CUDA_API int cudaGraphInstantiateWithFlags(ExecutableGraph** executable, const Graph* graph,
                                                 unsigned long long flags) {
  return api_call("cudaGraphInstantiateWithFlags",
                  [&](Device&) { return instantiate(executable, graph, flags); });
}

LQNET_CUDA_API int cudaGraphExecDestroy(ExecutableGraph* executable) {
  return api_call("cudaGraphExecDestroy", [&](Device&) {
    if (executable == nullptr) return invalid_value;
    delete executable;
    return success;
  });
}

LQNET_CUDA_API int cudaGraphUpload(const ExecutableGraph* executable, Stream*) {
  return api_call("cudaGraphUpload",
                  [&](Device&) { return executable == nullptr ? invalid_value : success; });
}

LQNET_CUDA_API int cudaGraphLaunch(const ExecutableGraph* executable, Stream* stream) {
  return api_call("cudaGraphLaunch", [&](Device& device) {
    if (executable == nullptr) return invalid_value;
    // A clone, since in a captured stream it becomes a part of another graph.
    return issue(device, "cudaGraphLaunch", stream, ChildWork{executable->graph->clone()});
  });
}

LQNET_CUDA_API int cudaGraphExecUpdate(ExecutableGraph* executable, Graph* graph,
                                       UpdateInfo* info) {
  return api_call("cudaGraphExecUpdate", [&](Device&) {
    if (executable == nullptr || graph == nullptr || info == nullptr) return invalid_value;
    const UpdateReport report = update_graph(*executable->graph, *graph);
    *info = {static_cast<int>(report.result), report.node, report.from_node};
    return report.result == UpdateResult::success ? success : graph_update_failure;
  });
}
