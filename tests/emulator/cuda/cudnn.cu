// An unmodified program that uses the graph interface of cuDNN, against loops of the host.
// `cudnn NAME` does what is reported with the text behind EXPECT.

#include <cuda_fp16.h>
#include <cudnn.h>

#include <cmath>
#include <cstring>
#include <utility>

#include "cudnn_graph.h"

namespace {

/// Every product by its indices, added to that one of the tensors which the pass gives.
Tensors on_host(const Problem& a, Tensors tensors) {
  for (float& value : tensors.result(a.pass)) value = a.beta == 0 ? 0 : a.beta * value;
  const std::int64_t p = a.p(), group_c = a.c / a.groups, group_k = a.k / a.groups;
  for (std::int64_t n = 0; n < a.n; ++n) {
    for (std::int64_t row = 0; row < p; ++row) {
      for (std::int64_t column = 0; column < p; ++column) {
        for (std::int64_t k = 0; k < a.k; ++k) {
          for (std::int64_t i = 0; i < a.r; ++i) {
            for (std::int64_t j = 0; j < a.r; ++j) {
              const std::int64_t h = row * a.stride + i - a.before;
              const std::int64_t w = column * a.stride + j - a.before;
              if (h < 0 || w < 0 || h >= a.h || w >= a.h) continue;
              for (std::int64_t c = 0; c < group_c; ++c) {
                float& x = tensors.x[((n * a.h + h) * a.h + w) * a.c + k / group_k * group_c + c];
                float& weight = tensors.w[((k * a.r + i) * a.r + j) * group_c + c];
                float& y = tensors.y[((n * p + row) * p + column) * a.k + k];
                if (a.pass == Pass::forward) y += x * weight;
                if (a.pass == Pass::data) x += y * weight;
                if (a.pass == Pass::filter) weight += x * y;
              }
            }
          }
        }
      }
    }
  }
  return tensors;
}

Tensors small_integers(const Problem& problem) {
  const auto fill = [](std::int64_t count, std::int64_t step) {
    std::vector<float> values(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) {
      values[static_cast<std::size_t>(i)] = static_cast<float>((i * step + 1) % 7 - 3);
    }
    return values;
  };
  return {fill(problem.x_size(), 3), fill(problem.w_size(), 5), fill(problem.y_size(), 11)};
}

struct Pointers {
  void *x, *w, *y;
};

/// Executes a plan for the way.
cudnnStatus_t execute(cudnnHandle_t handle, const Way& way, const Pointers& pointers) {
  Descriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, std::vector{handle})
      .set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, way.config)
      .finalize();
  const auto bytes =
      plan.get<std::int64_t>(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64)[0];
  static Buffer<char> workspace(1 << 20);
  expect(bytes <= 1 << 20, "a workspace is larger than expected");
  Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, {'y', 'x', 'w'})
      .set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR,
           std::vector<void*>{pointers.y, pointers.x, pointers.w})
      .set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR,
           std::vector<void*>{workspace.get()})
      .finalize();
  return cudnnBackendExecute(handle, plan.get(), pack.get());
}

std::vector<float> run(cudnnHandle_t handle, Pass pass, const Way& way, const Tensors& tensors) {
  Buffer<float> x(tensors.x), w(tensors.w), y(tensors.y);
  require(execute(handle, way, {x.get(), w.get(), y.get()}), "execute");
  return (pass == Pass::forward ? y : pass == Pass::data ? x : w).download();
}

const Problem problems[] = {
    {Pass::forward, 2, 3, 6, 4, 3, 1, 1, 1, 1, 0}, {Pass::forward, 1, 4, 6, 2, 3, 2, 0, 1, 2, 2},
    {Pass::data, 2, 3, 6, 4, 3, 2, 0, 1, 1, 0},    {Pass::data, 1, 4, 5, 6, 2, 1, 0, 0, 2, 1},
    {Pass::filter, 2, 3, 6, 4, 3, 2, 0, 1, 1, 0},  {Pass::filter, 1, 4, 5, 6, 3, 1, 2, 0, 2, 1}};

/// Small integers are exact in each precision.
void engines_match_the_host(cudnnHandle_t handle) {
  for (const Problem& problem : problems) {
    Tensors tensors = small_integers(problem);
    if (problem.beta == 0) {
      for (float& value : tensors.result(problem.pass)) value = NAN;  // not read
    }
    Tensors expected = on_host(problem, tensors);
    Graph graph(problem);
    const Descriptor& finalized = graph.finalized();
    int executed = 0;
    for (const auto mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
      for (const auto& way : ways_of(finalized, mode)) {
        if (!way->has_plan()) continue;
        ++executed;
        const std::vector<float> actual = run(handle, problem.pass, *way, tensors);
        if (way->has(CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC)) {
          expect(actual != run(handle, problem.pass, *way, tensors), "results do not vary");
        } else {
          expect(actual == expected.result(problem.pass), "a convolution differs from the host's");
        }
      }
    }
    expect(executed == 5, "not every engine was executed");
  }
}

