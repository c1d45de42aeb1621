// What a network computes, as data.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "autograd/variable.h"

namespace lq::convert {

/// A tensor of the network: its input, a parameter, a constant, or the result of a node.
struct Value {
  Shape shape;
  std::string name;  ///< path of a parameter, otherwise empty
  /// Elements of what does not depend on the network's input: parameters, constants and results
  /// computed from them alone. Parameters share storage with the model. Otherwise undefined.
  Tensor constant = {};
  std::optional<std::size_t> producer;  ///< index of the node that computes it
};

/// One operation that runs, with the options that it runs with (see autograd::Attributes).
struct Node {
  std::string operation;  ///< "conv2d"
  std::string scope;      ///< path of the module that ran it: "stage1_block0.conv1"
  autograd::Attributes attributes = {};
  autograd::Constants constants = {};
  std::vector<std::size_t>
      inputs;              ///< indices of values, in the order of the operation's arguments
  std::size_t output = 0;  ///< index of a value

  /// The attribute `key`; null when there is none, or none of type T.
  template <typename T>
  const T* attribute(std::string_view key) const {
    for (const auto& [name, value] : attributes) {
      if (name == key) return std::get_if<T>(&value);
    }
    return nullptr;
  }

  /// The same; throws Error, naming the node, when there is none.
  template <typename T>
  const T& required(std::string_view key) const {
    const T* value = attribute<T>(key);
    check(value != nullptr, "graph: {} at '{}' does not tell its {}", operation, scope, key);
    return *value;
  }

  /// The constant `key`; throws Error, naming the node, when there is none.
  const Tensor& constant(std::string_view key) const {
    const auto found = std::ranges::find(constants, key, &autograd::Constants::value_type::first);
    check(found != constants.end(), "graph: {} at '{}' does not tell its {}", operation, scope,
          key);
    return found->second;
  }
};

/// Nodes in the order in which they run. Values and nodes refer to one another by index.
struct Graph {
  std::vector<Value> values;
  std::vector<Node> nodes;
  std::size_t input = 0;   ///< index of a value
  std::size_t output = 0;  ///< the same

  /// The node that computes `value`; null for inputs, parameters and constants.
  const Node* producer(std::size_t value) const {
    const std::optional<std::size_t>& node = values[value].producer;
    return node ? &nodes[*node] : nullptr;
  }
};

}  // namespace lq::convert
