// The VGG of the ImageNet tables (spec section 3.5).
#pragma once

#include "models/staged_network.h"

namespace lq {

/// 7x7/2 96 (float) with ReLU, pool, 3 of 3x3 256, pool, 3 of 3x3 512, pool, 3 of 3x3 512, pool,
/// two fully connected layers of 4096 features as convolutions with bias, fully connected (float).
/// Convolutions are SAME, pools 2x2/2 and before BN ReLU Q; behind the second 4096 there is no
/// quantizer. Fan-in initialisation.
class VggVariant final : public StagedNetwork {
 public:
  explicit VggVariant(const ModelOptions& options);

 protected:
  Variable forward(const Variable& x) override;

 private:
  Module* fc7_;
};

}  // namespace lq