/// Those of another type, forward: small integers, whose sums halves hold; bytes end at 127.
template <typename T>
void other_engines_match_the_host(cudnnHandle_t handle, cudnnDataType_t type, cudnnDataType_t sums,
                                  int ways) {
  const Problem& problem = problems[0];
  Tensors tensors = small_integers(problem);
  for (float& value : tensors.x) value *= 3;  // so that some end at 127
  const auto converted = [](const std::vector<float>& values) {
    return std::vector<T>(values.begin(), values.end());
  };
  Buffer<T> x(converted(tensors.x)), w(converted(tensors.w)), y(converted(tensors.y));
  std::vector<float> expected = on_host(problem, tensors).y;
  if (type == CUDNN_DATA_INT8) {
    for (float& value : expected) value = std::clamp(value, -128.0F, 127.0F);
  }
  Graph graph(problem, problem.p(), 16, type, sums);
  const Descriptor& finalized = graph.finalized();
  int executed = 0;
  for (const auto mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    for (const auto& way : ways_of(finalized, mode)) {
      if (!way->has_plan()) continue;
      ++executed;
      require(execute(handle, *way, {x.get(), w.get(), y.get()}), "execute");
      const std::vector<T> results = y.download();
      const std::vector<float> actual(results.begin(), results.end());
      expect((actual == expected) != way->has(CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC),
             "a convolution of another type differs from the host's");
    }
  }
  expect(executed == ways, "not every engine of another type was executed");
}

constexpr Problem product{Pass::forward, 1, 1, 1, 1, 1, 1, 0, 0, 1, 0};

void engines_round_as_their_notes_say(cudnnHandle_t handle) {
  Graph graph(product);
  for (const auto& way : ways_of(graph.finalized(), CUDNN_HEUR_MODE_A)) {
    if (way->has(CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC) || !way->has_plan()) continue;
    const float fine = 1 + 0x1p-12F;
    const float small = run(handle, Pass::forward, *way, {{fine}, {1}, {0}})[0];
    const float large = run(handle, Pass::forward, *way, {{70000}, {1}, {0}})[0];
    expect(small == (way->has(CUDNN_NUMERICAL_NOTE_TENSOR_CORE) ? 1 : fine),
           "a product is rounded otherwise than noted");
    expect(std::isinf(large) == way->has(CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS),
           "halves are noted otherwise than used");
  }
}

/// One that needs no luck with the alignment.
std::unique_ptr<Way> fallback(const Descriptor& graph) {
  return std::move(ways_of(graph, CUDNN_HEUR_MODE_FALLBACK).at(0));
}

void captured_convolutions_are_done_later(cudnnHandle_t handle) {
  cudaStream_t stream = nullptr;
  require(cudaStreamCreate(&stream), "stream");
  require(cudnnSetStream(handle, stream), "set stream");
  Buffer<float> x(std::vector<float>{3}), w(std::vector<float>{5}), y(std::vector<float>{8});
  Graph graph(product);
  const auto way = fallback(graph.finalized());
  require(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "begin");
  require(execute(handle, *way, {x.get(), w.get(), y.get()}), "execute");
  cudaGraph_t captured = nullptr;
  require(cudaStreamEndCapture(stream, &captured), "end");
  expect(y.download()[0] == 8, "a captured convolution was done");
  cudaGraphExec_t executable = nullptr;
  require(cudaGraphInstantiate(&executable, captured, 0), "instantiate");
  require(cudaGraphLaunch(executable, stream), "launch");
  expect(y.download()[0] == 15, "a captured convolution differs");
  require(cudnnSetStream(handle, nullptr), "set stream");
}

