// Named parameters, buffers and children.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "autograd/variable.h"
#include "core/rng.h"

namespace lq {

using autograd::Variable;

/// How a parameter starts.
struct Initializer {
  enum class Kind : unsigned char { zeros, ones, normal, truncated_normal };
  Kind kind = Kind::zeros;
  /// Of normal; of truncated_normal before truncation at two of them (spec section 4).
  double stddev = 0.0;

  static Initializer zeros() { return {}; }
  static Initializer ones() { return {Kind::ones, 0.0}; }
  static Initializer normal(double stddev) { return {Kind::normal, stddev}; }
  /// tf.contrib variance_scaling with factor 2: sqrt(1.3 * 2 / fan), so that the true standard
  /// deviation after truncation is about sqrt(2 / fan).
  static Initializer variance_scaling(std::int64_t fan);
};

/// A trained tensor.
struct Parameter {
  std::string name;  // path from the root: "stage1_block0.conv1.weight"
  Variable variable;
  bool decay = false;  // L2 applies: convolution and linear weights only (spec section 4)
  Initializer initializer;
};

/// A tensor that training changes, but not by gradient: running statistics, bases.
struct Buffer {
  std::string name;
  Tensor tensor;  // shares storage with the module's own handle
};

/// Values by path, in the order of the modules; what a checkpoint stores.
using StateDict = std::vector<std::pair<std::string, Tensor>>;

/// A part of a network. Children are made with add<M>() in the constructor and owned by the
/// parent; copying is not possible. Calling a module pushes its name on the module path, so that
/// tape records and errors say where they come from.
class Module {
 public:
  Module() = default;
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  /// forward() within the module's name scope.
  Variable operator()(const Variable& x);

  /// Training mode (the default) or evaluation mode, for this module and all below it.
  void train(bool on = true);
  void eval() { train(false); }
  bool training() const { return training_; }

  const std::string& name() const { return name_; }

  /// All parameters and buffers at or below this module, in order of registration. The handles
  /// share storage with the module.
  std::vector<Parameter> parameters() const;
  std::vector<Buffer> buffers() const;

  /// Visits this module and all below it with their paths (this module's own is "").
  template <typename Visitor>
  void visit(Visitor&& visitor) {
    visit_below("", visitor);
  }

  /// Fills every parameter by its initializer. The numbers depend on the seed and on the
  /// parameter's place in the order, nothing else.
  void initialize(std::uint64_t seed);

  /// Moves parameters (their gradients are forgotten), buffers and constants, with every handle on
  /// them. Do it before an optimizer is made. Returns this module.
  Module& to(Device device);

  StateDict state_dict() const;
  /// Copies values in. Throws Error, before anything changed, on a missing, unknown,
  /// repeated or differently shaped entry.
  void load_state_dict(const StateDict& state);

  void clear_gradients();

 protected:
  virtual Variable forward(const Variable& x) = 0;

  /// Makes a child; returns it for the member that the parent keeps.
  template <typename M, typename... Args>
  M& add(std::string name, Args&&... args) {
    auto child = std::make_unique<M>(std::forward<Args>(args)...);
    M& reference = *child;
    adopt(std::move(name), std::move(child));
    return reference;
  }
  /// Takes a child that a factory made; null is refused.
  Module& adopt(std::string name, std::unique_ptr<Module> child);

  Variable add_parameter(std::string name, const Shape& shape, Initializer initializer,
                         bool decay = false);
  Tensor add_buffer(std::string name, Tensor initial);
  /// A tensor that goes where the module goes, and is no part of its state.
  Tensor add_constant(Tensor value);

 private:
  template <typename Visitor>
  void visit_below(const std::string& path, Visitor& visitor) {
    visitor(path, *this);
    for (const auto& child : children_) {
      child->visit_below(path.empty() ? child->name_ : path + "." + child->name_, visitor);
    }
  }
  void collect(const std::string& path, std::vector<Parameter>* parameters,
               std::vector<Buffer>* buffers) const;

  std::string name_;
  bool training_ = true;
  std::vector<Parameter> own_parameters_;
  std::vector<Buffer> own_buffers_;
  std::vector<Tensor> own_constants_;
  std::vector<std::unique_ptr<Module>> children_;
};

}  // namespace lq
