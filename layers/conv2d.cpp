#include "layers/conv2d.h"

#include "autograd/bit_conv2d.h"

namespace lq {

Conv2d::Conv2d(const Conv2dSpec& spec) : spec_(spec) {
  const Shape shape = spec.weight_shape();
  const std::int64_t fan = shape[1] * shape[2] * (spec.fan == Fan::in ? shape[3] : shape[0]);
  weight_ =
      add_parameter("weight", shape, spec.initializer.value_or(Initializer::variance_scaling(fan)),
                    /*decay=*/true);
  if (spec.bias) bias_ = add_parameter("bias", {spec.out}, Initializer::zeros());
}

Variable Conv2d::forward(const Variable& x) { return convolve(x, weight_); }

Variable Conv2d::convolve(const Variable& x, const Variable& weight, bool by_bits) {
  return by_bits ? autograd::bit_conv2d(x, weight, bias_, spec_.options)
                 : autograd::conv2d(x, weight, bias_, spec_.options);
}

QuantConv2d::QuantConv2d(const Conv2dSpec& spec, const Quantization& quantization)
    : Conv2d(spec), bit_forward_(quantization.bit_forward) {
  if (auto quantizer = make_weight_quantizer(quantization, spec.weight_shape())) {
    quantizer_ = quantizer.get();
    adopt("quant", std::move(quantizer));
  }
}

Variable QuantConv2d::forward(const Variable& x) {
  return convolve(x, quantizer_ != nullptr ? (*quantizer_)(weight()) : weight(), bit_forward_);
}

}  // namespace lq
