#include "models/small_cnn.h"

#include "autograd/global_average_pool.h"
#include "layers/batch_norm.h"
#include "layers/conv2d.h"
#include "layers/linear.h"
#include "layers/sequence.h"

namespace lq {

SmallCnn::SmallCnn(const ModelOptions& options) {
  const Quantization quantization = options.quantization();
  layers_ = {
      &add<Conv2d>("conv0", Conv2dSpec{.in = options.input[2], .out = 8}),
      &add<BatchNormReluQuant>("act0", 8, quantization),
      &add<QuantConv2d>("conv1", Conv2dSpec{.in = 8, .out = 16}.strided(2), quantization),
      &add<BatchNormReluQuant>("act1", 16, quantization),
      &add<QuantConv2d>("conv2", Conv2dSpec{.in = 16, .out = 32}.strided(2), quantization),
      &add<BatchNormRelu>("act2", 32),
  };
  fc_ = &add<Linear>("fc", 32, options.classes);
}

Variable SmallCnn::forward(const Variable& x) {
  return (*fc_)(autograd::global_average_pool(run_sequence(layers_, x)));
}

}  // namespace lq
