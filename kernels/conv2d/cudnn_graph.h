// The graph interface of cuDNN: descriptors with attributes. Its older one, with a function for
// each operation, is deprecated, and has no padding that is wider on one side.
#pragma once

#include <cudnn.h>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"

namespace lq::kernels::cuda {

/// What is used of cuDNN.
struct Cudnn {
  decltype(&cudnnGetVersion) get_version = nullptr;
  decltype(&cudnnGetErrorString) name_of = nullptr;
  decltype(&cudnnCreate) create = nullptr;
  decltype(&cudnnDestroy) destroy = nullptr;
  decltype(&cudnnSetStream) set_stream = nullptr;
  decltype(&cudnnBackendCreateDescriptor) create_descriptor = nullptr;
  decltype(&cudnnBackendDestroyDescriptor) destroy_descriptor = nullptr;
  decltype(&cudnnBackendSetAttribute) set_attribute = nullptr;
  decltype(&cudnnBackendGetAttribute) get_attribute = nullptr;
  decltype(&cudnnBackendFinalize) finalize = nullptr;
  decltype(&cudnnBackendExecute) execute = nullptr;
  bool is_emulated = false;  // a stand-in, which says so by having one function more

  /// Loads it; throws Error where it is missing.
  Cudnn();

  void check(cudnnStatus_t status, std::string_view what) const {
    lq::check(status == CUDNN_STATUS_SUCCESS, "{}: {}", what, name_of(status));
  }
};

/// Loaded by the first call.
const Cudnn& cudnn();

/// "cuDNN 9.19.0", with " (emulated)" behind it for a stand-in.
std::string cudnn_version();

/// cuDNN on one device.
class CudnnHandle {
 public:
  explicit CudnnHandle(int device);
  ~CudnnHandle() { cudnn().destroy(handle_); }
  CudnnHandle(const CudnnHandle&) = delete;
  CudnnHandle& operator=(const CudnnHandle&) = delete;

  cudnnHandle_t get() const { return handle_; }

 private:
  cudnnHandle_t handle_ = nullptr;
};

/// Owns a descriptor. Errors of cuDNN are thrown as Error.
class CudnnDescriptor {
 public:
  explicit CudnnDescriptor(cudnnBackendDescriptorType_t type) {
    cudnn().check(cudnn().create_descriptor(type, &descriptor_), "cudnnBackendCreateDescriptor");
  }
  ~CudnnDescriptor() {
    if (descriptor_ != nullptr) cudnn().destroy_descriptor(descriptor_);
  }
  CudnnDescriptor(CudnnDescriptor&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, nullptr)) {}
  CudnnDescriptor& operator=(CudnnDescriptor&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }

  cudnnBackendDescriptor_t get() const { return descriptor_; }

  template <typename T>
  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
           std::span<const T> values) {
    cudnn().check(cudnn().set_attribute(descriptor_, name, type,
                                        static_cast<std::int64_t>(values.size()), values.data()),
                  "cudnnBackendSetAttribute");
  }
  template <typename T>
  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, const T& value) {
    set(name, type, std::span<const T>(&value, 1));
  }
  void set(cudnnBackendAttributeName_t name, std::span<const std::int64_t> values) {
    set(name, CUDNN_TYPE_INT64, values);
  }
  void set(cudnnBackendAttributeName_t name, const CudnnDescriptor& other) {
    set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, other.descriptor_);
  }

  /// Whether cuDNN can do what the attributes say.
  bool try_finalize() { return cudnn().finalize(descriptor_) == CUDNN_STATUS_SUCCESS; }
  void finalize() { cudnn().check(cudnn().finalize(descriptor_), "cudnnBackendFinalize"); }

  /// Up to `most` values.
  template <typename T>
  std::vector<T> values(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                        std::int64_t most) const {
    std::vector<T> values(static_cast<std::size_t>(most));
    std::int64_t count = 0;
    cudnn().check(cudnn().get_attribute(descriptor_, name, type, most, &count, values.data()),
                  "cudnnBackendGetAttribute");
    values.resize(static_cast<std::size_t>(std::min(count, most)));
    return values;
  }

 private:
  cudnnBackendDescriptor_t descriptor_ = nullptr;
};

/// The device that graphs are to run on.
struct CudnnTarget {
  cudnnHandle_t handle = nullptr;
  /// CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR of a device that need not be there, in place of the
  /// handle.
  const CudnnDescriptor* properties = nullptr;
};

/// The ways to execute a graph of operations that cuDNN's heuristics know for the device, the best
/// first. Each is an engine with its configuration. Those that are good for nothing but to have one
/// at all (CUDNN_HEUR_MODE_FALLBACK) are left out: own kernels serve for that.
std::vector<CudnnDescriptor> engine_configurations(const CudnnDescriptor& graph,
                                                   const CudnnTarget& target);

/// What cuDNN says of the results of such a way.
std::vector<cudnnBackendNumericalNote_t> numerical_notes(const CudnnDescriptor& configuration);

}  // namespace lq::kernels::cuda
