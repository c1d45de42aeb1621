// Convolution layers.
#pragma once

#include <optional>

#include "autograd/conv2d.h"
#include "layers/quantizers/quantizer.h"

namespace lq {

/// Which fan the weights' initial deviation follows (spec section 4): ResNets take fan-out, VGG
/// and most others fan-in.
enum class Fan : unsigned char { in, out };

struct Conv2dSpec {
  std::int64_t in = 0;
  std::int64_t out = 0;
  std::int64_t kernel = 3;          ///< height, and width if no other is given
  std::int64_t kernel_w = 0;        ///< width; 0: that of a square
  autograd::Conv2dOptions options;  ///< SAME padding, stride 1, one group by default
  bool bias = false;
  Fan fan = Fan::out;
  std::optional<Initializer> initializer = {};  ///< of the weights, in place of the fan's

  /// The same with another stride.
  Conv2dSpec strided(std::int64_t stride) const {
    Conv2dSpec spec = *this;
    spec.options.stride_h = spec.options.stride_w = stride;
    return spec;
  }
  Shape weight_shape() const {
    return {out, kernel, kernel_w == 0 ? kernel : kernel_w, in / options.groups};
  }
};

/// Floating-point convolution. Parameters `weight` O R S I and, if asked for, `bias`.
class Conv2d : public Module {
 public:
  explicit Conv2d(const Conv2dSpec& spec);

  const Variable& weight() const { return weight_; }

 protected:
  Variable forward(const Variable& x) override;
  /// Convolves with weights other than the own ones; by autograd::bit_conv2d() if asked.
  Variable convolve(const Variable& x, const Variable& weight, bool by_bits = false);

 private:
  Conv2dSpec spec_;
  Variable weight_;
  Variable bias_;
};

/// Convolution whose weights pass a quantizer (child `quant`) on every forward; with 32 weight
/// bits it is a Conv2d. The input is used as it comes: activation quantizers are modules of their
/// own, because networks share their output between branches.
class QuantConv2d final : public Conv2d {
 public:
  QuantConv2d(const Conv2dSpec& spec, const Quantization& quantization);

  /// Null with 32 bits.
  const WeightQuantizer* quantizer() const { return quantizer_; }

 protected:
  Variable forward(const Variable& x) override;

 private:
  WeightQuantizer* quantizer_ = nullptr;
  bool bit_forward_;
};

}  // namespace lq
