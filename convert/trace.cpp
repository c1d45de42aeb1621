#include "convert/trace.h"

#include <algorithm>
#include <unordered_map>

#include "layers/evaluation_scope.h"

namespace lq::convert {

namespace {

using autograd::Slot;

/// The elements of everything that an evaluation computes without its input.
class ConstantCollector {
 public:
  explicit ConstantCollector(const Variable& input) : input_(input.slot()) {}

  void observe(std::span<const Variable> inputs, const Variable& output) {
    for (const Variable& input : inputs) {
      const bool is_leaf = input.slot()->creator == nullptr;
      if (is_leaf && input.slot() != input_) constants_.emplace(input.slot(), input.value());
    }
    const bool is_constant = std::ranges::all_of(
        inputs, [&](const Variable& input) { return constants_.contains(input.slot()); });
    if (is_constant) constants_.emplace(output.slot(), output.value());
  }

  /// Undefined when `slot` depends on the input.
  Tensor find(const std::shared_ptr<Slot>& slot) const {
    const auto found = constants_.find(slot);
    return found == constants_.end() ? Tensor() : found->second;
  }

 private:
  std::shared_ptr<Slot> input_;
  // Owns the slots: the address of one that is gone may come back as another's.
  std::unordered_map<std::shared_ptr<Slot>, Tensor> constants_;
};

/// Turns records, whose slots are shared by pointer, into nodes and values with indices.
class GraphBuilder {
 public:
  GraphBuilder(const std::vector<Parameter>& parameters, const ConstantCollector& constants)
      : constants_(constants) {
    for (const Parameter& parameter : parameters) {
      names_.emplace(parameter.variable.slot().get(), parameter.name);
    }
  }

  void add(const autograd::Record& record) {
    Node node{.operation = std::string(record.operation),
              .scope = record.scope,
              .attributes = record.attributes,
              .constants = record.constants};
    for (const auto& input : record.inputs) node.inputs.push_back(value_of(input));
    // The result of a record that something depends on is held by that dependence.
    const std::shared_ptr<Slot> output = record.output.lock();
    check(output != nullptr, "trace: the result of {} at '{}' is gone", record.operation,
          record.scope);
    node.output = value_of(output);
    graph_.values[node.output].producer = graph_.nodes.size();
    graph_.nodes.push_back(std::move(node));
  }

  Graph finish(const std::shared_ptr<Slot>& input, const std::shared_ptr<Slot>& output) {
    graph_.input = value_of(input);
    graph_.output = value_of(output);
    return std::move(graph_);
  }

 private:
  std::size_t value_of(const std::shared_ptr<Slot>& slot) {
    const auto [entry, is_new] = indices_.try_emplace(slot.get(), graph_.values.size());
    if (is_new) {
      const auto name = names_.find(slot.get());
      graph_.values.push_back({.shape = slot->shape,
                               .name = name == names_.end() ? "" : name->second,
                               .constant = constants_.find(slot)});
    }
    return entry->second;
  }

  const ConstantCollector& constants_;
  std::unordered_map<const Slot*, std::string> names_;
  std::unordered_map<const Slot*, std::size_t> indices_;
  Graph graph_;
};

}  // namespace

Graph trace(Module& model, const Tensor& example) {
  const EvaluationScope evaluation(model);
  const autograd::RecordModeScope tracing(autograd::RecordMode::trace);
  const Variable input(example);
  ConstantCollector constants(input);
  const autograd::TraceObserverScope observer(
      [&](const autograd::Record&, std::span<const Variable> inputs, const Variable& result) {
        constants.observe(inputs, result);
      });
  const Variable output = model(input);
  GraphBuilder builder(model.parameters(), constants);
  for (const auto& record : autograd::records_of(output)) builder.add(*record);
  return builder.finish(input.slot(), output.slot());
}

}  // namespace lq::convert
