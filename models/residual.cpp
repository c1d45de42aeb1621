#include "models/residual.h"

namespace lq {

bool rectified(const Quantization& quantization) {
  const auto quantizer = make_activation_quantizer(quantization);
  return quantizer == nullptr || quantizer->rectified();
}

Variable pooled_and_padded(const Variable& x, const autograd::PoolOptions& pool,
                           const autograd::ChannelPadOptions& channels) {
  return autograd::channel_pad(pool.kernel == 1 ? x : autograd::average_pool(x, pool), channels);
}

}  // namespace lq
