// AlexNet without groups (spec section 3.4).
#pragma once

#include "models/staged_network.h"

namespace lq {

/// 11x11/4 96 (float), pool, 5x5 256, pool, 3x3 384, 3x3 384, 3x3 256, pool, two fully connected
/// layers of 4096 features as convolutions with bias, fully connected (float). Pools are 3x3/2
/// VALID and come before BN ReLU Q; behind the second 4096 there is no quantizer. Weights start
/// from N(0, 0.01), those of the first 4096 features from N(0, 0.005), and so those of the second.
class AlexNet final : public StagedNetwork {
 public:
  explicit AlexNet(const ModelOptions& options);

 protected:
  Variable forward(const Variable& x) override;

 private:
  Module* fc8_;
};

}  // namespace lq
