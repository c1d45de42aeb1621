// VGG-Small (spec section 3.3).
#pragma once

#include "models/staged_network.h"

namespace lq {

/// 3x3 128 (float), 3x3 128, pool, 2 of 3x3 256, pool, 2 of 3x3 512, pool, fully connected
/// (float). All SAME, no bias, fan-in initialisation; pooling comes before BN ReLU Q.
class VggSmall final : public StagedNetwork {
 public:
  explicit VggSmall(const ModelOptions& options);

 protected:
  Variable forward(const Variable& x) override;

 private:
  Module* fc_;
};

}  // namespace lq
