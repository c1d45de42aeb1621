// cuBLAS, loaded when it is first wanted.
#pragma once

#include <cublas_v2.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.h"

namespace lq::kernels::cuda {

/// What is used of cuBLAS.
struct Cublas {
  decltype(&cublasCreate_v2) create = nullptr;
  decltype(&cublasDestroy_v2) destroy = nullptr;
  decltype(&cublasGetVersion_v2) get_version = nullptr;
  decltype(&cublasGetStatusName) name_of = nullptr;
  decltype(&cublasSetStream_v2) set_stream = nullptr;
  decltype(&cublasSetWorkspace_v2) set_workspace = nullptr;
  decltype(&cublasGemmEx_64) multiply = nullptr;
  bool is_emulated = false;  // a stand-in, which says so by having one function more

  /// Loads it; throws Error where it is missing.
  Cublas();

  void check(cublasStatus_t status, std::string_view what) const {
    lq::check(status == CUBLAS_STATUS_SUCCESS, "{}: {}", what, name_of(status));
  }
};

/// Loaded by the first call.
const Cublas& cublas();

/// "cuBLAS 13.0.0", with " (emulated)" behind it for a stand-in. That it can be used at all shows
/// here: throws Error where it finds no device.
std::string cublas_version();

/// cuBLAS on one device.
class CublasHandle {
 public:
  explicit CublasHandle(int device);
  ~CublasHandle() { cublas().destroy(handle_); }
  CublasHandle(const CublasHandle&) = delete;
  CublasHandle& operator=(const CublasHandle&) = delete;

  cublasHandle_t get() const { return handle_; }
  /// What cuBLAS asks for, by its documentation.
  std::int64_t workspace_bytes() const { return workspace_bytes_; }

 private:
  cublasHandle_t handle_ = nullptr;
  std::int64_t workspace_bytes_ = 0;
};

}  // namespace lq::kernels::cuda
