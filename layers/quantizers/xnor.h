// Sign quantizers of BWN and XNOR-Net (Rastegari et al., ECCV 2016).
#pragma once

#include "layers/quantizers/quantizer.h"

namespace lq {

/// sign(w) * mean |w| for each output channel; sign(0) is -1, as everywhere here a value equal to
/// a threshold stays below it. Identity gradient.
class XnorWeightQuantizer final : public WeightQuantizer {
 public:
  /// `weights` is O H W I.
  explicit XnorWeightQuantizer(const Shape& weights);

  std::string_view kind() const override { return "xnor"; }
  LevelTable table(const Tensor& weights) const override;
};

/// sign(x), without a ReLU before it; gradient passes in (-1, 1]. Zero padding stays 0, which is
/// not a level: packed networks need bytes with a zero point for it instead of bit-planes.
class SignActivationQuantizer final : public ActivationQuantizer {
 public:
  SignActivationQuantizer();

  std::string_view kind() const override { return "xnor"; }
  LevelTable table() const override { return table_; }
  bool rectified() const override { return false; }

 private:
  LevelTable table_;
};

}  // namespace lq
