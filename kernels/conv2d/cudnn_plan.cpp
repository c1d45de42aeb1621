#include "kernels/conv2d/cudnn_plan.h"

#include <algorithm>
#include <array>

namespace lq::kernels::cuda {

namespace {

constexpr std::int64_t most_workspace_bytes = std::int64_t{256} << 20;

struct DataTypes {
  cudnnDataType_t factors, result, sums;
};

DataTypes types_of(ConvolutionNumbers numbers) {
  switch (numbers) {
    case ConvolutionNumbers::floats:
      return {CUDNN_DATA_FLOAT, CUDNN_DATA_FLOAT, CUDNN_DATA_FLOAT};
    case ConvolutionNumbers::halves:
      return {CUDNN_DATA_HALF, CUDNN_DATA_HALF, CUDNN_DATA_FLOAT};
    case ConvolutionNumbers::bytes:
      return {CUDNN_DATA_INT8, CUDNN_DATA_INT8, CUDNN_DATA_INT32};
  }
  fail("conv2d: unknown numbers");
}

std::int64_t bytes_of(cudnnDataType_t type) {
  return type == CUDNN_DATA_INT8 ? 1 : type == CUDNN_DATA_HALF ? 2 : 4;
}

/// Of extents N C H W, in memory N H W C.
CudnnDescriptor channels_last(CudnnTensor id, cudnnDataType_t type,
                              const std::array<std::int64_t, 4>& extents, bool is_aligned) {
  const auto [n, c, h, w] = extents;
  CudnnDescriptor tensor(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  const std::array strides{h * w * c, std::int64_t{1}, w * c, c};
  constexpr std::int64_t vector_bytes = 16;
  const std::int64_t alignment = is_aligned ? vector_bytes : bytes_of(type);
  tensor.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, type);
  tensor.set(CUDNN_ATTR_TENSOR_DIMENSIONS, extents);
  tensor.set(CUDNN_ATTR_TENSOR_STRIDES, strides);
  tensor.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, static_cast<std::int64_t>(id));
  tensor.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, alignment);
  tensor.finalize();
  return tensor;
}

/// The padding after an axis: as before it where that gives as many windows, since more engines
/// take padding that is the same on both sides.
std::int64_t padding_after(std::int64_t extent, std::int64_t kernel, std::int64_t stride,
                           std::int64_t before, std::int64_t after, std::int64_t out) {
  const std::int64_t slack = extent + 2 * before - kernel;
  const bool can_be_symmetric = slack >= 0 && slack / stride + 1 == out;
  return can_be_symmetric ? before : after;
}

CudnnDescriptor convolution_of(const Conv2dGeometry& g, cudnnDataType_t sums) {
  CudnnDescriptor convolution(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  const std::array before{g.pad_top, g.pad_left};
  const std::array after{
      padding_after(g.h, g.kernel_h, g.stride_h, g.pad_top, g.pad_bottom, g.out_h),
      padding_after(g.w, g.kernel_w, g.stride_w, g.pad_left, g.pad_right, g.out_w)};
  const std::array strides{g.stride_h, g.stride_w};
  const std::array<std::int64_t, 2> dilations{1, 1};
  convolution.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, sums);
  convolution.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE,
                  CUDNN_CROSS_CORRELATION);
  convolution.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, std::int64_t{2});
  convolution.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, before);
  convolution.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, after);
  convolution.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, strides);
  convolution.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, dilations);
  convolution.finalize();
  return convolution;
}

/// The operation of a pass, and what its attributes are called.
struct PassNames {
  cudnnBackendDescriptorType_t operation;
  cudnnBackendAttributeName_t convolution, x, weight, y, alpha, beta;
};

PassNames names_of(ConvolutionPass pass) {
  switch (pass) {
    case ConvolutionPass::forward:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
    case ConvolutionPass::backward_data:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};
    case ConvolutionPass::backward_weights:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA};
  }
  fail("conv2d: unknown pass");
}

