// ResNets for ImageNet: 18, 34, 50, 101 and 152 layers (spec section 3.1).
#pragma once

#include "layers/batch_norm.h"
#include "layers/conv2d.h"
#include "layers/linear.h"
#include "models/model.h"

namespace lq {

/// Where normalizations and quantizers are, and how a shortcut changes the map.
enum class ResNetForm : unsigned char {
  /// BN behind every convolution, ReLU behind the addition; float activations. A block starts as
  /// its shortcut, since the last gamma is 0. The shortcut is a 1x1 convolution with BN.
  post_activation,
  /// BN ReLU Q in front of convolutions, and BN behind the last one of a block. The shortcut has no
  /// weights: average, and zero channels at the end.
  type_a,
  /// The same with the shortcut of post_activation. A group ends with the BN ReLU Q that both ways
  /// of the next block take.
  type_b
};

/// What a block gets, and so what its branch begins with.
enum class BlockInput : unsigned char {
  quantized,  ///< BN ReLU Q already: nothing ("no_preact")
  rectified,  ///< BN ReLU already: Q ("first")
  raw         ///< a sum: BN ReLU Q ("bnrelu")
};

/// The convolutions of a block: 3x3, 3x3 of `width` channels, or the bottleneck 1x1, 3x3 of `width`
/// and 1x1 of four times as many. The first 3x3 has the stride.
struct ResNetBlockSpec {
  ResNetForm form = ResNetForm::type_b;
  BlockInput input = BlockInput::raw;
  bool bottleneck = false;
  std::int64_t in = 0;
  std::int64_t width = 0;
  std::int64_t stride = 1;

  std::int64_t out() const { return bottleneck ? 4 * width : width; }
};

/// Branch and shortcut, added. BN ReLU Q lies between the convolutions of the branch.
class ResNetBlock final : public Module {
 public:
  ResNetBlock(const ResNetBlockSpec& spec, const Quantization& quantization);

 protected:
  Variable forward(const Variable& x) override;

 private:
  void add_branch(const Quantization& quantization);
  Variable shortcut(const Variable& x) const;

  ResNetBlockSpec spec_;
  std::vector<Module*> branch_;
  std::vector<Module*> projection_;  // convolution and BN of the shortcut, where it has them
};

/// 7x7/2 64 (float) BN ReLU, pool 3x3/2, four groups of blocks of 64, 128, 256 and 512 channels,
/// global average, fully connected (float). SAME padding throughout. A quantizer for signed values
/// (sign) drops every ReLU in front of it, the first included.
class ResNet final : public Module {
 public:
  /// Throws Error for another depth. The post-activation form is for float activations.
  ResNet(int depth, const ModelOptions& options);

 protected:
  Variable forward(const Variable& x) override;

 private:
  void add_group(int group, int blocks, ResNetBlockSpec& spec, const Quantization& quantization);

  Conv2d& conv0_;
  BatchNormRelu& act0_;
  std::vector<Module*> body_;  // blocks and ends of groups
  Linear* fc_;
};

}  // namespace lq
