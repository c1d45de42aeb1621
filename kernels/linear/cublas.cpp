#include "kernels/linear/cublas.h"

#include "core/cuda/check.h"
#include "core/cuda/stream.h"
#include "kernels/common/cuda/shared_library.h"

namespace lq::kernels::cuda {

Cublas::Cublas() {
  const SharedLibrary library("libcublas.so.13");
  library.find(create, "cublasCreate_v2");
  library.find(destroy, "cublasDestroy_v2");
  library.find(get_version, "cublasGetVersion_v2");
  library.find(name_of, "cublasGetStatusName");
  library.find(set_stream, "cublasSetStream_v2");
  library.find(set_workspace, "cublasSetWorkspace_v2");
  library.find(multiply, "cublasGemmEx_64");
  is_emulated = library.has("cublasIsEmulated");
}

const Cublas& cublas() {
  static const Cublas functions;
  return functions;
}

std::string cublas_version() {
  const CublasHandle handle(0);
  int number = 0;
  cublas().check(cublas().get_version(handle.get(), &number), "cublasGetVersion");
  return fmt::format("cuBLAS {}.{}.{}{}", number / 10000, number / 100 % 100, number % 100,
                     cublas().is_emulated ? " (emulated)" : "");
}

CublasHandle::CublasHandle(int device) {
  const CudaDeviceScope scope(device);
  int major = 0;
  check_cuda(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device),
             "cudaDeviceGetAttribute");
  workspace_bytes_ = major < 9 ? 4 << 20 : 32 << 20;
  cublas().check(cublas().create(&handle_), "cublasCreate");
}

}  // namespace lq::kernels::cuda
