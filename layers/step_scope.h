// Several forward passes as one step.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "layers/batch_norm.h"
#include "layers/quantizers/quantizer.h"

namespace lq {

/// Forward passes between construction and finish() are one step of the module and all below it.
///
/// In training mode, what is learned without gradients is learned once for all of them: bases, from
/// the values of all passes, by finish(); running statistics of batch norm in each pass, but with a
/// decay of which `passes` make one. So a batch in parts teaches what it teaches as a whole, except
/// that each part is normalized by its own mean and variance. A module that is in no step takes
/// each pass for one.
///
/// On a device, quantizers do not wait for each other's work to learn whether their inputs were
/// finite: finish() tells.
class StepScope {
 public:
  explicit StepScope(Module& module, std::int64_t passes = 1);
  /// What has been gathered without finish() is forgotten.
  ~StepScope();
  StepScope(const StepScope&) = delete;
  StepScope& operator=(const StepScope&) = delete;

  /// Throws Error, and lets nothing learn, if values of a quantizer were NaN or infinite.
  void finish();

 private:
  void check_inputs_were_finite() const;

  std::vector<std::pair<std::string, Quantizer*>> quantizers_;  // with their paths
  std::vector<BatchNorm2d*> batch_norms_;
};

}  // namespace lq
