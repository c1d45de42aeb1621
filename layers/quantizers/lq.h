// The learned quantizers of LQ-Nets.
#pragma once

#include "kernels/qem/qem.h"
#include "layers/quantizers/quantizer.h"

namespace lq {

/// Parts that the weight and the activation quantizer share: bases as buffers, the table that
/// follows from them, and the update by QEM with a moving average.
///
/// Buffers: `basis` f32 R x K, `basis_biased` f32 R x K and `basis_step` i64 (the state of the
/// debiased average). All three belong in a checkpoint: without the last two, the average would
/// start anew and replace the basis by what the first batch says (spec section 2.2).
class LearnedBasis {
 public:
  LearnedBasis(Tensor basis, Tensor biased, Tensor step, const kernels::QemOptions& options);

  LevelTable table() const;
  /// One alternation of QEM (spec section 2.1): acts from the next forward pass on.
  void update(const LevelTable& table, LevelStatistics& statistics);
  const Tensor& basis() const { return basis_; }
  /// See Quantizer::health().
  std::string health() const;

 private:
  Tensor basis_;
  Tensor biased_;
  Tensor step_;
  kernels::QemOptions options_;
  Tensor counts_;  // of the last update
};

/// Official defaults (spec section 2): debiased average with momentum 0.9, {-1,+1} codes, one
/// basis per output channel, proximal ridge 1e-4; identity gradient.
class LqWeightQuantizer final : public WeightQuantizer {
 public:
  /// `weights` is O H W I. The first basis is uniform (spec section 1.2).
  LqWeightQuantizer(int bits, const Shape& weights);

  std::string_view kind() const override { return "lq"; }
  LevelTable table(const Tensor& weights) const override;
  std::string health() const override { return basis_.health(); }

  static kernels::QemOptions default_options();

 protected:
  Variable forward(const Variable& weights) override;

 private:
  LearnedBasis basis_;
};

/// Official defaults: {0,1} codes, one basis per layer, gradient cut above the top level. The
/// official solve has no ridge and dies on singular systems; ours has a proximal one that scales
/// with the number of values and is too small to be seen otherwise (spec section 2.3).
class LqActivationQuantizer final : public ActivationQuantizer {
 public:
  explicit LqActivationQuantizer(int bits);

  std::string_view kind() const override { return "lq"; }
  LevelTable table() const override { return basis_.table(); }
  bool learns() const override { return true; }
  void observe(const LevelTable& table, LevelStatistics& statistics) override;
  std::string health() const override { return basis_.health(); }

  static kernels::QemOptions default_options();

 private:
  LearnedBasis basis_;
};

}  // namespace lq
