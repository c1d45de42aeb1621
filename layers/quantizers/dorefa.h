// DoReFa-Net's uniform quantizers (Zhou et al., 2016).
#pragma once

#include "layers/quantizers/quantizer.h"

namespace lq {

/// K >= 2: tanh(w) / max |tanh(w)| on 2^K uniform levels in [-1, 1], straight-through, with the
/// gradient of the squashing. K = 1: sign(w) * mean |w| of the layer, identity gradient.
class DorefaWeightQuantizer final : public WeightQuantizer {
 public:
  using WeightQuantizer::WeightQuantizer;

  std::string_view kind() const override { return "dorefa"; }
  LevelTable table(const Tensor& weights) const override;

 protected:
  Variable prepare(const Variable& weights) const override;
};

/// max(x, 0) clipped to 1, on 2^K uniform levels in [0, 1]; gradient passes in (0, 1].
class DorefaActivationQuantizer final : public ActivationQuantizer {
 public:
  explicit DorefaActivationQuantizer(int bits);

  std::string_view kind() const override { return "dorefa"; }
  LevelTable table() const override { return table_; }

 private:
  LevelTable table_;
};

}  // namespace lq
