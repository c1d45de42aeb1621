#include "autograd/pass_on.h"

#include "kernels/add/add.h"

namespace lq::autograd {

void pass_on(const Tensor& gradient, GradientSink& sink) {
  switch (sink.mode()) {
    case GradientMode::ignore:
      return;
    case GradientMode::overwrite:
      sink.adopt(gradient);
      return;
    case GradientMode::accumulate:
      kernels::add_into(current_stream(gradient.device()), sink.buffer().view<float>(),
                        gradient.view<float>());
      return;
  }
}

}  // namespace lq::autograd
