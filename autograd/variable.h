// The tape: variables, records of operations, and the backward walk.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/tensor.h"
#include "kernels/common/gradient_mode.h"

namespace lq::autograd {

using kernels::GradientMode;

/// Named facts about an operation that its tensors do not tell (stride, padding, bits): read by
/// the tracer, the cost table and exporters. Keys are the names of the option fields.
using Attribute = std::variant<std::int64_t, double, std::string, std::vector<std::int64_t>>;
using Attributes = std::vector<std::pair<std::string_view, Attribute>>;

/// Named tensors that an operation computes with and that are none of its inputs: running
/// statistics, a table of levels. They share storage with their owner.
using Constants = std::vector<std::pair<std::string_view, Tensor>>;

struct LevelTable;
struct Record;

/// What the tape knows of a variable apart from its value.
struct Slot {
  Tensor gradient;                  // undefined until a backward pass reached it
  std::shared_ptr<Record> creator;  // null for leaves
  Shape shape;
  Device device;
  bool requires_gradient = false;
};

/// Where a backward function puts the gradient of one input.
class GradientSink {
 public:
  explicit GradientSink(Slot& slot) : slot_(slot) {}

  /// ignore when nobody wants it; accumulate when another consumer has already delivered. Ask
  /// right before delivering: two inputs of an operation may be the same variable.
  GradientMode mode() const;
  bool wanted() const { return slot_.requires_gradient; }

  /// The tensor to write (overwrite mode: uninitialised) or to add to (accumulate mode).
  /// Call it once, after mode(), right before the kernel. Undefined in ignore mode.
  Tensor& buffer();

  /// Hands on a gradient that equals `gradient` without copying it; overwrite mode only.
  /// The tape copies before anyone adds to a tensor that is shared this way.
  void adopt(const Tensor& gradient);

 private:
  Slot& slot_;
};

/// Computes the gradients of the inputs from that of the output.
using BackwardFunction =
    std::function<void(const Tensor& output_gradient, std::span<GradientSink> inputs)>;

/// One operation that ran.
struct Record {
  std::string_view operation;  // a literal: "conv2d"
  Attributes attributes;
  Constants constants;  // under RecordMode::trace only
  std::string scope;    // module path at the time: "stage1_block0.conv1"
  std::vector<std::shared_ptr<Slot>> inputs;
  std::weak_ptr<Slot> output;
  BackwardFunction backward;  // released once it has run
  std::uint64_t sequence = 0;

  Record() = default;
  /// Takes the part of the tape that only this record holds down one by one: a long one would
  /// overflow the stack if each record destroyed the one before it.
  ~Record();
  Record(const Record&) = delete;
  Record& operator=(const Record&) = delete;
};

/// A tensor, its gradient and the record of the operation that made it. A cheap handle.
class Variable {
 public:
  Variable() = default;
  /// A leaf.
  explicit Variable(Tensor value, bool requires_gradient = false);

  bool defined() const { return slot_ != nullptr; }
  const Tensor& value() const { return value_; }
  Tensor& value() { return value_; }
  const Shape& shape() const { return value_.shape(); }
  Device device() const { return value_.device(); }

  bool requires_gradient() const { return slot_ && slot_->requires_gradient; }
  bool has_gradient() const { return slot_ && slot_->gradient.defined(); }
  const Tensor& gradient() const;
  /// Moves the value, with every handle on it, and forgets the gradient: for leaves.
  void move_to(Device device);
  /// Forgets the gradient: the next backward pass overwrites instead of adding.
  void clear_gradient();

  const std::shared_ptr<Slot>& slot() const { return slot_; }

  /// The table whose levels all values are; null where that is not known. Operations that only
  /// move values or choose among them hand it on. Who changes the value in place has to clear it.
  const std::shared_ptr<const LevelTable>& levels() const { return levels_; }
  void set_levels(std::shared_ptr<const LevelTable> levels) {
    levels_ = std::move(levels);
    codes_ = {};
  }
  /// The codes of all values in that table, packed (autograd/code_planes.h): undefined unless the
  /// quantizer made them.
  const Tensor& codes() const { return codes_; }
  void set_codes(Tensor codes) { codes_ = std::move(codes); }

  /// Walks the tape back from this scalar with gradient 1. Gradients of leaves are kept, and a
  /// second pass adds to them; intermediate gradients and saved values are freed on the way.
  void backward();
  /// The same from any shape, with the given gradient of this variable.
  void backward(const Tensor& gradient);

 private:
  friend Variable record(std::string_view, Attributes, std::span<const Variable>, Tensor,
                         BackwardFunction, Constants);
  Tensor value_;
  std::shared_ptr<Slot> slot_;
  std::shared_ptr<const LevelTable> levels_;
  Tensor codes_;
};

/// What operations leave on the tape on this thread.
enum class RecordMode : unsigned char {
  none,      ///< nothing (evaluation)
  gradient,  ///< operations with an input that requires a gradient (training; the default)
  trace      ///< every operation, without backward functions (the tracer and the cost table)
};
RecordMode record_mode();

class RecordModeScope {
 public:
  explicit RecordModeScope(RecordMode mode);
  ~RecordModeScope();
  RecordModeScope(const RecordModeScope&) = delete;
  RecordModeScope& operator=(const RecordModeScope&) = delete;

 private:
  RecordMode previous_;
};

/// Evaluation without a tape.
struct NoGradScope : RecordModeScope {
  NoGradScope() : RecordModeScope(RecordMode::none) {}
};

/// Called with an operation's record, inputs and result.
using TraceObserver = std::function<void(const Record& record, std::span<const Variable> inputs,
                                         const Variable& output)>;

/// While it lives, `observer` sees every operation that this thread runs under RecordMode::trace,
/// with the values that records lack: for statistics of what flows through a network.
class TraceObserverScope {
 public:
  explicit TraceObserverScope(TraceObserver observer);
  ~TraceObserverScope();
  TraceObserverScope(const TraceObserverScope&) = delete;
  TraceObserverScope& operator=(const TraceObserverScope&) = delete;

 private:
  TraceObserver observer_;
  const TraceObserver* previous_;
};

/// Pushes one name on this thread's module path while it lives; records and errors carry the path.
class NameScope {
 public:
  explicit NameScope(std::string_view name);
  ~NameScope();
  NameScope(const NameScope&) = delete;
  NameScope& operator=(const NameScope&) = delete;

  static const std::string& path();

 private:
  std::size_t previous_length_;
};

/// For operations: wraps the output and, if the mode asks for it, leaves a record.
/// `operation` must be a string literal. Inputs that are not defined are skipped by callers.
/// `constants` are for the tracer.
Variable record(std::string_view operation, Attributes attributes, std::span<const Variable> inputs,
                Tensor output, BackwardFunction backward, Constants constants = {});
inline Variable record(std::string_view operation, Attributes attributes,
                       std::initializer_list<Variable> inputs, Tensor output,
                       BackwardFunction backward, Constants constants = {}) {
  return record(operation, std::move(attributes),
                std::span<const Variable>(inputs.begin(), inputs.size()), std::move(output),
                std::move(backward), std::move(constants));
}

/// Records that `output` depends on, in the order in which they ran.
std::vector<std::shared_ptr<Record>> records_of(const Variable& output);

}  // namespace lq::autograd
