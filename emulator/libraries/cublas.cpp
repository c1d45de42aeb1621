// The stand-in for libcublas.so.13: products of float matrices, by plain loops with sums in double.
// Types and values are those of cuBLAS, declared here so that no toolkit is needed.

#include <algorithm>
#include <optional>

#include "emulator/libraries/float_products.h"
#include "emulator/libraries/library_call.h"

namespace lq::emulator::cublas {
namespace {

enum Status : int {
  success = 0,
  not_initialized = 1,
  invalid_value = 7,
  execution_failed = 13,
  not_supported = 15,
};

struct Handle {
  Stream* stream = nullptr;
  int math_mode = 0;
  void* workspace = nullptr;
  std::size_t workspace_bytes = 0;
};

constexpr int float_type = 0;        // CUDA_R_32F
constexpr int host_pointers = 0;     // CUBLAS_POINTER_MODE_HOST
constexpr int tf32_math = 3;         // CUBLAS_TF32_TENSOR_OP_MATH
constexpr int default_compute = 68;  // CUBLAS_COMPUTE_32F

/// Of a cublasComputeType_t.
std::optional<FactorType> factor_type(const Handle& handle, int compute_type) {
  switch (compute_type) {
    case default_compute:
      return handle.math_mode == tf32_math ? FactorType::tf32 : FactorType::f32;
    case 69:  // CUBLAS_COMPUTE_32F_PEDANTIC
      return FactorType::f32;
    case 74:  // CUBLAS_COMPUTE_32F_FAST_16F
      return FactorType::f16;
    case 75:  // CUBLAS_COMPUTE_32F_FAST_16BF
      return FactorType::bf16;
    case 77:  // CUBLAS_COMPUTE_32F_FAST_TF32
      return FactorType::tf32;
    default:
      return std::nullopt;
  }
}

/// Columns of floats, `pitch` elements apart.
struct Matrix {
  const void* data = nullptr;
  std::int64_t rows = 0, columns = 0, pitch = 0;

  bool is_possible() const {
    return rows >= 0 && columns >= 0 && pitch >= std::max<std::int64_t>(rows, 1);
  }

  LibraryOperand operand(const char* name, LibraryOperand::Use use) const {
    if (pitch == rows) return packed_floats(name, data, rows * columns, use);
    LibraryOperand operand = packed_floats(name, data, rows, use);
    operand.height = static_cast<std::size_t>(columns);
    operand.pitch = static_cast<std::size_t>(pitch) * sizeof(float);
    return operand;
  }
};

/// c = alpha op(a) op(b) + beta c; c is m x n, and each sum has k products.
struct Product {
  bool transposes_a = false, transposes_b = false;
  Matrix a, b, c;
  std::int64_t depth = 0;
  float alpha = 0, beta = 0;
  FactorType factors = FactorType::f32;

