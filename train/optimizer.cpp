#include "train/optimizer.h"

#include "core/error.h"

namespace lq {

SgdOptimizer::SgdOptimizer(const Module& module, const SgdOptimizerOptions& options)
    : parameters_(module.parameters()), options_(options) {
  for (const Parameter& parameter : parameters_) {
    const Variable& variable = parameter.variable;
    velocities_.emplace_back("velocity." + parameter.name,
                             Tensor::zeros(variable.shape(), DType::f32, variable.device()));
  }
}

void SgdOptimizer::step(double learning_rate, double gradient_scale) {
  if (parameters_.empty()) return;
  std::vector<kernels::SgdParameter> reached;
  reached.reserve(parameters_.size());
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    Variable& variable = parameters_[i].variable;
    if (!variable.has_gradient()) continue;
    reached.push_back({.value = variable.value().view<float>(),
                       .gradient = variable.gradient().view<float>(),
                       .velocity = velocities_[i].second.view<float>(),
                       .decay = parameters_[i].decay});
  }
  kernels::sgd_step(current_stream(parameters_.front().variable.device()), reached,
                    {.learning_rate = learning_rate,
                     .momentum = options_.momentum,
                     .weight_decay = options_.weight_decay,
                     .nesterov = options_.nesterov,
                     .gradient_scale = gradient_scale});
  for (Parameter& parameter : parameters_) parameter.variable.clear_gradient();
}

StateDict SgdOptimizer::state_dict() const { return velocities_; }

void SgdOptimizer::load_state_dict(const StateDict& state) {
  check(state.size() == velocities_.size(),
        "optimizer state: {} entries, expected {} (is it of another model?)", state.size(),
        velocities_.size());
  for (std::size_t i = 0; i < state.size(); ++i) {
    const auto& [name, tensor] = state[i];
    const auto& [own_name, own] = velocities_[i];
    check(name == own_name && tensor.shape() == own.shape() && tensor.dtype() == own.dtype(),
          "optimizer state: '{}' {} {}, expected '{}' {} {} (is it of another model?)", name,
          tensor.shape().to_string(), name_of(tensor.dtype()), own_name, own.shape().to_string(),
          name_of(own.dtype()));
  }
  for (std::size_t i = 0; i < state.size(); ++i) velocities_[i].second.copy_from(state[i].second);
}

}  // namespace lq
