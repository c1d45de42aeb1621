// Evaluation mode for a while.
#pragma once

#include "layers/module.h"

namespace lq {

/// The module and all below it are in evaluation mode while the scope lives; then all of them get
/// the mode that the module itself had.
class EvaluationScope {
 public:
  explicit EvaluationScope(Module& module) : module_(module), was_training_(module.training()) {
    module_.eval();
  }
  ~EvaluationScope() { module_.train(was_training_); }
  EvaluationScope(const EvaluationScope&) = delete;
  EvaluationScope& operator=(const EvaluationScope&) = delete;

 private:
  Module& module_;
  bool was_training_;
};

}  // namespace lq
