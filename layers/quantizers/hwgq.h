// Half-wave Gaussian quantization of activations: the paper's comparison.
#pragma once

#include "layers/quantizers/quantizer.h"

namespace lq {

/// HWGQ (Cai et al., CVPR 2017): fixed uniform levels 0, s, 2s, ... (2^K - 1) s. Level 0 is for
/// x <= 0 only: every positive x goes to the nearest of the others. The step minimises the squared
/// error of max(x, 0) for standard normal x, since batch normalization makes activations so.
/// Gradient as of clipped ReLU: passes in (0, top level].
class HwgqActivationQuantizer final : public ActivationQuantizer {
 public:
  explicit HwgqActivationQuantizer(int bits);

  std::string_view kind() const override { return "hwgq"; }
  LevelTable table() const override { return table_; }

  /// The optimal step for 2^bits levels (0.538 for 2 bits).
  static double step(int bits);

 private:
  LevelTable table_;
};

}  // namespace lq
