// Stochastic gradient descent over the parameters of a module.
#pragma once

#include <vector>

#include "kernels/sgd/sgd.h"
#include "layers/module.h"

namespace lq {

struct SgdOptimizerOptions {
  double momentum = 0.9;  ///< [0, 1)
  bool nesterov = false;
  double weight_decay = 0.0;  ///< at least 0; only on parameters that are marked for decay
};

/// Updates by kernels/sgd/sgd.h, one fused call per step. Holds handles that share storage with
/// the module, which must not gain or lose parameters afterwards.
class SgdOptimizer {
 public:
  /// All velocities zero.
  SgdOptimizer(const Module& module, const SgdOptimizerOptions& options);

  /// One update with the gradients of the backward passes since the last one, times a scale; they
  /// are forgotten then. Parameters that no pass reached stay as they are, velocity included.
  void step(double learning_rate, double gradient_scale = 1.0);

  /// The velocities, as "velocity.<parameter>", in the order of the parameters.
  StateDict state_dict() const;
  /// Copies values in. Throws Error, before anything changed, for a state of other parameters.
  void load_state_dict(const StateDict& state);

 private:
  std::vector<Parameter> parameters_;
  StateDict velocities_;
  SgdOptimizerOptions options_;
};

}  // namespace lq
