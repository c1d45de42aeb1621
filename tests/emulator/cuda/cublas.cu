// An unmodified program that uses cuBLAS, against loops of the host. `cublas NAME` does what is
// reported with the text behind EXPECT.

#include <cublas_v2.h>
#include <cuda_fp16.h>

#include <cmath>
#include <cstdint>
#include <cstring>

#include "check.h"

namespace {

void require(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  std::printf("%s: %s\n", what, cublasGetStatusName(status));
  std::exit(1);
}

/// Numbers that sums of a few products hold exactly.
std::vector<float> small_integers(std::size_t count, int seed) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = static_cast<float>((i * 7 + static_cast<std::size_t>(seed)) % 11) - 5;
  }
  return values;
}

struct Product {
  cublasOperation_t a_operation, b_operation;
  int m, n, k;
  int slack;  // elements between columns
  float alpha, beta;

  int a_rows() const { return a_operation == CUBLAS_OP_N ? m : k; }
  int b_rows() const { return b_operation == CUBLAS_OP_N ? k : n; }
  int a_pitch() const { return a_rows() + slack; }
  int b_pitch() const { return b_rows() + slack; }
  int c_pitch() const { return m + slack; }
  std::size_t a_size() const { return static_cast<std::size_t>(a_pitch() * (m + k - a_rows())); }
  std::size_t b_size() const { return static_cast<std::size_t>(b_pitch() * (k + n - b_rows())); }
  std::size_t c_size() const { return static_cast<std::size_t>(c_pitch() * n); }

  std::vector<float> on_host(const std::vector<float>& a, const std::vector<float>& b,
                             std::vector<float> c) const {
    for (int column = 0; column < n; ++column) {
      for (int row = 0; row < m; ++row) {
        float sum = 0;
        for (int i = 0; i < k; ++i) {
          const float left =
              a_operation == CUBLAS_OP_N ? a[row + i * a_pitch()] : a[i + row * a_pitch()];
          const float right =
              b_operation == CUBLAS_OP_N ? b[i + column * b_pitch()] : b[column + i * b_pitch()];
          sum += left * right;
        }
        float& result = c[row + column * c_pitch()];
        result = alpha * sum + (beta == 0 ? 0 : beta * result);
      }
    }
    return c;
  }

  cublasStatus_t on_device(cublasHandle_t handle, const float* a, const float* b, float* c,
                           cublasComputeType_t type = CUBLAS_COMPUTE_32F) const {
    return cublasGemmEx(handle, a_operation, b_operation, m, n, k, &alpha, a, CUDA_R_32F, a_pitch(),
                        b, CUDA_R_32F, b_pitch(), &beta, c, CUDA_R_32F, c_pitch(), type,
                        CUBLAS_GEMM_DEFAULT);
  }
};

constexpr Product plain{CUBLAS_OP_N, CUBLAS_OP_N, 2, 3, 4, 0, 1, 0};

void products_match_the_host(cublasHandle_t handle) {
  for (const cublasOperation_t a_operation : {CUBLAS_OP_N, CUBLAS_OP_T}) {
    for (const cublasOperation_t b_operation : {CUBLAS_OP_N, CUBLAS_OP_T}) {
      for (const float beta : {0.0F, 2.0F}) {
        for (const int slack : {0, 3}) {
          const Product product{a_operation, b_operation, 5, 4, 7, slack, 3, beta};
          const auto a = small_integers(product.a_size(), 1),
                     b = small_integers(product.b_size(), 2);
          // What is multiplied by 0 is not read.
          const auto before = beta == 0 ? std::vector<float>(product.c_size(), NAN)
                                        : small_integers(product.c_size(), 3);
          Buffer<float> a_there(a), b_there(b), c_there(before);
          require(product.on_device(handle, a_there.get(), b_there.get(), c_there.get()),
                  "product");
          const auto actual = c_there.download(), expected = product.on_host(a, b, before);
          // NaN between columns stays.
          expect(std::memcmp(actual.data(), expected.data(), actual.size() * sizeof(float)) == 0,
                 "a product differs from the host's");
        }
      }
    }
  }
}

