#include "deploy/storage_plan.h"

#include <algorithm>

#include "core/packed_layout.h"
#include "deploy/buffer_plan.h"
#include "kernels/common/aligned_vector.h"

namespace lq::deploy {

namespace {

constexpr std::int64_t words_per_line = kernels::cache_line_bytes / sizeof(std::uint32_t);

/// Calls visit(value) for what an operation reads.
struct ForEachInput {
  template <typename Visit>
  void operator()(const Convolution& operation, Visit&& visit) const {
    std::ranges::for_each(operation.inputs, visit);
    if (operation.residual) visit(*operation.residual);
  }
  template <typename Visit>
  void operator()(const Concat& operation, Visit&& visit) const {
    std::ranges::for_each(operation.inputs, visit);
  }
  template <typename Kind, typename Visit>
  void operator()(const Kind& operation, Visit&& visit) const {
    visit(operation.input);
  }
};

/// Calls visit(value) for what an operation writes.
struct ForEachOutput {
  template <typename Visit>
  void operator()(const Convolution& operation, Visit&& visit) const {
    std::ranges::for_each(operation.float_outputs, visit);
    std::ranges::for_each(operation.symbol_outputs, visit);
  }
  template <typename Kind, typename Visit>
  void operator()(const Kind& operation, Visit&& visit) const {
    visit(operation.output);
  }
};

/// Which memory each value of a model lives in.
class Planner {
 public:
  Planner(const PackedModel& model, std::int64_t batch, bool keep_values)
      : model_(model), batch_(batch), keep_values_(keep_values), request_of_(model.values.size()) {
    find_last_uses();
    for (step_ = 0; step_ < model.operations.size(); ++step_) {
      const std::optional<std::size_t> replaced = output_in_place();
      const auto visit = [&](std::size_t value) {
        if (value != replaced) place(value);
      };
      std::visit([&](const auto& operation) { ForEachOutput{}(operation, visit); },
                 model.operations[step_]);
    }
    plan_ = plan_buffers(requests_);
  }

  StoragePlan plan() const {
    StoragePlan result{.bytes = plan_.bytes};
    for (const auto& request : request_of_) {
      result.offsets.push_back(request ? std::optional(plan_.offsets[*request]) : std::nullopt);
    }
    return result;
  }

 private:
  void find_last_uses() {
    last_use_.assign(model_.values.size(), 0);
    for (std::size_t step = 0; step < model_.operations.size(); ++step) {
      const auto visit = [&](std::size_t value) { last_use_[value] = step; };
      std::visit(
          [&](const auto& operation) {
            ForEachInput{}(operation, visit);
            ForEachOutput{}(operation, visit);  // a value that nobody reads lives that long
          },
          model_.operations[step]);
    }
  }

  bool is_of_caller(std::size_t value) const {
    return value == model_.input || value == model_.output;
  }

  void place(std::size_t value) {
    if (is_of_caller(value)) return;
    const std::size_t bytes = bytes_of(model_.values[value], batch_);
    request_of_[value] = requests_.size();
    if (keep_values_) {
      requests_.push_back({bytes, 0, model_.operations.size()});
    } else {
      requests_.push_back({bytes, step_, last_use_[value]});
    }
  }

  /// A float output of this step that may take the place of the residual: the sum of a block is
  /// written over the shortcut, and stays in the cache. bitconv.h says when this is allowed.
  std::optional<std::size_t> output_in_place() {
    const auto* operation = std::get_if<Convolution>(&model_.operations[step_]);
    if (operation == nullptr || !operation->residual || keep_values_) return std::nullopt;
    const std::size_t residual = *operation->residual;
    const bool is_read_otherwise = std::ranges::count(operation->inputs, residual) > 0;
    if (is_of_caller(residual) || last_use_[residual] != step_ || is_read_otherwise) {
      return std::nullopt;
    }
    for (std::size_t i = 0; i < operation->float_outputs.size(); ++i) {
      const kernels::BitconvFloatOutput& output = operation->description.float_outputs[i];
      const std::size_t value = operation->float_outputs[i];
      if (!output.scale.empty() || output.relu || is_of_caller(value)) continue;
      request_of_[value] = request_of_[residual];
      requests_[*request_of_[value]].last = last_use_[value];
      return value;
    }
    return std::nullopt;
  }

  const PackedModel& model_;
  std::int64_t batch_;
  bool keep_values_;
  std::size_t step_ = 0;
  std::vector<std::size_t> last_use_;                   // of each value
  std::vector<std::optional<std::size_t>> request_of_;  // of each value
  std::vector<BufferRequest> requests_;
  BufferPlan plan_;
};

}  // namespace

std::int64_t elements_of(const Value& value) { return value.h * value.w * value.c; }

std::int64_t plane_words_of(const Value& value, std::int64_t batch) {
  if (value.kind != ValueKind::planes) return 0;
  const std::int64_t words = batch * value.h * value.w * packed::words(value.c);
  const std::int64_t lines = (words + words_per_line - 1) / words_per_line;
  return (lines | 1) * words_per_line;
}

std::size_t bytes_of(const Value& value, std::int64_t batch) {
  switch (value.kind) {
    case ValueKind::floats:
      return static_cast<std::size_t>(batch * elements_of(value)) * sizeof(float);
    case ValueKind::planes:
      return static_cast<std::size_t>(plane_words_of(value, batch) * value.planes) *
             sizeof(std::uint32_t);
    case ValueKind::bytes:
      break;
  }
  return static_cast<std::size_t>(batch * elements_of(value));
}

StoragePlan plan_storage(const PackedModel& model, std::int64_t batch, bool keep_values) {
  return Planner(model, batch, keep_values).plan();
}

}  // namespace lq::deploy
