// Batch normalization, alone and as the unit that networks here are made of.
#pragma once

#include "autograd/batch_norm.h"
#include "layers/quantizers/quantizer.h"

namespace lq {

struct BatchNorm2dOptions {
  /// One mean and variance for all channels and no parameters: the quirk of the official fully
  /// connected layers (spec section 3.4).
  bool per_layer = false;
  /// gamma starts at 0, so that a residual block starts as its shortcut (section 3.1).
  bool zero_gamma = false;
};

/// Parameters `gamma` (1) and `beta` (0), buffers `running_mean` (0) and `running_variance` (1).
/// Decay 0.9, epsilon 1e-5 (spec section 2.2). One value per channel, as of one image where maps
/// are 1 x 1, has no statistics: in training, too, the running ones normalise it, and stay as they
/// are.
class BatchNorm2d final : public Module {
 public:
  explicit BatchNorm2d(std::int64_t channels, const BatchNorm2dOptions& options = {});

  /// Normalization with what follows it in one pass.
  Variable fused(const Variable& x, const autograd::FusedActivation& activation);

  /// See StepScope (layers/step_scope.h), which calls it: so many updates of the running statistics
  /// together have the decay of one.
  void set_passes_per_step(std::int64_t passes);

 protected:
  Variable forward(const Variable& x) override { return fused(x, {}); }

 private:
  autograd::BatchNormOptions options_;
  autograd::BatchNormState state_;
};

/// BN, ReLU and, with fewer than 32 activation bits, a quantizer: "BNReLUQ" in the papers.
/// Children `bn` and `quant`. Runs as one fused operation, except for the tracer, which sees the
/// three. A quantizer for signed values (sign) drops the ReLU.
class BatchNormReluQuant final : public Module {
 public:
  BatchNormReluQuant(std::int64_t channels, const Quantization& quantization,
                     const BatchNorm2dOptions& options = {});
  /// With a quantizer that no registry knows; null: none.
  BatchNormReluQuant(std::int64_t channels, std::unique_ptr<ActivationQuantizer> quantizer,
                     const BatchNorm2dOptions& options = {});

 protected:
  Variable forward(const Variable& x) override;

 private:
  BatchNorm2d& bn_;
  ActivationQuantizer* quant_ = nullptr;
};

/// BN and ReLU, without a quantizer whatever the network's bits: in front of float layers. Child
/// `bn`. With `relu` false BN alone, under the same name: where a quantizer of signed values
/// follows that is not fused, since a shortcut leaves in front of it.
class BatchNormRelu final : public Module {
 public:
  explicit BatchNormRelu(std::int64_t channels, bool relu = true,
                         const BatchNorm2dOptions& options = {});

 protected:
  Variable forward(const Variable& x) override;

 private:
  BatchNorm2d& bn_;
  bool relu_;
};

}  // namespace lq