float product_of(cublasHandle_t handle, float a, float b, cublasComputeType_t type) {
  const Product product{CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, 0, 1, 0};
  Buffer<float> a_there(std::vector<float>{a}), b_there(std::vector<float>{b}), c_there(1);
  require(product.on_device(handle, a_there.get(), b_there.get(), c_there.get(), type), "product");
  return c_there.download()[0];
}

void factors_are_rounded_as_the_compute_type_says(cublasHandle_t handle) {
  const float fine = 1 + 0x1p-12F, coarse = 1 + 0x1p-10F;
  expect(product_of(handle, fine, 1, CUBLAS_COMPUTE_32F) == fine, "fp32 rounds");
  expect(product_of(handle, fine, 1, CUBLAS_COMPUTE_32F_PEDANTIC) == fine, "pedantic fp32 rounds");
  expect(product_of(handle, fine, 1, CUBLAS_COMPUTE_32F_FAST_TF32) == 1, "tf32 does not round");
  expect(product_of(handle, 1, fine, CUBLAS_COMPUTE_32F_FAST_16F) == 1, "fp16 does not round");
  expect(product_of(handle, coarse, 1, CUBLAS_COMPUTE_32F_FAST_TF32) == coarse, "tf32 loses bits");
  expect(product_of(handle, coarse, 1, CUBLAS_COMPUTE_32F_FAST_16BF) == 1, "bf16 does not round");
  expect(product_of(handle, 70000, 1, CUBLAS_COMPUTE_32F_FAST_TF32) == 70016, "the range of tf32");
  expect(std::isinf(product_of(handle, 70000, 1, CUBLAS_COMPUTE_32F_FAST_16F)),
         "the range of fp16");
  require(cublasSetMathMode(handle, CUBLAS_TF32_TENSOR_OP_MATH), "math mode");
  expect(product_of(handle, fine, 1, CUBLAS_COMPUTE_32F) == 1, "tf32 by the mode does not round");
  require(cublasSetMathMode(handle, CUBLAS_DEFAULT_MATH), "math mode");
}