/// The graph of the one operation, behind the descriptors that it refers to.
std::vector<CudnnDescriptor> graph_of(const CudnnTarget& target, const CudnnProblem& problem) {
  const Conv2dGeometry& g = problem.geometry;
  const DataTypes types = types_of(problem.numbers);
  const bool is_aligned = problem.is_aligned;
  CudnnDescriptor x =
      channels_last(CudnnTensor::x, types.factors, {g.n, g.c_in, g.h, g.w}, is_aligned);
  // Fewer channels than those of x say how many groups there are.
  CudnnDescriptor weight =
      channels_last(CudnnTensor::weight, types.factors,
                    {g.c_out, g.c_in / g.groups, g.kernel_h, g.kernel_w}, is_aligned);
  CudnnDescriptor y =
      channels_last(CudnnTensor::y, types.result, {g.n, g.c_out, g.out_h, g.out_w}, is_aligned);
  CudnnDescriptor convolution = convolution_of(g, types.sums);

  const PassNames names = names_of(problem.pass);
  CudnnDescriptor operation(names.operation);
  operation.set(names.convolution, convolution);
  operation.set(names.x, x);
  operation.set(names.weight, weight);
  operation.set(names.y, y);
  operation.set(names.alpha, CUDNN_TYPE_FLOAT, 1.0F);
  operation.set(names.beta, CUDNN_TYPE_FLOAT, problem.accumulates ? 1.0F : 0.0F);
  operation.finalize();

  CudnnDescriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  if (target.handle != nullptr) {
    graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, target.handle);
  }
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, operation);
  graph.finalize();

  std::vector<CudnnDescriptor> parts;
  for (CudnnDescriptor* const part : {&x, &weight, &y, &convolution, &operation, &graph}) {
    parts.push_back(std::move(*part));
  }
  return parts;
}

/// Tensor cores multiply floats in TF32 unless these become halves first. Transforms round the
/// factors that they make.
bool is_allowed(const std::vector<cudnnBackendNumericalNote_t>& notes,
                const CudnnProblem& problem) {
  const auto has = [&](cudnnBackendNumericalNote_t note) {
    return std::ranges::find(notes, note) != notes.end();
  };
  if (has(CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION)) return false;
  if (has(CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC) && !problem.may_vary) return false;
  if (problem.numbers != ConvolutionNumbers::floats) return true;
  if (problem.precision == FloatPrecision::fp16) return true;
  if (has(CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS)) return false;
  return problem.precision == FloatPrecision::tf32 ||
         !(has(CUDNN_NUMERICAL_NOTE_TENSOR_CORE) || has(CUDNN_NUMERICAL_NOTE_WINOGRAD) ||
           has(CUDNN_NUMERICAL_NOTE_FFT));
}

}  // namespace

std::vector<CudnnPlan> find_plans(const CudnnTarget& target, const CudnnProblem& problem,
                                  std::size_t most) {
  const auto graph =
      std::make_shared<const std::vector<CudnnDescriptor>>(graph_of(target, problem));
  std::vector<CudnnPlan> plans;
  for (CudnnDescriptor& configuration : engine_configurations(graph->back(), target)) {
    if (plans.size() == most) break;
    if (!is_allowed(numerical_notes(configuration), problem)) continue;
    CudnnDescriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    if (target.properties != nullptr) {
      plan.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, *target.properties);
    } else {
      plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, target.handle);
    }
    plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration);
    if (!plan.try_finalize()) continue;
    const std::int64_t workspace_bytes =
        plan.values<std::int64_t>(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1)
            .at(0);
    if (workspace_bytes > most_workspace_bytes) continue;
    plans.push_back({std::move(plan), workspace_bytes, std::move(configuration), graph});
  }
  return plans;
}

std::optional<CudnnPlan> find_plan(const CudnnTarget& target, const CudnnProblem& problem) {
  std::vector<CudnnPlan> plans = find_plans(target, problem, 1);
  if (plans.empty()) return std::nullopt;
  return std::move(plans.front());
}

void execute(cudnnHandle_t handle, const CudnnPlan& plan, const std::array<const void*, 3>& tensors,
             void* workspace) {
  CudnnDescriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  const std::array ids{static_cast<std::int64_t>(CudnnTensor::x),
                       static_cast<std::int64_t>(CudnnTensor::weight),
                       static_cast<std::int64_t>(CudnnTensor::y)};
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, ids);
  pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR,
           std::span<const void* const>(tensors));
  pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, workspace);
  pack.finalize();
  cudnn().check(cudnn().execute(handle, plan.execution.get(), pack.get()), "cudnnBackendExecute");
}

}  // namespace lq::kernels::cuda
