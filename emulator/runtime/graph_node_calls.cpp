// Entry points of the nodes of graphs: adding them, and giving other work to those of instantiated
// graphs.

#include <algorithm>

#include "core/error.h"
#include "emulator/runtime/capture.h"
#include "emulator/runtime/device.h"

using namespace lq::emulator;

namespace {

/// A piece of work, or why the parameters make none.
struct Request {
  ErrorCode code = success;
  Work work = NoWork{};
};

Request kernel_request(Device& device, const char* name, const KernelNodeParameters* parameters) {
  if (parameters == nullptr) return {invalid_value};
  lq::check(parameters->packed_arguments == nullptr,
            "{}: arguments in 'extra' are not supported; use kernelParams", name);
  KernelWork work{.kernel = device.find_kernel(parameters->function),
                  .grid = parameters->grid,
                  .block = parameters->block,
                  .dynamic_shared_bytes = parameters->dynamic_shared_bytes};
  if (work.kernel == nullptr) return {invalid_device_function};
  const ErrorCode code = device.accept(work);
  if (code != success) return {code};
  device.take_arguments(work, parameters->arguments);
  return {success, std::move(work)};
}

template <typename Pointer>
CopyEnd<Pointer> copy_end(const CopyParameters::End& end) {
  const CopyParameters::Position& position = end.position;
  const std::size_t slice_pitch = end.pitch * end.height;
  return {static_cast<Pointer>(end.pointer) + position.z * slice_pitch + position.y * end.pitch +
              position.x,
          end.pitch, slice_pitch};
}

Request copy_request(const char* name, const CopyParameters* parameters) {
  if (parameters == nullptr) return {invalid_value};
  lq::check(parameters->from.array == nullptr && parameters->to.array == nullptr,
            "{}: copies of arrays are not supported", name);
  const CopyWork work{.to = copy_end<std::byte*>(parameters->to),
                      .from = copy_end<const std::byte*>(parameters->from),
                      .width = parameters->width,
                      .height = parameters->height,
                      .depth = parameters->depth,
                      .kind = parameters->kind};
  return {is_possible(work) ? success : invalid_value, work};
}

Request fill_request(const FillParameters* parameters) {
  if (parameters == nullptr) return {invalid_value};
  const unsigned bytes = parameters->element_bytes;
  if (bytes != 1 && bytes != 2 && bytes != 4) return {invalid_value};
  const FillWork work{.to = static_cast<std::byte*>(parameters->to),
                      .pitch = parameters->pitch,
                      .value = parameters->value,
                      .element_bytes = bytes,
                      .width = parameters->width,
                      .height = parameters->height};
  return {is_possible(work) ? success : invalid_value, work};
}

Request host_request(const HostWork* parameters) {
  if (parameters == nullptr || parameters->function == nullptr) return {invalid_value};
  return {success, *parameters};
}

ErrorCode add_node(GraphNode** node, Graph* graph, GraphNode* const* dependencies,
                   std::size_t count, Request request) {
  if (node == nullptr || graph == nullptr) return invalid_value;
  if (request.code != success) return request.code;
  std::vector<GraphNode*> nodes;
  for (std::size_t i = 0; i < count; ++i) {
    GraphNode* const other = dependencies[i];
    const bool is_new = std::find(nodes.begin(), nodes.end(), other) == nodes.end();
    if (!graph->contains(other) || !is_new) return invalid_value;
    nodes.push_back(other);
  }
  *node = &graph->add(std::move(request.work), std::move(nodes));
  return success;
}

/// The node is one of the graph that was instantiated.
ErrorCode set_work(ExecutableGraph* executable, const GraphNode* node, Request request) {
  if (executable == nullptr || node == nullptr) return invalid_value;
  if (request.code != success) return request.code;
  GraphNode* const own = executable->graph->find_clone(node);
  if (own == nullptr || own->work.index() != request.work.index()) return invalid_value;
  own->work = std::move(request.work);
  return success;
}

}  // namespace

LQNET_CUDA_API int cudaGraphAddKernelNode(GraphNode** node, Graph* graph,
                                          GraphNode* const* dependencies, std::size_t count,
                                          const KernelNodeParameters* parameters) {
  constexpr const char* name = "cudaGraphAddKernelNode";
  return api_call(name, [&](Device& device) {
    return add_node(node, graph, dependencies, count, kernel_request(device, name, parameters));
  });
}