/// Halves, with results of halves and of floats.
void halves_match_the_host(cublasHandle_t handle) {
  const Product product{CUBLAS_OP_T, CUBLAS_OP_N, 6, 4, 8, 2, 3, 2};
  const auto a = small_integers(product.a_size(), 1), b = small_integers(product.b_size(), 2),
             before = small_integers(product.c_size(), 3);
  const auto halved = [](const std::vector<float>& values) {
    return std::vector<__half>(values.begin(), values.end());
  };
  const auto expected = product.on_host(a, b, before);
  Buffer<__half> a_there(halved(a)), b_there(halved(b)), c_halves(halved(before));
  Buffer<float> c_floats(before);
  const auto multiply = [&](void* c, cudaDataType_t type) {
    require(cublasGemmEx(handle, product.a_operation, product.b_operation, product.m, product.n,
                         product.k, &product.alpha, a_there.get(), CUDA_R_16F, product.a_pitch(),
                         b_there.get(), CUDA_R_16F, product.b_pitch(), &product.beta, c, type,
                         product.c_pitch(), CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
            "product");
  };
  multiply(c_floats.get(), CUDA_R_32F);
  expect(c_floats.download() == expected, "a product of halves in floats differs from the host's");
  multiply(c_halves.get(), CUDA_R_16F);
  const auto actual = c_halves.download();
  for (std::size_t i = 0; i < actual.size(); ++i) {
    // Sums stay below 2048: halves hold them.
    expect(__half2float(actual[i]) == expected[i], "a product of halves differs from the host's");
  }
}

void bytes_match_the_host(cublasHandle_t handle) {
  const Product product{CUBLAS_OP_T, CUBLAS_OP_N, 8, 3, 12, 4, 3, 2};
  const auto a = small_integers(product.a_size(), 1), b = small_integers(product.b_size(), 2),
             before = small_integers(product.c_size(), 3);
  Buffer<std::int8_t> a_there(std::vector<std::int8_t>(a.begin(), a.end())),
      b_there(std::vector<std::int8_t>(b.begin(), b.end()));
  Buffer<std::int32_t> c_there(std::vector<std::int32_t>(before.begin(), before.end()));
  const std::int32_t alpha = 3, beta = 2;
  const auto multiply = [&](const std::int8_t* a_data) {
    return cublasGemmEx(handle, product.a_operation, product.b_operation, product.m, product.n,
                        product.k, &alpha, a_data, CUDA_R_8I, product.a_pitch(), b_there.get(),
                        CUDA_R_8I, product.b_pitch(), &beta, c_there.get(), CUDA_R_32I,
                        product.c_pitch(), CUBLAS_COMPUTE_32I, CUBLAS_GEMM_DEFAULT);
  };
  expect(multiply(a_there.get() + 1) == CUBLAS_STATUS_NOT_SUPPORTED, "bytes not at words");
  require(multiply(a_there.get()), "product");
  const auto expected = product.on_host(a, b, before);
  expect(c_there.download() == std::vector<std::int32_t>(expected.begin(), expected.end()),
         "a product of bytes differs from the host's");
}

/// What is captured is done when the graph is launched, with the scale that it was given.
void captured_products_are_done_later(cublasHandle_t handle) {
  cudaStream_t stream = nullptr;
  require(cudaStreamCreate(&stream), "stream");
  const auto a = small_integers(plain.a_size(), 1), b = small_integers(plain.b_size(), 2);
  Buffer<float> a_there(a), b_there(b), c_there(std::vector<float>(plain.c_size(), 8));
  require(cublasSetStream(handle, stream), "set stream");
  require(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "begin");
  require(plain.on_device(handle, a_there.get(), b_there.get(), c_there.get()), "product");
  cudaGraph_t graph = nullptr;
  require(cudaStreamEndCapture(stream, &graph), "end");
  expect(c_there.download()[0] == 8, "a captured product was done");
  std::size_t count = 1;
  cudaGraphNode_t node = nullptr;
  require(cudaGraphGetNodes(graph, &node, &count), "nodes");
  cudaGraphNodeType type = cudaGraphNodeTypeEmpty;
  require(cudaGraphNodeGetType(node, &type), "type");
  expect(count == 1 && type == cudaGraphNodeTypeKernel, "a product is no kernel of the graph");
  cudaGraphExec_t executable = nullptr;
  require(cudaGraphInstantiate(&executable, graph, 0), "instantiate");
  require(cudaGraphLaunch(executable, stream), "launch");
  expect(c_there.download() == plain.on_host(a, b, std::vector<float>(plain.c_size())),
         "a captured product differs");
  require(cublasSetStream(handle, nullptr), "set stream");
}

void workspaces_are_used_up_to_the_next_stream(cublasHandle_t handle) {
  const std::vector<float> zeros(1024);
  Buffer<float> workspace(zeros), a(small_integers(plain.a_size(), 1)),
      b(small_integers(plain.b_size(), 2)), c(plain.c_size());
  require(cublasSetStream(handle, nullptr), "set stream");
  require(cublasSetWorkspace(handle, workspace.get(), 4096), "set workspace");
  require(plain.on_device(handle, a.get(), b.get(), c.get()), "product");
  expect(std::isnan(workspace.download()[1023]), "the workspace was spared");
  expect(cublasSetWorkspace(handle, workspace.get() + 1, 64) == CUBLAS_STATUS_INVALID_VALUE,
         "a misaligned workspace was taken");
  require(cublasSetStream(handle, nullptr), "set stream");
  require(cudaMemcpy(workspace.get(), zeros.data(), 4096, cudaMemcpyHostToDevice), "clear");
  require(plain.on_device(handle, a.get(), b.get(), c.get()), "product");
  expect(workspace.download() == zeros, "the workspace outlives its stream");
}

void what_makes_no_sense_has_its_status(cublasHandle_t handle) {
  Buffer<float> a(16), b(16), c(16);
  const float one = 1;
  expect(cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, 3, 1, 1, &one, a.get(), 2, b.get(), 1, &one,
                     c.get(), 3) == CUBLAS_STATUS_INVALID_VALUE,
         "columns within one another");
  expect(cublasSgemm(nullptr, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, a.get(), 1, b.get(), 1, &one,
                     c.get(), 1) == CUBLAS_STATUS_NOT_INITIALIZED,
         "no handle");
  expect(cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, 0, 1, 1, &one, a.get(), 1, b.get(), 1, &one,
                     c.get(), 1) == CUBLAS_STATUS_SUCCESS,
         "an empty product");
}

