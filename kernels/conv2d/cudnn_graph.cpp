#include "kernels/conv2d/cudnn_graph.h"

#include <fmt/format.h>

#include "core/cuda/stream.h"
#include "kernels/common/cuda/shared_library.h"

namespace lq::kernels::cuda {

Cudnn::Cudnn() {
  const SharedLibrary library("libcudnn.so.9");
  library.find(get_version, "cudnnGetVersion");
  library.find(name_of, "cudnnGetErrorString");
  library.find(create, "cudnnCreate");
  library.find(destroy, "cudnnDestroy");
  library.find(set_stream, "cudnnSetStream");
  library.find(create_descriptor, "cudnnBackendCreateDescriptor");
  library.find(destroy_descriptor, "cudnnBackendDestroyDescriptor");
  library.find(set_attribute, "cudnnBackendSetAttribute");
  library.find(get_attribute, "cudnnBackendGetAttribute");
  library.find(finalize, "cudnnBackendFinalize");
  library.find(execute, "cudnnBackendExecute");
  is_emulated = library.has("cudnnIsEmulated");
}

const Cudnn& cudnn() {
  static const Cudnn functions;
  return functions;
}

std::string cudnn_version() {
  const std::size_t number = cudnn().get_version();
  return fmt::format("cuDNN {}.{}.{}{}", number / 10000, number / 100 % 100, number % 100,
                     cudnn().is_emulated ? " (emulated)" : "");
}

CudnnHandle::CudnnHandle(int device) {
  const CudaDeviceScope scope(device);
  cudnn().check(cudnn().create(&handle_), "cudnnCreate");
}

std::vector<CudnnDescriptor> engine_configurations(const CudnnDescriptor& graph,
                                                   const CudnnTarget& target) {
  CudnnDescriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, CUDNN_HEUR_MODE_A);
  if (target.properties != nullptr) {
    heuristics.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, *target.properties);
  }
  std::vector<CudnnDescriptor> configurations;
  if (!heuristics.try_finalize()) return configurations;
  std::int64_t count = 0;
  const auto get = [&](std::int64_t most, void* results) {
    cudnn().check(cudnn().get_attribute(heuristics.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                        CUDNN_TYPE_BACKEND_DESCRIPTOR, most, &count, results),
                  "cudnnBackendGetAttribute");
  };
  get(0, nullptr);
  std::vector<cudnnBackendDescriptor_t> results;
  for (std::int64_t i = 0; i < count; ++i) {
    configurations.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    results.push_back(configurations.back().get());
  }
  get(count, results.data());
  configurations.erase(configurations.begin() + count, configurations.end());
  return configurations;
}

std::vector<cudnnBackendNumericalNote_t> numerical_notes(const CudnnDescriptor& configuration) {
  const CudnnDescriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  cudnnBackendDescriptor_t result = engine.get();
  std::int64_t count = 0;
  cudnn().check(cudnn().get_attribute(configuration.get(), CUDNN_ATTR_ENGINECFG_ENGINE,
                                      CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count, &result),
                "cudnnBackendGetAttribute");
  return engine.values<cudnnBackendNumericalNote_t>(
      CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE, CUDNN_NUMERICAL_NOTE_TYPE_COUNT);
}

}  // namespace lq::kernels::cuda
