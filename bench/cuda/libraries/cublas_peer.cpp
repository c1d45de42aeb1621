#include "bench/cuda/peer_library.h"
#include "core/cuda/stream.h"
#include "core/tensor.h"
#include "kernels/linear/cublas.h"

namespace lq::bench {

namespace {

using kernels::cuda::cublas;

/// y = x weight', N P Q x O. cuBLAS has matrices by columns, so that y' = weight x' is what it is
/// asked for.
class CublasWay final : public PeerWay {
 public:
  CublasWay(cublasHandle_t handle, const PeerLayer& layer) : handle_(handle), layer_(layer) {}

  void queue() override {
    const bool is_fp16 = layer_.numbers == PeerNumbers::fp16;
    const kernels::Conv2dGeometry& g = layer_.geometry;
    const std::int64_t outputs = g.c_out, depth = g.c_in, pixels = g.n * g.out_h * g.out_w;
    const float one = 1.0F, zero = 0.0F;
    const std::int32_t whole_one = 1, whole_zero = 0;
    const void* const alpha = is_fp16 ? static_cast<const void*>(&one) : &whole_one;
    const void* const beta = is_fp16 ? static_cast<const void*>(&zero) : &whole_zero;
    const cudaDataType_t factors = is_fp16 ? CUDA_R_16F : CUDA_R_8I;
    const cudaDataType_t results = is_fp16 ? CUDA_R_16F : CUDA_R_32I;
    cublas().check(
        cublas().multiply(handle_, CUBLAS_OP_T, CUBLAS_OP_N, outputs, pixels, depth, alpha,
                          layer_.weight, factors, depth, layer_.x, factors, depth, beta, layer_.y,
                          results, outputs, is_fp16 ? CUBLAS_COMPUTE_32F : CUBLAS_COMPUTE_32I,
                          CUBLAS_GEMM_DEFAULT),
        "cublasGemmEx");
  }

 private:
  cublasHandle_t handle_;
  PeerLayer layer_;
};

class CublasPeer final : public PeerLibrary {
 public:
  explicit CublasPeer(Stream& stream)
      : handle_(stream.device().index),
        workspace_({handle_.workspace_bytes()}, DType::u8, stream.device()) {
    cublas().check(cublas().set_stream(handle_.get(), native(stream)), "cublasSetStream");
    cublas().check(cublas().set_workspace(handle_.get(), workspace_.raw(), workspace_.bytes()),
                   "cublasSetWorkspace");
  }

  std::string version() const override { return kernels::cuda::cublas_version(); }
  bool takes(const kernels::Conv2dGeometry& g) const override {
    return g.kernel_h == 1 && g.kernel_w == 1 && g.stride_h == 1 && g.stride_w == 1;
  }
  PeerResults results(PeerNumbers numbers) const override {
    return numbers == PeerNumbers::fp16 ? PeerResults::fp16 : PeerResults::int32;
  }

  std::vector<std::unique_ptr<PeerWay>> ways(const PeerLayer& layer) override {
    std::vector<std::unique_ptr<PeerWay>> ways;
    ways.push_back(std::make_unique<CublasWay>(handle_.get(), layer));
    return ways;
  }

 private:
  kernels::cuda::CublasHandle handle_;
  Tensor workspace_;
};

}  // namespace

std::unique_ptr<PeerLibrary> make_cublas_peer(Stream& stream) {
  return std::make_unique<CublasPeer>(stream);
}

}  // namespace lq::bench
