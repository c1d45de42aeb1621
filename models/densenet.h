// DenseNet-121 (spec section 3.7).
#pragma once

#include "layers/batch_norm.h"
#include "layers/conv2d.h"
#include "layers/linear.h"
#include "models/model.h"

namespace lq {

/// Where BN ReLU Q is.
enum class DenseNetForm : unsigned char {
  /// Behind each convolution of a layer; transitions have none. So pooled pixels and transitions
  /// reach 1x1 convolutions as floats.
  as_released,
  /// In front of every convolution but the first: all of them take quantized inputs.
  pre_activation
};

/// 1x1 of four times the growth, 3x3 of the growth; the new channels, then the input's.
class DenseLayer final : public Module {
 public:
  DenseLayer(std::int64_t in, std::int64_t growth, DenseNetForm form,
             const Quantization& quantization);

 protected:
  Variable forward(const Variable& x) override;

 private:
  std::vector<Module*> modules_;
};

/// [BN ReLU Q,] 1x1 of half the channels, average of 2x2.
class DenseTransition final : public Module {
 public:
  DenseTransition(std::int64_t in, DenseNetForm form, const Quantization& quantization);

 protected:
  Variable forward(const Variable& x) override;

 private:
  std::vector<Module*> modules_;
};

/// 7x7/2 64 (float) BN ReLU, pool 3x3/2, blocks of 6, 12, 24 and 16 layers with a growth of 32 and
/// transitions between them, BN ReLU, global average, fully connected (float). SAME padding
/// throughout, fan-in initialisation.
class DenseNet121 final : public Module {
 public:
  explicit DenseNet121(const ModelOptions& options);

 protected:
  Variable forward(const Variable& x) override;

 private:
  Conv2d& conv0_;
  BatchNormRelu& act0_;
  std::vector<Module*> body_;  // layers and transitions
  BatchNormRelu* act_last_;
  Linear* fc_;
};

}  // namespace lq
