#include "autograd/pool_attributes.h"

namespace lq::autograd {

Attributes pool_attributes(std::string_view operation, const Shape& x,
                           const kernels::PoolOptions& options) {
  const auto [height, width] = kernels::resolve_pool(operation, x, options);
  return {{"kernel", options.kernel},
          {"stride", options.stride},
          {"padding",
           std::vector<std::int64_t>{height.before, height.after, width.before, width.after}}};
}

}  // namespace lq::autograd
