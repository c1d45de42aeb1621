// ResNets for small images: 20, 32, 44 and 56 layers (spec section 3.2).
#pragma once

#include "layers/batch_norm.h"
#include "layers/conv2d.h"
#include "layers/linear.h"
#include "models/model.h"

namespace lq {

/// [BN ReLU Q] -> 3x3 (stride) -> BN ReLU Q -> 3x3, plus shortcut. The shortcut takes the input as
/// it comes, before any quantizer; where the block halves the map it is average-pooled and gets
/// zero channels on both sides (type A, no weights).
/// The very first block's input is already BN ReLU: only the quantizer remains in front of conv1.
class PreactivationBlock final : public Module {
 public:
  PreactivationBlock(std::int64_t in, std::int64_t out, bool first,
                     const Quantization& quantization);

 protected:
  Variable forward(const Variable& x) override;

 private:
  Variable shortcut(const Variable& x) const;

  std::int64_t in_;
  std::int64_t out_;
  Module* act1_;  // BN ReLU Q, or Q alone in the first block; null when that is nothing
  QuantConv2d& conv1_;
  BatchNormReluQuant& act2_;
  QuantConv2d& conv2_;
};

/// Pre-activation ResNet of depth 6n + 2: 3x3 16 (float) BN ReLU, three stages of n blocks with
/// 16, 32, 64 channels, BN ReLU, global average, fully connected (float). A quantizer for signed
/// values (sign) drops every ReLU in front of it, the first included.
class ResNetCifar final : public Module {
 public:
  ResNetCifar(int depth, const ModelOptions& options);

 protected:
  Variable forward(const Variable& x) override;

 private:
  Conv2d& conv0_;
  BatchNormRelu& act0_;
  std::vector<Module*> blocks_;
  BatchNormRelu* act_last_;
  Linear* fc_;
};

}  // namespace lq
