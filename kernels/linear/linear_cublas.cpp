#include <map>

#include "core/cuda/stream.h"
#include "kernels/common/cuda/add_bias.h"
#include "kernels/common/cuda/scratch.h"
#include "kernels/linear/cublas.h"
#include "kernels/linear/linear_library.h"

namespace lq::kernels::cuda {

namespace {

const CublasHandle& handle_for(Device device) {
  thread_local std::map<int, CublasHandle> handles;
  return handles.try_emplace(device.index, device.index).first->second;
}

/// A factor in memory: rows side by side.
struct Factor {
  const float* data;
  std::int64_t row;  // elements
  bool transposed;
};

cublasComputeType_t compute_type() {
  switch (wanted_precision()) {
    case FloatPrecision::fp32:
      return CUBLAS_COMPUTE_32F;
    case FloatPrecision::tf32:
      return CUBLAS_COMPUTE_32F_FAST_TF32;
    case FloatPrecision::fp16:
      return CUBLAS_COMPUTE_32F_FAST_16F;
  }
  fail("linear: unknown precision");
}

/// result (+)= a b, rows x columns, with sums of `depth` products. cuBLAS has matrices by columns;
/// the rows of a matrix are the columns of its transpose, so it is given result' = b' a'.
void multiply(std::string_view operation, Stream& stream, const Factor& a, const Factor& b,
              std::int64_t rows, std::int64_t columns, std::int64_t depth, float* result,
              GradientMode mode) {
  const CudaDeviceScope device(stream.device().index);
  const CublasHandle& handle = handle_for(stream.device());
  // The same workspace each time, whatever other streams do: the way of a product depends on it.
  Scratch<std::byte> workspace(stream, handle.workspace_bytes());
  const auto bytes = static_cast<std::size_t>(handle.workspace_bytes());
  cublas().check(cublas().set_stream(handle.get(), native(stream)), operation);
  cublas().check(cublas().set_workspace(handle.get(), workspace.data(), bytes), operation);
  const auto transposed = [](const Factor& factor) {
    return factor.transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
  };
  const float alpha = 1.0F;
  const float beta = mode == GradientMode::accumulate ? 1.0F : 0.0F;
  cublas().check(
      cublas().multiply(handle.get(), transposed(b), transposed(a), columns, rows, depth, &alpha,
                        b.data, CUDA_R_32F, b.row, a.data, CUDA_R_32F, a.row, &beta, result,
                        CUDA_R_32F, columns, compute_type(), CUBLAS_GEMM_DEFAULT),
      operation);
}

void forward(Stream& stream, ConstView<float> x, ConstView<float> weight, ConstView<float> bias,
             View<float> y) {
  const std::int64_t batch = x.shape[0], inputs = x.shape[1], outputs = weight.shape[0];
  multiply("linear_forward", stream, {x.data, inputs, false}, {weight.data, inputs, true}, batch,
           outputs, inputs, y.data, GradientMode::overwrite);
  add_bias("linear_forward", stream, bias, y);
}

void backward_data(Stream& stream, ConstView<float> grad_y, ConstView<float> weight,
                   View<float> grad_x, GradientMode mode) {
  const std::int64_t batch = grad_y.shape[0], outputs = weight.shape[0], inputs = weight.shape[1];
  multiply("linear_backward_data", stream, {grad_y.data, outputs, false},
           {weight.data, inputs, false}, batch, inputs, outputs, grad_x.data, mode);
}

void backward_weights(Stream& stream, ConstView<float> grad_y, ConstView<float> x,
                      View<float> grad_weight, GradientMode mode) {
  const std::int64_t batch = x.shape[0], inputs = x.shape[1], outputs = grad_y.shape[1];
  multiply("linear_backward_weights", stream, {grad_y.data, outputs, true}, {x.data, inputs, false},
           outputs, inputs, batch, grad_weight.data, mode);
}

LinearLibrary load() {
  try {
    return {{.version = cublas_version(), .failure = {}}, forward, backward_data, backward_weights};
  } catch (const Error& error) {
    return {{.version = {}, .failure = error.what()}};
  }
}

}  // namespace

const LinearLibrary& linear_library() {
  static const LinearLibrary library = load();
  return library;
}

}  // namespace lq::kernels::cuda
