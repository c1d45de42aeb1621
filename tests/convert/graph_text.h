// What a network computes, one line for each operation: as it is, and as the specification says.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "convert/graph.h"
#include "convert/layer_nodes.h"

namespace lq::testing {

/// Square windows with the same padding in both directions.
struct Window {
  std::int64_t kernel = 1;
  std::int64_t stride = 1;
  std::int64_t before = 0;
  std::int64_t after = 0;

  std::string text() const {
    return fmt::format("{}x{}/{} padding {},{}", kernel, kernel, stride, before, after);
  }
};

/// Lines that begin with their own number and end with the numbers of their operands; 0 is the
/// image.
class GraphText {
 public:
  const std::vector<std::string>& lines() const { return lines_; }

  int add(const std::string& text, const std::string& result, const std::vector<int>& operands) {
    lines_.push_back(fmt::format("{}: {} -> {} of {}", lines_.size() + 1, text, result,
                                 fmt::join(operands, ", ")));
    return static_cast<int>(lines_.size());
  }

 private:
  std::vector<std::string> lines_;
};

/// The operations that depend on the network's input.
class TracedText {
 public:
  explicit TracedText(const convert::Graph& graph) : graph_(graph) {
    numbers_[graph.input] = 0;
    for (const convert::Node& node : graph.nodes) add(node);
  }

  const std::vector<std::string>& lines() const { return text_.lines(); }

 private:
  using Integers = std::vector<std::int64_t>;

  void add(const convert::Node& node) {
    const convert::Value& output = graph_.values[node.output];
    if (output.constant.defined()) return;
    std::vector<int> operands;
    for (const std::size_t input : node.inputs) {
      if (numbers_.contains(input)) operands.push_back(numbers_[input]);
    }
    const Shape result(output.shape.extents().subspan(1));
    numbers_[node.output] = text_.add(described(node), result.to_string(), operands);
  }

  std::string described(const convert::Node& node) const {
    if (convert::is_layer(node)) return described_layer(node);
    if (node.operation == "max_pool" || node.operation == "average_pool") {
      const auto& pad = node.required<Integers>("padding");
      return node.operation + " " +
             window(node.required<std::int64_t>("kernel"), node.required<std::int64_t>("stride"),
                    pad)
                 .text();
    }
    if (node.operation == "batch_norm") {
      return node.required<std::int64_t>("per_layer") != 0 ? "batch_norm per layer" : "batch_norm";
    }
    if (node.operation == "quantize") {
      return fmt::format("quantize {}", convert::quantizer_bits(node));
    }
    if (node.operation == "channel_pad") {
      return fmt::format("channel_pad {},{}", node.required<std::int64_t>("before"),
                         node.required<std::int64_t>("after"));
    }
    return node.operation;
  }

  std::string described_layer(const convert::Node& node) const {
    const convert::Node* quantizer = convert::weight_quantizer(graph_, node);
    const int bits = quantizer != nullptr ? convert::quantizer_bits(*quantizer) : 32;
    const char* bias = node.inputs.size() > 2 ? " bias" : "";
    if (node.operation == "linear") return fmt::format("linear {}{}", bits, bias);
    const auto& kernel = node.required<Integers>("kernel");
    const auto& stride = node.required<Integers>("stride");
    EXPECT_EQ(kernel.at(0), kernel.at(1)) << node.scope;
    EXPECT_EQ(stride.at(0), stride.at(1)) << node.scope;
    return fmt::format(
        "conv2d {} {}{}",
        window(kernel.at(0), stride.at(0), node.required<Integers>("padding")).text(), bits, bias);
  }

  static Window window(std::int64_t kernel, std::int64_t stride, const Integers& padding) {
    EXPECT_EQ(padding.at(0), padding.at(2));
    EXPECT_EQ(padding.at(1), padding.at(3));
    return {kernel, stride, padding.at(0), padding.at(1)};
  }

  const convert::Graph& graph_;
  std::map<std::size_t, int> numbers_;  // of lines, by value
  GraphText text_;
};

}  // namespace lq::testing
