#include <map>

#include "core/cuda/stream.h"
#include "kernels/common/cuda/add_bias.h"
#include "kernels/common/cuda/determinism.h"
#include "kernels/common/cuda/scratch.h"
#include "kernels/conv2d/conv2d_library.h"
#include "kernels/conv2d/cudnn_plan.h"

namespace lq::kernels::cuda {

namespace {

/// cuDNN on one device, for one thread, and the plans that it has made there.
class Context {
 public:
  explicit Context(int device) : handle_(device) {}

  cudnnHandle_t handle() const { return handle_.get(); }

  /// Null where there is none.
  const CudnnPlan* plan(const CudnnProblem& problem) {
    const auto known = plans_.find(problem);
    const auto& plan =
        known != plans_.end()
            ? known->second
            : plans_.emplace(problem, find_plan({.handle = handle()}, problem)).first->second;
    return plan ? &*plan : nullptr;
  }

 private:
  CudnnHandle handle_;
  std::map<CudnnProblem, std::optional<CudnnPlan>> plans_;
};

Context& context_for(Device device) {
  thread_local std::map<int, Context> contexts;
  return contexts.try_emplace(device.index, device.index).first->second;
}

/// In the order of CudnnTensor.
struct Operands {
  const float* x;
  const float* weight;
  const float* y;

  bool are_aligned() const {
    constexpr std::uintptr_t vector_bytes = 16;
    std::uintptr_t bits = 0;
    for (const float* const pointer : {x, weight, y}) {
      bits |= reinterpret_cast<std::uintptr_t>(pointer);
    }
    return bits % vector_bytes == 0;
  }
};

/// Computes that one of the operands which the pass gives. False if there is no plan for it.
bool run(std::string_view operation, Stream& stream, const Conv2dGeometry& geometry,
         ConvolutionPass pass, GradientMode mode, const Operands& operands) {
  const CudaDeviceScope device(stream.device().index);
  Context& context = context_for(stream.device());
  cudnn().check(cudnn().set_stream(context.handle(), native(stream)), operation);
  const CudnnPlan* const plan = context.plan({.geometry = geometry,
                                              .pass = pass,
                                              .accumulates = mode == GradientMode::accumulate,
                                              .is_aligned = operands.are_aligned(),
                                              .precision = wanted_precision(),
                                              .may_vary = !wants_determinism()});
  if (plan == nullptr) return false;
  Scratch<std::byte> workspace(stream, plan->workspace_bytes);
  execute(context.handle(), *plan, {operands.x, operands.weight, operands.y}, workspace.data());
  return true;
}

bool forward(Stream& stream, const Conv2dGeometry& geometry, ConstView<float> x,
             ConstView<float> weight, ConstView<float> bias, View<float> y) {
  constexpr std::string_view operation = "conv2d_forward";
  if (!run(operation, stream, geometry, ConvolutionPass::forward, GradientMode::overwrite,
           {x.data, weight.data, y.data})) {
    return false;
  }
  add_bias(operation, stream, bias, y);
  return true;
}

bool backward_data(Stream& stream, const Conv2dGeometry& geometry, ConstView<float> grad_y,
                   ConstView<float> weight, View<float> grad_x, GradientMode mode) {
  return run("conv2d_backward_data", stream, geometry, ConvolutionPass::backward_data, mode,
             {grad_x.data, weight.data, grad_y.data});
}

bool backward_weights(Stream& stream, const Conv2dGeometry& geometry, ConstView<float> grad_y,
                      ConstView<float> x, View<float> grad_weight, GradientMode mode) {
  return run("conv2d_backward_weights", stream, geometry, ConvolutionPass::backward_weights, mode,
             {x.data, grad_weight.data, grad_y.data});
}

Conv2dLibrary load() {
  try {
    const CudnnHandle works(0);
    return {{.version = cudnn_version(), .failure = {}}, forward, backward_data, backward_weights};
  } catch (const Error& error) {
    return {{.version = {}, .failure = error.what()}};
  }
}

}  // namespace

const Conv2dLibrary& conv2d_library() {
  static const Conv2dLibrary library = load();
  return library;
}

}  // namespace lq::kernels::cuda
