#include "layers/linear.h"

#include "autograd/linear.h"
#include "autograd/reshape.h"

namespace lq {

Linear::Linear(std::int64_t in, std::int64_t out, std::optional<Initializer> initializer)
    : in_(in),
      weight_(add_parameter("weight", {out, in},
                            initializer.value_or(Initializer::variance_scaling(in)),
                            /*decay=*/true)),
      bias_(add_parameter("bias", {out}, Initializer::zeros())) {}

Variable Linear::forward(const Variable& x) {
  const bool flat = x.shape().rank() == 2;
  return autograd::linear(flat ? x : autograd::reshape(x, {x.shape()[0], in_}), weight_, bias_);
}

}  // namespace lq
