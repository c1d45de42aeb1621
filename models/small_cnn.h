// A network of three convolutions, for tests and first steps.
#pragma once

#include "models/model.h"

namespace lq {

/// 3x3 8 (float) BN ReLU Q, 3x3/2 16 BN ReLU Q, 3x3/2 32 BN ReLU, global average, fully connected
/// (float). Any input size.
class SmallCnn final : public Module {
 public:
  explicit SmallCnn(const ModelOptions& options);

 protected:
  Variable forward(const Variable& x) override;

 private:
  std::vector<Module*> layers_;
  Module* fc_;
};

}  // namespace lq