  void compute(const float* a_data, const float* b_data, float* c_data) const {
    // Rows of op(a) side by side, so that a step of all sums of a column is one pass over them.
    std::vector<double> a_steps(static_cast<std::size_t>(c.rows * depth));
    for (std::int64_t k = 0; k < depth; ++k) {
      for (std::int64_t row = 0; row < c.rows; ++row) {
        const std::int64_t at = transposes_a ? k + row * a.pitch : row + k * a.pitch;
        a_steps[static_cast<std::size_t>(k * c.rows + row)] = factor(a_data[at], factors);
      }
    }
    std::vector<double> sums(static_cast<std::size_t>(c.rows));
    for (std::int64_t column = 0; column < c.columns; ++column) {
      std::fill(sums.begin(), sums.end(), 0.0);
      for (std::int64_t k = 0; k < depth; ++k) {
        const std::int64_t at = transposes_b ? column + k * b.pitch : k + column * b.pitch;
        const double value = factor(b_data[at], factors);
        const double* const step = a_steps.data() + k * c.rows;
        for (std::size_t row = 0; row < sums.size(); ++row) sums[row] += step[row] * value;
      }
      float* const results = c_data + column * c.pitch;
      for (std::size_t row = 0; row < sums.size(); ++row) {
        // What is multiplied by a beta of zero is not read.
        const double before = beta == 0 ? 0 : static_cast<double>(beta) * results[row];
        results[row] = static_cast<float>(static_cast<double>(alpha) * sums[row] + before);
      }
    }
  }
};

Status issue(const char* call, const Handle& handle, const Product& product) {
  using enum LibraryOperand::Use;
  const LibraryOperand::Use c_use = product.beta == 0 ? written : read_and_written;
  LibraryWork work{.call = call};
  work.operands = {product.a.operand("A", read), product.b.operand("B", read),
                   product.c.operand("C", c_use)};
  lend_workspace(work, handle.workspace, handle.workspace_bytes);
  work.run = [product](std::span<std::byte* const> host) {
    product.compute(reinterpret_cast<const float*>(host[0]),
                    reinterpret_cast<const float*>(host[1]), reinterpret_cast<float*>(host[2]));
  };
  return lqnet_emulator_issue(handle.stream, work) == 0 ? success : execution_failed;
}

struct Arguments {
  int transpose_a, transpose_b;
  std::int64_t m, n, k;
  const void* alpha;
  const void* a;
  int a_type;
  std::int64_t a_pitch;
  const void* b;
  int b_type;
  std::int64_t b_pitch;
  const void* beta;
  void* c;
  int c_type;
  std::int64_t c_pitch;
  int compute_type;
};

Status multiply(const char* call, const Handle* handle, const Arguments& given) {
  if (handle == nullptr) return not_initialized;
  for (const int type : {given.a_type, given.b_type, given.c_type}) {
    if (type != float_type) return unsupported(not_supported, call, "data type {}", type);
  }
  for (const int operation : {given.transpose_a, given.transpose_b}) {
    if (operation < 0 || operation > 2) return invalid_value;
  }
  const auto factors = factor_type(*handle, given.compute_type);
  if (!factors) return unsupported(not_supported, call, "compute type {}", given.compute_type);
  const bool transposes_a = given.transpose_a != 0, transposes_b = given.transpose_b != 0;
  const auto matrix = [](const void* data, std::int64_t rows, std::int64_t columns,
                         std::int64_t pitch, bool transposed) {
    return transposed ? Matrix{data, columns, rows, pitch} : Matrix{data, rows, columns, pitch};
  };
  const Product product{
      .transposes_a = transposes_a,
      .transposes_b = transposes_b,
      .a = matrix(given.a, given.m, given.k, given.a_pitch, transposes_a),
      .b = matrix(given.b, given.k, given.n, given.b_pitch, transposes_b),
      .c = matrix(given.c, given.m, given.n, given.c_pitch, false),
      .depth = given.k,
      .alpha = *static_cast<const float*>(given.alpha),
      .beta = *static_cast<const float*>(given.beta),
      .factors = *factors,
  };
  if (!product.a.is_possible() || !product.b.is_possible() || !product.c.is_possible()) {
    return invalid_value;
  }
  if (given.m == 0 || given.n == 0) return success;
  if (given.k == 0) return unsupported(not_supported, call, "a depth of 0");
  return issue(call, *handle, product);
}

}  // namespace

LQNET_CUDA_API Status cublasCreate_v2(Handle** handle) {
  *handle = new Handle;
  return success;
}
LQNET_CUDA_API Status cublasDestroy_v2(Handle* handle) {
  if (handle == nullptr) return not_initialized;
  delete handle;
  return success;
}
LQNET_CUDA_API Status cublasGetVersion_v2(Handle*, int* version) {
  *version = 130000;
  return success;
}

/// Takes the workspace away, as cuBLAS does.
LQNET_CUDA_API Status cublasSetStream_v2(Handle* handle, Stream* stream) {
  if (handle == nullptr) return not_initialized;
  handle->stream = stream;
  handle->workspace = nullptr;
  handle->workspace_bytes = 0;
  return success;
}
LQNET_CUDA_API Status cublasSetWorkspace_v2(Handle* handle, void* workspace, std::size_t bytes) {
  if (handle == nullptr) return not_initialized;
  if (reinterpret_cast<std::uintptr_t>(workspace) % 256 != 0) return invalid_value;
  handle->workspace = workspace;
  handle->workspace_bytes = bytes;
  return success;
}
LQNET_CUDA_API Status cublasSetPointerMode_v2(Handle* handle, int mode) {
  if (handle == nullptr) return not_initialized;
  if (mode != host_pointers) {
    return unsupported(not_supported, "cublasSetPointerMode", "mode {}", mode);
  }
  return success;
}
LQNET_CUDA_API Status cublasSetMathMode(Handle* handle, int mode) {
  if (handle == nullptr) return not_initialized;
  const bool is_known = mode == 0 || mode == 2 || mode == tf32_math;
  if (!is_known) return unsupported(not_supported, "cublasSetMathMode", "mode {}", mode);
  handle->math_mode = mode;
  return success;
}

LQNET_CUDA_API const char* cublasGetStatusName(Status status) {
  switch (status) {
    case success:
      return "CUBLAS_STATUS_SUCCESS";
    case not_initialized:
      return "CUBLAS_STATUS_NOT_INITIALIZED";
    case invalid_value:
      return "CUBLAS_STATUS_INVALID_VALUE";
    case execution_failed:
      return "CUBLAS_STATUS_EXECUTION_FAILED";
    case not_supported:
      return "CUBLAS_STATUS_NOT_SUPPORTED";
  }
  return "<unknown>";
}

LQNET_CUDA_API Status cublasGemmEx_64(Handle* handle, int transpose_a, int transpose_b,
                                      std::int64_t m, std::int64_t n, std::int64_t k,
                                      const void* alpha, const void* a, int a_type,
                                      std::int64_t a_pitch, const void* b, int b_type,
                                      std::int64_t b_pitch, const void* beta, void* c, int c_type,
                                      std::int64_t c_pitch, int compute_type, int /*algorithm*/) {
  return multiply("cublasGemmEx", handle,
                  {transpose_a, transpose_b, m, n, k, alpha, a, a_type, a_pitch, b, b_type, b_pitch,
                   beta, c, c_type, c_pitch, compute_type});
}
LQNET_CUDA_API Status cublasGemmEx(Handle* handle, int transpose_a, int transpose_b, int m, int n,
                                   int k, const void* alpha, const void* a, int a_type, int a_pitch,
                                   const void* b, int b_type, int b_pitch, const void* beta,
                                   void* c, int c_type, int c_pitch, int compute_type,
                                   int algorithm) {
  return cublasGemmEx_64(handle, transpose_a, transpose_b, m, n, k, alpha, a, a_type, a_pitch, b,
                         b_type, b_pitch, beta, c, c_type, c_pitch, compute_type, algorithm);
}
LQNET_CUDA_API Status cublasSgemm_v2(Handle* handle, int transpose_a, int transpose_b, int m, int n,
                                     int k, const float* alpha, const float* a, int a_pitch,
                                     const float* b, int b_pitch, const float* beta, float* c,
                                     int c_pitch) {
  return multiply("cublasSgemm", handle,
                  {transpose_a, transpose_b, m, n, k, alpha, a, float_type, a_pitch, b, float_type,
                   b_pitch, beta, c, float_type, c_pitch, default_compute});
}

}  // namespace lq::emulator::cublas
