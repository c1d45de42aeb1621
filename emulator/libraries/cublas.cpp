// The stand-in for libcublas.so.13: products of matrices, by plain loops with sums in double.
// Types and values are those of cuBLAS, declared here so that no toolkit is needed.

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>

#include "emulator/libraries/library_call.h"
#include "emulator/libraries/numbers.h"

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

// cudaDataType_t.
constexpr int float_type = 0, half_type = 2, int8_type = 3, int32_type = 10;

constexpr int host_pointers = 0;           // CUBLAS_POINTER_MODE_HOST
constexpr int tf32_math = 3;               // CUBLAS_TF32_TENSOR_OP_MATH
constexpr int default_compute = 68;        // CUBLAS_COMPUTE_32F
constexpr int pedantic_compute = 69;       // CUBLAS_COMPUTE_32F_PEDANTIC
constexpr int integer_computes[]{72, 73};  // CUBLAS_COMPUTE_32I, its pedantic kind

/// Of a cublasComputeType_t.
std::optional<FactorType> factor_type(const Handle& handle, int compute_type) {
  switch (compute_type) {
    case default_compute:
      return handle.math_mode == tf32_math ? FactorType::tf32 : FactorType::f32;
    case pedantic_compute:
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

/// Columns of numbers, `pitch` elements apart.
struct Matrix {
  const void* data = nullptr;
  std::int64_t rows = 0, columns = 0, pitch = 0;
  Number type = Number::f32;

  bool is_possible() const {
    return rows >= 0 && columns >= 0 && pitch >= std::max<std::int64_t>(rows, 1);
  }
  /// Whether columns are of words, and begin at words.
  bool has_words() const {
    constexpr std::size_t word_bytes = 4;
    const auto bits = reinterpret_cast<std::uintptr_t>(data) |
                      static_cast<std::size_t>(rows) * bytes_of(type) |
                      static_cast<std::size_t>(pitch) * bytes_of(type);
    return bits % word_bytes == 0;
  }

  LibraryOperand operand(const char* name, LibraryOperand::Use use) const {
    if (pitch == rows) return packed_numbers(name, data, rows * columns, type, use);
    LibraryOperand operand = packed_numbers(name, data, rows, type, use);
    operand.height = static_cast<std::size_t>(columns);
    operand.pitch = static_cast<std::size_t>(pitch) * bytes_of(type);
    return operand;
  }
};

/// c = alpha op(a) op(b) + beta c; c is m x n, and each sum has k products.
struct Product {
  bool transposes_a = false, transposes_b = false;
  Matrix a, b, c;
  std::int64_t depth = 0;
  double alpha = 0, beta = 0;
  FactorType factors = FactorType::f32;

  void compute(std::byte* a_data, std::byte* b_data, std::byte* c_data) const {
    const auto value_of = [this](const Numbers& numbers, std::int64_t at) {
      return factor(static_cast<float>(numbers[at]), factors);
    };
    const Numbers a_values{a_data, a.type}, b_values{b_data, b.type}, results{c_data, c.type};
    // Rows of op(a) side by side, so that a step of all sums of a column is one pass over them.
    std::vector<double> a_steps(static_cast<std::size_t>(c.rows * depth));
    for (std::int64_t k = 0; k < depth; ++k) {
      for (std::int64_t row = 0; row < c.rows; ++row) {
        const std::int64_t at = transposes_a ? k + row * a.pitch : row + k * a.pitch;
        a_steps[static_cast<std::size_t>(k * c.rows + row)] = value_of(a_values, at);
      }
    }
    std::vector<double> sums(static_cast<std::size_t>(c.rows));
    for (std::int64_t column = 0; column < c.columns; ++column) {
      std::fill(sums.begin(), sums.end(), 0.0);
      for (std::int64_t k = 0; k < depth; ++k) {
        const std::int64_t at = transposes_b ? column + k * b.pitch : k + column * b.pitch;
        const double value = value_of(b_values, at);
        const double* const step = a_steps.data() + k * c.rows;
        for (std::size_t row = 0; row < sums.size(); ++row) sums[row] += step[row] * value;
      }
      for (std::size_t row = 0; row < sums.size(); ++row) {
        const std::int64_t at = column * c.pitch + static_cast<std::int64_t>(row);
        // What is multiplied by a beta of zero is not read.
        results.set(at, alpha * sums[row] + (beta == 0 ? 0 : beta * results[at]));
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
    product.compute(host[0], host[1], host[2]);
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

/// What the types of factors, results and sums say.
struct Types {
  Number factors = Number::f32;
  Number results = Number::f32;
  FactorType rounding = FactorType::f32;
};

/// Floats with every compute type of floats, halves with the plain ones, and bytes with integers;
/// nothing for other types, of which `complaint` says one.
std::optional<Types> types_of(const Handle& handle, const Arguments& given,
                              std::string& complaint) {
  for (const int type : {given.a_type, given.b_type, given.c_type}) {
    const bool is_known =
        type == float_type || type == half_type || type == int8_type || type == int32_type;
    if (!is_known) complaint = fmt::format("data type {}", type);
  }
  const int compute = given.compute_type;
  const bool is_of_integers = std::find(std::begin(integer_computes), std::end(integer_computes),
                                        compute) != std::end(integer_computes);
  const auto rounding =
      is_of_integers ? std::optional(FactorType::f32) : factor_type(handle, compute);
  if (!rounding) complaint = fmt::format("compute type {}", compute);
  if (!complaint.empty()) return std::nullopt;
  const auto are = [&](int factors, int results) {
    return given.a_type == factors && given.b_type == factors && given.c_type == results;
  };
  if (is_of_integers && are(int8_type, int32_type)) return Types{Number::s8, Number::s32};
  if (!is_of_integers && are(float_type, float_type)) {
    return Types{Number::f32, Number::f32, *rounding};
  }
  if (compute == default_compute || compute == pedantic_compute) {
    if (are(half_type, half_type)) return Types{Number::f16, Number::f16};
    if (are(half_type, float_type)) return Types{Number::f16, Number::f32};
  }
  complaint = fmt::format("the combination of data types {}, {}, {} and compute type {}",
                          given.a_type, given.b_type, given.c_type, compute);
  return std::nullopt;
}

/// Alpha or beta: of the type of the sums.
double scale_of(const void* scale, const Types& types) {
  return types.results == Number::s32 ? *static_cast<const std::int32_t*>(scale)
                                      : static_cast<double>(*static_cast<const float*>(scale));
}

Status multiply(const char* call, const Handle* handle, const Arguments& given) {
  if (handle == nullptr) return not_initialized;
  for (const int operation : {given.transpose_a, given.transpose_b}) {
    if (operation < 0 || operation > 2) return invalid_value;
  }
  std::string complaint;
  const auto types = types_of(*handle, given, complaint);
  if (!types) return unsupported(not_supported, call, "{}", complaint);
  const bool transposes_a = given.transpose_a != 0, transposes_b = given.transpose_b != 0;
  const auto matrix = [](const void* data, std::int64_t rows, std::int64_t columns,
                         std::int64_t pitch, bool transposed, Number type) {
    return transposed ? Matrix{data, columns, rows, pitch, type}
                      : Matrix{data, rows, columns, pitch, type};
  };
  const Product product{
      .transposes_a = transposes_a,
      .transposes_b = transposes_b,
      .a = matrix(given.a, given.m, given.k, given.a_pitch, transposes_a, types->factors),
      .b = matrix(given.b, given.k, given.n, given.b_pitch, transposes_b, types->factors),
      .c = matrix(given.c, given.m, given.n, given.c_pitch, false, types->results),
      .depth = given.k,
      .alpha = scale_of(given.alpha, *types),
      .beta = scale_of(given.beta, *types),
      .factors = types->rounding,
  };
  if (!product.a.is_possible() || !product.b.is_possible() || !product.c.is_possible()) {
    return invalid_value;
  }
  if (given.m == 0 || given.n == 0) return success;
  if (given.k == 0) return unsupported(not_supported, call, "a depth of 0");
  // Real ones take bytes on these terms, too.
  if (types->factors != Number::f32 &&
      !(product.a.has_words() && product.b.has_words() && product.c.has_words())) {
    return not_supported;
  }
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

/// By this programs can tell: no real one has it.
LQNET_CUDA_API int cublasIsEmulated() { return 1; }

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
