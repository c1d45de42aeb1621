#include "layers/module.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

namespace lq {

Initializer Initializer::variance_scaling(std::int64_t fan) {
  return {Kind::truncated_normal, std::sqrt(1.3 * 2.0 / static_cast<double>(fan))};
}

Variable Module::operator()(const Variable& x) {
  const autograd::NameScope scope(name_);
  try {
    return forward(x);
  } catch (Error& error) {
    error.within(autograd::NameScope::path());
    throw;
  }
}

void Module::train(bool on) {
  visit([on](const std::string&, Module& module) { module.training_ = on; });
}

Module& Module::adopt(std::string name, std::unique_ptr<Module> child) {
  check(child != nullptr, "Module: child '{}' is null", name);
  child->name_ = std::move(name);
  children_.push_back(std::move(child));
  return *children_.back();
}

Variable Module::add_parameter(std::string name, const Shape& shape, Initializer initializer,
                               bool decay) {
  Variable variable(Tensor::zeros(shape), /*requires_gradient=*/true);
  own_parameters_.push_back({std::move(name), variable, decay, initializer});
  return variable;
}

Tensor Module::add_buffer(std::string name, Tensor initial) {
  own_buffers_.push_back({std::move(name), initial});
  return initial;
}

Tensor Module::add_constant(Tensor value) {
  own_constants_.push_back(value);
  return value;
}

Module& Module::to(Device device) {
  visit([device](const std::string&, Module& module) {
    for (Parameter& parameter : module.own_parameters_) parameter.variable.move_to(device);
    for (Buffer& buffer : module.own_buffers_) buffer.tensor.move_to(device);
    for (Tensor& constant : module.own_constants_) constant.move_to(device);
  });
  return *this;
}

void Module::collect(const std::string& path, std::vector<Parameter>* parameters,
                     std::vector<Buffer>* buffers) const {
  const std::string prefix = path.empty() ? "" : path + ".";
  if (parameters != nullptr) {
    for (Parameter parameter : own_parameters_) {
      parameter.name.insert(0, prefix);
      parameters->push_back(std::move(parameter));
    }
  }
  if (buffers != nullptr) {
    for (Buffer buffer : own_buffers_) {
      buffer.name.insert(0, prefix);
      buffers->push_back(std::move(buffer));
    }
  }
  for (const auto& child : children_) child->collect(prefix + child->name_, parameters, buffers);
}

std::vector<Parameter> Module::parameters() const {
  std::vector<Parameter> result;
  collect("", &result, nullptr);
  return result;
}

std::vector<Buffer> Module::buffers() const {
  std::vector<Buffer> result;
  collect("", nullptr, &result);
  return result;
}

void Module::initialize(std::uint64_t seed) {
  std::uint64_t index = 0;
  for (Parameter& parameter : parameters()) {
    Rng rng(seed, RngPurpose::initialization, 0, index++);
    Tensor& destination = parameter.variable.value();
    Tensor values(destination.shape());
    for (float& value : values.span<float>()) {
      switch (parameter.initializer.kind) {
        case Initializer::Kind::zeros:
          value = 0.0F;
          break;
        case Initializer::Kind::ones:
          value = 1.0F;
          break;
        case Initializer::Kind::normal:
          value = static_cast<float>(parameter.initializer.stddev * rng.normal());
          break;
        case Initializer::Kind::truncated_normal:
          value = static_cast<float>(parameter.initializer.stddev * rng.truncated_normal());
          break;
      }
    }
    destination.copy_from(values);
  }
}

StateDict Module::state_dict() const {
  StateDict state;
  for (const Parameter& parameter : parameters()) {
    state.emplace_back(parameter.name, parameter.variable.value());
  }
  for (const Buffer& buffer : buffers()) state.emplace_back(buffer.name, buffer.tensor);
  return state;
}

void Module::load_state_dict(const StateDict& state) {
  std::unordered_map<std::string_view, const Tensor*> given;
  for (const auto& [name, tensor] : state) {
    check(given.emplace(name, &tensor).second, "state: '{}' is given twice", name);
  }
  StateDict own = state_dict();
  for (auto& [name, tensor] : own) {
    const auto entry = given.find(name);
    check(entry != given.end(), "state: '{}' is missing (is it of another model?)", name);
    const Tensor& value = *entry->second;
    check(value.shape() == tensor.shape() && value.dtype() == tensor.dtype(),
          "state: '{}' is {} {}, expected {} {} (is it of another model?)", name, value.shape(),
          name_of(value.dtype()), tensor.shape(), name_of(tensor.dtype()));
    given.erase(entry);
  }
  if (!given.empty()) {
    fail("state: '{}' is not part of this model (is it of another model?)", given.begin()->first);
  }
  for (auto& [name, tensor] : own) {
    const auto entry = std::ranges::find(state, name, &StateDict::value_type::first);
    tensor.copy_from(entry->second);
  }
}

void Module::clear_gradients() {
  for (Parameter& parameter : parameters()) parameter.variable.clear_gradient();
}

}  // namespace lq