/// EXPECT host_pointer: cublasGemmEx: A:
/// EXPECT too_short: cublasGemmEx: C: 24 bytes at
/// EXPECT unwritten: cublasGemmEx: B: read of
/// EXPECT freed_workspace: cublasGemmEx: workspace:
/// EXPECT late_fault: cublasGemmEx: A: read of
/// EXPECT compute_type: cublasGemmEx: compute type 70 is not supported
/// EXPECT data_type: cublasGemmEx: data type 1 is not supported
/// EXPECT mixed_types: cublasGemmEx: the combination of data types 3, 3, 0
/// EXPECT pointer_mode: cublasSetPointerMode: mode 1 is not supported
void commit(cublasHandle_t handle, const char* name) {
  const auto is = [name](const char* other) { return std::strcmp(name, other) == 0; };
  const auto values = small_integers(12, 1);
  Buffer<float> a(values), b(values), c(6), blank(12), shorter(5);
  if (is("host_pointer")) plain.on_device(handle, values.data(), b.get(), c.get());
  if (is("too_short")) plain.on_device(handle, a.get(), b.get(), shorter.get());
  if (is("unwritten")) plain.on_device(handle, a.get(), blank.get(), c.get());
  if (is("compute_type")) {
    plain.on_device(handle, a.get(), b.get(), c.get(), CUBLAS_COMPUTE_64F);
  }
  if (is("data_type")) {
    const float one = 1;
    cublasGemmEx(handle, CUBLAS_OP_N, CUBLAS_OP_N, 2, 2, 2, &one, a.get(), CUDA_R_64F, 2, b.get(),
                 CUDA_R_64F, 2, &one, c.get(), CUDA_R_32F, 2, CUBLAS_COMPUTE_32F,
                 CUBLAS_GEMM_DEFAULT);
  }
  if (is("mixed_types")) {
    const int one = 1;
    cublasGemmEx(handle, CUBLAS_OP_N, CUBLAS_OP_N, 4, 4, 4, &one, a.get(), CUDA_R_8I, 4, b.get(),
                 CUDA_R_8I, 4, &one, c.get(), CUDA_R_32F, 4, CUBLAS_COMPUTE_32I,
                 CUBLAS_GEMM_DEFAULT);
  }
  if (is("pointer_mode")) cublasSetPointerMode(handle, CUBLAS_POINTER_MODE_DEVICE);
  if (is("freed_workspace")) {
    void* workspace = nullptr;
    require(cudaMalloc(&workspace, 4096), "cudaMalloc");
    require(cublasSetWorkspace(handle, workspace, 4096), "set workspace");
    require(cudaFree(workspace), "cudaFree");
    plain.on_device(handle, a.get(), b.get(), c.get());
  }
  if (is("late_fault")) {
    cudaStream_t stream = nullptr;
    require(cudaStreamCreate(&stream), "stream");
    require(cublasSetStream(handle, stream), "set stream");
    require(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "begin");
    require(plain.on_device(handle, blank.get(), b.get(), c.get()), "product");
    cudaGraph_t graph = nullptr;
    require(cudaStreamEndCapture(stream, &graph), "end");
    cudaGraphExec_t executable = nullptr;
    require(cudaGraphInstantiate(&executable, graph, 0), "instantiate");
    cudaGraphLaunch(executable, stream);
  }
}

}  // namespace

int main(int argc, char** argv) {
  cublasHandle_t handle = nullptr;
  require(cublasCreate(&handle), "create");
  if (argc == 2) {
    commit(handle, argv[1]);
    return 0;
  }
  products_match_the_host(handle);
  factors_are_rounded_as_the_compute_type_says(handle);
  halves_match_the_host(handle);
  bytes_match_the_host(handle);
  captured_products_are_done_later(handle);
  workspaces_are_used_up_to_the_next_stream(handle);
  what_makes_no_sense_has_its_status(handle);
  require(cublasDestroy(handle), "destroy");
  return finish();
}
