#include "deploy/operator.h"

namespace lq::deploy {

namespace {

struct MakeOperator {
  const PackedModel& model;
  Stream& stream;

  std::unique_ptr<Operator> operator()(const Convolution& operation) const {
    return make_convolution_operator(operation, stream);
  }
  template <typename Kind>
  std::unique_ptr<Operator> operator()(const Kind& operation) const {
#if defined(LQNET_WITH_CUDA)
    if (stream.backend() == Backend::cuda) return cuda::make_operator(model, operation, stream);
#endif
    return make_operator(model, operation);
  }
};

}  // namespace

std::unique_ptr<Operator> make_operator(const PackedModel& model, const Operation& operation,
                                        Stream& stream) {
  return std::visit(MakeOperator{model, stream}, operation);
}

}  // namespace lq::deploy