LQNET_CUDA_API int cudaGraphAddMemcpyNode1D(GraphNode** node, Graph* graph,
                                            GraphNode* const* dependencies, std::size_t count,
                                            void* to, const void* from, std::size_t bytes,
                                            CopyKind kind) {
  return api_call("cudaGraphAddMemcpyNode1D", [&](Device&) {
    return add_node(node, graph, dependencies, count, {success, row_copy(to, from, bytes, kind)});
  });
}

LQNET_CUDA_API int cudaGraphAddMemcpyNode(GraphNode** node, Graph* graph,
                                          GraphNode* const* dependencies, std::size_t count,
                                          const CopyParameters* parameters) {
  constexpr const char* name = "cudaGraphAddMemcpyNode";
  return api_call(name, [&](Device&) {
    return add_node(node, graph, dependencies, count, copy_request(name, parameters));
  });
}

LQNET_CUDA_API int cudaGraphAddMemsetNode(GraphNode** node, Graph* graph,
                                          GraphNode* const* dependencies, std::size_t count,
                                          const FillParameters* parameters) {
  return api_call("cudaGraphAddMemsetNode", [&](Device&) {
    return add_node(node, graph, dependencies, count, fill_request(parameters));
  });
}

LQNET_CUDA_API int cudaGraphAddHostNode(GraphNode** node, Graph* graph,
                                        GraphNode* const* dependencies, std::size_t count,
                                        const HostWork* parameters) {
  return api_call("cudaGraphAddHostNode", [&](Device&) {
    return add_node(node, graph, dependencies, count, host_request(parameters));
  });
}

LQNET_CUDA_API int cudaGraphAddEmptyNode(GraphNode** node, Graph* graph,
                                         GraphNode* const* dependencies, std::size_t count) {
  return api_call("cudaGraphAddEmptyNode",
                  [&](Device&) { return add_node(node, graph, dependencies, count, {}); });
}

LQNET_CUDA_API int cudaGraphAddChildGraphNode(GraphNode** node, Graph* graph,
                                              GraphNode* const* dependencies, std::size_t count,
                                              const Graph* child) {
  return api_call("cudaGraphAddChildGraphNode", [&](Device&) {
    if (child == nullptr || child->has_cycle()) return invalid_value;
    return add_node(node, graph, dependencies, count, {success, ChildWork{child->clone()}});
  });
}

LQNET_CUDA_API int cudaGraphChildGraphNodeGetGraph(const GraphNode* node, Graph** graph) {
  return api_call("cudaGraphChildGraphNodeGetGraph", [&](Device&) {
    const auto* const child = node == nullptr ? nullptr : std::get_if<ChildWork>(&node->work);
    if (child == nullptr || graph == nullptr) return invalid_value;
    *graph = child->graph.get();
    return success;
  });
}

LQNET_CUDA_API int cudaGraphExecKernelNodeSetParams(ExecutableGraph* executable,
                                                    const GraphNode* node,
                                                    const KernelNodeParameters* parameters) {
  constexpr const char* name = "cudaGraphExecKernelNodeSetParams";
  return api_call(name, [&](Device& device) {
    return set_work(executable, node, kernel_request(device, name, parameters));
  });
}

LQNET_CUDA_API int cudaGraphExecMemcpyNodeSetParams1D(ExecutableGraph* executable,
                                                      const GraphNode* node, void* to,
                                                      const void* from, std::size_t bytes,
                                                      CopyKind kind) {
  return api_call("cudaGraphExecMemcpyNodeSetParams1D", [&](Device&) {
    return set_work(executable, node, {success, row_copy(to, from, bytes, kind)});
  });
}

LQNET_CUDA_API int cudaGraphExecMemcpyNodeSetParams(ExecutableGraph* executable,
                                                    const GraphNode* node,
                                                    const CopyParameters* parameters) {
  constexpr const char* name = "cudaGraphExecMemcpyNodeSetParams";
  return api_call(
      name, [&](Device&) { return set_work(executable, node, copy_request(name, parameters)); });
}

LQNET_CUDA_API int cudaGraphExecMemsetNodeSetParams(ExecutableGraph* executable,
                                                    const GraphNode* node,
                                                    const FillParameters* parameters) {
  return api_call("cudaGraphExecMemsetNodeSetParams",
                  [&](Device&) { return set_work(executable, node, fill_request(parameters)); });
}

LQNET_CUDA_API int cudaGraphExecHostNodeSetParams(ExecutableGraph* executable,
                                                  const GraphNode* node,
                                                  const HostWork* parameters) {
  return api_call("cudaGraphExecHostNodeSetParams",
                  [&](Device&) { return set_work(executable, node, host_request(parameters)); });
}
