// Graphs that a test writes down by hand.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "convert/graph.h"

namespace lq::testing {

class GraphBuilder {
 public:
  using Values = std::vector<std::size_t>;

  std::size_t input(const Shape& shape) { return graph_.input = add({.shape = shape}); }

  std::size_t constant(const std::vector<float>& elements, const Shape& shape) {
    return add({.shape = shape, .constant = Tensor::from(elements, shape)});
  }

  /// Returns the result. The scope is "<operation><number of the node>".
  std::size_t node(const std::string& operation, const Values& inputs, const Shape& shape,
                   autograd::Attributes attributes = {}, autograd::Constants constants = {}) {
    const std::size_t output = add({.shape = shape, .producer = graph_.nodes.size()});
    graph_.nodes.push_back({.operation = operation,
                            .scope = operation + std::to_string(graph_.nodes.size()),
                            .attributes = std::move(attributes),
                            .constants = std::move(constants),
                            .inputs = inputs,
                            .output = output});
    return output;
  }

  /// Batch normalization in the form that scales and shifts, by epsilon 0.
  std::size_t batch_norm(std::size_t x, const std::vector<float>& scale,
                         const std::vector<float>& shift) {
    const Shape channels{std::ssize(scale)};
    const std::size_t gamma = constant(scale, channels);
    const std::size_t beta = constant(shift, channels);
    return node("batch_norm", {x, gamma, beta}, graph_.values[x].shape, {{"epsilon", 0.0}},
                {{"running_mean", Tensor::zeros(channels)},
                 {"running_variance", Tensor::full(channels, 1.0F)}});
  }

  std::size_t relu(std::size_t x) { return node("relu", {x}, graph_.values[x].shape); }

  /// A table of one row; codes are positions unless they are given.
  std::size_t quantize(std::size_t x, const std::string& side, const std::vector<float>& levels,
                       const std::vector<float>& thresholds, std::vector<std::uint8_t> codes = {}) {
    for (std::size_t i = codes.size(); i < levels.size(); ++i) {
      codes.push_back(static_cast<std::uint8_t>(i));
    }
    std::int64_t bits = 0;
    while ((std::int64_t{1} << bits) < std::ssize(levels)) ++bits;
    return node("quantize", {x}, graph_.values[x].shape, {{"bits", bits}, {"side", side}},
                {{"levels", Tensor::from(levels, {1, std::ssize(levels)})},
                 {"thresholds", Tensor::from(thresholds, {1, std::ssize(thresholds)})},
                 {"codes", Tensor::from(codes, {1, std::ssize(codes)})}});
  }

  convert::Graph finish(std::size_t output) {
    graph_.output = output;
    return std::move(graph_);
  }

 private:
  std::size_t add(convert::Value value) {
    graph_.values.push_back(std::move(value));
    return graph_.values.size() - 1;
  }

  convert::Graph graph_;
};

}  // namespace lq::testing
