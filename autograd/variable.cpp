#include "autograd/variable.h"

#include <algorithm>
#include <iterator>
#include <unordered_set>
#include <utility>

#include "autograd/pass_on.h"

namespace lq::autograd {

namespace {
thread_local RecordMode current_mode = RecordMode::gradient;
thread_local std::string current_path;          // NOLINT: a path needs a string
thread_local std::uint64_t record_counter = 0;  // order of execution on this thread
thread_local const TraceObserver* current_observer = nullptr;
}  // namespace

RecordMode record_mode() { return current_mode; }
RecordModeScope::RecordModeScope(RecordMode mode) : previous_(current_mode) { current_mode = mode; }
RecordModeScope::~RecordModeScope() { current_mode = previous_; }

TraceObserverScope::TraceObserverScope(TraceObserver observer)
    : observer_(std::move(observer)), previous_(current_observer) {
  current_observer = &observer_;
}
TraceObserverScope::~TraceObserverScope() { current_observer = previous_; }

NameScope::NameScope(std::string_view name) : previous_length_(current_path.size()) {
  if (!current_path.empty() && !name.empty()) current_path += '.';
  current_path += name;
}
NameScope::~NameScope() { current_path.resize(previous_length_); }
const std::string& NameScope::path() { return current_path; }

Record::~Record() {
  std::vector<std::shared_ptr<Slot>> pending = std::move(inputs);
  while (!pending.empty()) {
    const std::shared_ptr<Slot> slot = std::move(pending.back());
    pending.pop_back();
    if (slot.use_count() > 1 || !slot->creator || slot->creator.use_count() > 1) continue;
    std::ranges::move(slot->creator->inputs, std::back_inserter(pending));
    slot->creator->inputs.clear();
  }
}

GradientMode GradientSink::mode() const {
  if (!slot_.requires_gradient) return GradientMode::ignore;
  return slot_.gradient.defined() ? GradientMode::accumulate : GradientMode::overwrite;
}

Tensor& GradientSink::buffer() {
  if (slot_.requires_gradient) {
    if (!slot_.gradient.defined()) {
      slot_.gradient = Tensor(slot_.shape, DType::f32, slot_.device);
    } else if (slot_.gradient.is_shared()) {
      slot_.gradient = slot_.gradient.clone();
    }
  }
  return slot_.gradient;
}

void GradientSink::adopt(const Tensor& gradient) {
  check(mode() == GradientMode::overwrite, "autograd: adopt() where a gradient already is");
  check(gradient.shape() == slot_.shape, "autograd: gradient {} for a variable of {}",
        gradient.shape(), slot_.shape);
  slot_.gradient = gradient;
}

Variable::Variable(Tensor value, bool requires_gradient)
    : value_(std::move(value)), slot_(std::make_shared<Slot>()) {
  slot_->shape = value_.shape();
  slot_->device = value_.device();
  slot_->requires_gradient = requires_gradient;
}

const Tensor& Variable::gradient() const {
  check(has_gradient(), "Variable: gradient asked for, but no backward pass reached it");
  return slot_->gradient;
}

void Variable::move_to(Device device) {
  if (slot_ != nullptr && slot_->creator != nullptr) {
    fail("Variable: the result of {} cannot be moved, only what operations start from",
         slot_->creator->operation);
  }
  value_.move_to(device);
  clear_gradient();
  if (slot_) slot_->device = device;
}

void Variable::clear_gradient() {
  if (slot_) slot_->gradient = Tensor();
}

Variable record(std::string_view operation, Attributes attributes, std::span<const Variable> inputs,
                Tensor output, BackwardFunction backward, Constants constants) {
  Variable result(std::move(output));
  const bool wants_gradient =
      current_mode == RecordMode::gradient &&
      std::ranges::any_of(inputs, [](const Variable& v) { return v.requires_gradient(); });
  if (!wants_gradient && current_mode != RecordMode::trace) return result;

  auto entry = std::make_shared<Record>();
  entry->operation = operation;
  entry->attributes = std::move(attributes);
  if (current_mode == RecordMode::trace) entry->constants = std::move(constants);
  entry->scope = current_path;
  for (const Variable& input : inputs) entry->inputs.push_back(input.slot());
  entry->output = result.slot();
  if (wants_gradient) entry->backward = std::move(backward);
  entry->sequence = ++record_counter;
  result.slot_->requires_gradient = wants_gradient;
  result.slot_->creator = std::move(entry);
  if (current_mode == RecordMode::trace && current_observer != nullptr) {
    (*current_observer)(*result.slot_->creator, inputs, result);
  }
  return result;
}

std::vector<std::shared_ptr<Record>> records_of(const Variable& output) {
  std::vector<std::shared_ptr<Record>> found;
  std::unordered_set<const Record*> seen;
  auto visit = [&](const std::shared_ptr<Record>& record) {
    if (record && seen.insert(record.get()).second) found.push_back(record);
  };
  if (output.defined()) visit(output.slot()->creator);
  for (std::size_t next = 0; next < found.size(); ++next) {
    const std::shared_ptr<Record> record = found[next];
    for (const auto& input : record->inputs) visit(input->creator);
  }
  std::ranges::sort(found, {}, [](const auto& record) { return record->sequence; });
  return found;
}

void Variable::backward() {
  check(value_.elements() == 1, "backward: started from {}, expected a scalar", shape());
  backward(Tensor::full(shape(), 1.0F, device()));
}

void Variable::backward(const Tensor& gradient) {
  check(requires_gradient(), "backward: started from a variable that requires no gradient");
  check(gradient.shape() == shape(), "backward: gradient {} for a variable of {}", gradient.shape(),
        shape());
  GradientSink sink(*slot_);
  pass_on(gradient, sink);
  auto records = records_of(*this);
  // Latest first. A record's saved values go as soon as they have been used, an intermediate
  // gradient as soon as its operation has consumed it.
  while (!records.empty()) {
    const std::shared_ptr<Record> record = std::move(records.back());
    records.pop_back();
    const std::shared_ptr<Slot> output = record->output.lock();
    if (!output || !output->gradient.defined()) continue;
    const Tensor output_gradient = std::exchange(output->gradient, Tensor());
    check(record->backward != nullptr,
          "backward: {}{}{} was walked twice, but its saved values go after the first time",
          record->operation, record->scope.empty() ? "" : " at ", record->scope);
    std::vector<GradientSink> sinks;
    sinks.reserve(record->inputs.size());
    for (const auto& input : record->inputs) sinks.emplace_back(*input);
    try {
      record->backward(output_gradient, sinks);
    } catch (Error& error) {
      error.within(record->scope);
      throw;
    }
    record->backward = nullptr;
  }
}

}  // namespace lq::autograd