void what_makes_no_sense_has_its_status(cudnnHandle_t handle) {
  const Problem problem = problems[0];
  expect(Graph(problem, problem.p() + 1).try_finalize() == CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH,
         "y of another shape");
  Descriptor tensor(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  expect(tensor.try_finalize() == CUDNN_STATUS_BAD_PARAM, "a tensor of nothing");
  Descriptor operation(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR);
  const cudnnBackendDescriptor_t pointer = tensor.get();
  expect(cudnnBackendSetAttribute(operation.get(), CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
                                  CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
                                  &pointer) == CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED,
         "a tensor that is not finalized");
  const float one = 1;
  expect(
      cudnnBackendSetAttribute(operation.get(), CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
                               CUDNN_TYPE_INT64, 1, &one) == CUDNN_STATUS_BAD_PARAM_ATTRIBUTE_TYPE,
      "alpha of another type");
  Buffer<float> values(std::vector<float>(4, 1));
  Graph aligned(product), any(product, 1, 4);
  expect(execute(handle, *fallback(aligned.finalized()),
                 {values.get() + 1, values.get(), values.get()}) ==
             CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER,
         "a pointer that is less aligned than said");
  const Descriptor& finalized = any.finalized();
  expect(execute(handle, *fallback(finalized),
                 {values.get() + 1, values.get() + 2, values.get() + 3}) == CUDNN_STATUS_SUCCESS,
         "a pointer that is as aligned as said");
  for (const auto& way : ways_of(finalized, CUDNN_HEUR_MODE_A)) {
    expect(!way->has_plan(), "an engine for vectors takes tensors that are not aligned for them");
  }
}

/// EXPECT host_pointer: cudnnBackendExecute: x:
/// EXPECT too_short: cudnnBackendExecute: y: 4 bytes at
/// EXPECT unwritten: cudnnBackendExecute: w: read of
/// EXPECT dilation: cudnnBackendFinalize: dilation 2,1 is not supported
/// EXPECT layout: cudnnBackendFinalize: a tensor of extents 1,2,3,3 with strides 18,9,3,1
/// EXPECT data_type: cudnnBackendFinalize: data type 1 is not supported
/// EXPECT mixed_types: cudnnBackendFinalize: a convolution whose tensors and sums
/// EXPECT descriptor: cudnnBackendCreateDescriptor: descriptor type 13 is not supported
/// EXPECT attribute: cudnnBackendSetAttribute: attribute 907 of descriptor type 17 is not supported
void commit(cudnnHandle_t handle, const char* name) {
  const auto is = [name](const char* other) { return std::strcmp(name, other) == 0; };
  Buffer<float> one(std::vector<float>{1}), blank(1), y(1);
  Buffer<char> nothing(1);
  float host = 1;
  Graph graph(product);
  const auto way = fallback(graph.finalized());
  if (is("host_pointer")) {
    auto* const aligned = static_cast<float*>(std::aligned_alloc(16, 16));
    *aligned = host;
    execute(handle, *way, {aligned, one.get(), y.get()});
  }
  if (is("too_short")) {
    execute(handle, *way, {one.get(), one.get(), reinterpret_cast<float*>(nothing.get())});
  }
  if (is("unwritten")) execute(handle, *way, {one.get(), blank.get(), y.get()});
  if (is("dilation")) {
    Descriptor convolution(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
    convolution
        .set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, std::vector{CUDNN_DATA_FLOAT})
        .set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE,
             std::vector{CUDNN_CROSS_CORRELATION})
        .set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, {2})
        .set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, {0, 0})
        .set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, {0, 0})
        .set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, {1, 1})
        .set(CUDNN_ATTR_CONVOLUTION_DILATIONS, {2, 1})
        .try_finalize();
  }
  Descriptor tensor(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  describe_tensor(tensor, 't', 1, 2, 3);
  if (is("layout")) tensor.set(CUDNN_ATTR_TENSOR_STRIDES, {18, 9, 3, 1}).try_finalize();
  if (is("data_type")) {
    tensor.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, std::vector{CUDNN_DATA_DOUBLE})
        .try_finalize();
  }
  if (is("mixed_types")) Graph(product, 1, 16, CUDNN_DATA_INT8).try_finalize();
  if (is("descriptor")) Descriptor other(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  if (is("attribute")) {
    const bool is_virtual = true;
    cudnnBackendSetAttribute(tensor.get(), CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1,
                             &is_virtual);
  }
}

}  // namespace

int main(int argc, char** argv) {
  cudnnHandle_t handle = nullptr;
  require(cudnnCreate(&handle), "create");
  if (argc == 2) {
    commit(handle, argv[1]);
    return 0;
  }
  engines_match_the_host(handle);
  other_engines_match_the_host<__half>(handle, CUDNN_DATA_HALF, CUDNN_DATA_FLOAT, 3);
  other_engines_match_the_host<std::int8_t>(handle, CUDNN_DATA_INT8, CUDNN_DATA_INT32, 3);
  engines_round_as_their_notes_say(handle);
  captured_convolutions_are_done_later(handle);
  what_makes_no_sense_has_its_status(handle);
  require(cudnnDestroy(handle), "destroy");
  return finish();
}
