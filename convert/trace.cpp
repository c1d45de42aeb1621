#include "convert/trace.h"

#include <unordered_map>

#include "layers/evaluation_scope.h"

namespace lq::convert {

namespace {

using autograd::Slot;

/// Turns records, whose slots are shared by pointer, into nodes and values with indices.
class GraphBuilder {
 public:
  explicit GraphBuilder(const std::vector<Parameter>& parameters) {
    for (const Parameter& parameter : parameters) {
      names_.emplace(parameter.variable.slot().get(), parameter.name);
    }
  }

  void add(const autograd::Record& record) {
    Node node{.operation = std::string(record.operation),
              .scope = record.scope,
              .attributes = record.attributes};
    for (const auto& input : record.inputs) node.inputs.push_back(value_of(*input));
    // The result of a record that something depends on is held by that dependence.
    const std::shared_ptr<Slot> output = record.output.lock();
    check(output != nullptr, "trace: the result of {} at '{}' is gone", record.operation,
          record.scope);
    node.output = value_of(*output);
    graph_.values[node.output].producer = graph_.nodes.size();
    graph_.nodes.push_back(std::move(node));
  }

  Graph finish(const Slot& input, const Slot& output) {
    graph_.input = value_of(input);
    graph_.output = value_of(output);
    return std::move(graph_);
  }

 private:
  std::size_t value_of(const Slot& slot) {
    const auto [entry, is_new] = indices_.try_emplace(&slot, graph_.values.size());
    if (is_new) {
      const auto name = names_.find(&slot);
      graph_.values.push_back(
          {.shape = slot.shape, .name = name == names_.end() ? "" : name->second});
    }
    return entry->second;
  }

  std::unordered_map<const Slot*, std::string> names_;
  std::unordered_map<const Slot*, std::size_t> indices_;
  Graph graph_;
};

}  // namespace

Graph trace(Module& model, const Tensor& example) {
  const EvaluationScope evaluation(model);
  const autograd::RecordModeScope tracing(autograd::RecordMode::trace);
  const Variable input(example);
  const Variable output = model(input);
  GraphBuilder builder(model.parameters());
  for (const auto& record : autograd::records_of(output)) builder.add(*record);
  return builder.finish(*input.slot(), *output.slot());
}

}  // namespace lq::convert
