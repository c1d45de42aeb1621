// How cuDNN computes one convolution.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "kernels/common/conv2d_geometry.h"
#include "kernels/common/cuda/library_choice.h"
#include "kernels/conv2d/convolution_pass.h"
#include "kernels/conv2d/cudnn_graph.h"

namespace lq::kernels::cuda {

/// Of the tensors, and of the sums. Training has floats alone; the others are for benches.
enum class ConvolutionNumbers : unsigned char {
  floats,  // factors are rounded as the precision allows
  halves,  // with sums of floats
  bytes    // signed, with sums of 32-bit integers that become bytes again; forward alone
};

/// Everything that a plan depends on. A key of caches.
struct CudnnProblem {
  Conv2dGeometry geometry;
  ConvolutionPass pass = ConvolutionPass::forward;
  bool accumulates = false;
  bool is_aligned = false;                          // all tensors begin at multiples of 16 bytes
  FloatPrecision precision = FloatPrecision::fp32;  // of floats
  ConvolutionNumbers numbers = ConvolutionNumbers::floats;
  bool may_vary = false;  // from run to run

  friend auto operator<=>(const CudnnProblem&, const CudnnProblem&) = default;
};

/// Identifiers of the three tensors, whatever the pass.
enum class CudnnTensor : std::int64_t { x = 1, weight = 2, y = 3 };

struct CudnnPlan {
  CudnnDescriptor execution;
  std::int64_t workspace_bytes = 0;
  // That it was made of.
  CudnnDescriptor configuration;
  std::shared_ptr<const std::vector<CudnnDescriptor>> graph;
};

/// The first plans of cuDNN's heuristics, at most `most`, whose results are the same from run to
/// run unless they may vary, that round factors no more than allowed and sums not at all, and that
/// want at most 256 MiB of workspace. None if there is no such plan.
std::vector<CudnnPlan> find_plans(const CudnnTarget& target, const CudnnProblem& problem,
                                  std::size_t most);

/// The first of these.
std::optional<CudnnPlan> find_plan(const CudnnTarget& target, const CudnnProblem& problem);

/// Queues it on the handle's stream. Tensors are in the order of CudnnTensor; the workspace is of
/// workspace_bytes.
void execute(cudnnHandle_t handle, const CudnnPlan& plan, const std::array<const void*, 3>& tensors,
             void* workspace);

}  // namespace lq::kernels::cuda
