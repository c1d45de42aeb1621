// How cuDNN computes one convolution.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "kernels/common/conv2d_geometry.h"
#include "kernels/common/cuda/library_choice.h"
#include "kernels/conv2d/cudnn_graph.h"

namespace lq::kernels::cuda {

enum class ConvolutionPass : unsigned char { forward, backward_data, backward_weights };

/// Everything that a plan depends on. A key of caches.
struct CudnnProblem {
  Conv2dGeometry geometry;
  ConvolutionPass pass = ConvolutionPass::forward;
  bool accumulates = false;
  bool is_aligned = false;  // all tensors begin at multiples of 16 bytes
  FloatPrecision precision = FloatPrecision::fp32;

  friend auto operator<=>(const CudnnProblem&, const CudnnProblem&) = default;
};

/// Identifiers of the three tensors, whatever the pass.
enum class CudnnTensor : std::int64_t { x = 1, weight = 2, y = 3 };

struct CudnnPlan {
  CudnnDescriptor execution;
  std::int64_t workspace_bytes = 0;
  std::vector<CudnnDescriptor> parts;  // that it was made of
};

/// The first plan of cuDNN's heuristics whose results are the same from run to run, that rounds
/// factors no more than allowed, and that wants at most 256 MiB of workspace. None if there is no
/// such plan.
std::optional<CudnnPlan> find_plan(const CudnnTarget& target, const CudnnProblem& problem);

}  // namespace lq::kernels::cuda
