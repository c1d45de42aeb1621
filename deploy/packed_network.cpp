#include "deploy/packed_network.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <optional>
#include <stdexcept>

#include "core/error.h"
#include "core/packed_layout.h"
#include "deploy/buffer_plan.h"
#include "deploy/operator.h"
#include "deploy/packed_file.h"
#include "deploy/validate.h"
#include "deploy/worker_pool.h"
#include "kernels/common/aligned_vector.h"

namespace lq::deploy {

namespace {

constexpr std::int64_t largest_batch = 65536;
constexpr std::int64_t words_per_line = kernels::cache_line_bytes / sizeof(std::uint32_t);

std::int64_t elements_of(const Value& value) { return value.h * value.w * value.c; }

/// Words from one plane to the next: an odd number of cache lines, so that the same pixel's words
/// in several planes do not compete for one place in the cache.
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
class Storage {
 public:
  Storage(const PackedModel& model, const PackedNetworkOptions& options)
      : model_(model), options_(options), request_of_(model.values.size()) {
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

  std::size_t bytes() const { return plan_.bytes; }
  /// Nothing for values that the caller has.
  std::optional<std::size_t> offset(std::size_t value) const {
    if (!request_of_[value]) return std::nullopt;
    return plan_.offsets[*request_of_[value]];
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
    const std::size_t bytes = bytes_of(model_.values[value], options_.max_batch);
    request_of_[value] = requests_.size();
    if (options_.keep_values) {
      requests_.push_back({bytes, 0, model_.operations.size()});
    } else {
      requests_.push_back({bytes, step_, last_use_[value]});
    }
  }

  /// A float output of this step that may take the place of the residual: the sum of a block is
  /// written over the shortcut, and stays in the cache. bitconv.h says when this is allowed.
  std::optional<std::size_t> output_in_place() {
    const auto* operation = std::get_if<Convolution>(&model_.operations[step_]);
    if (operation == nullptr || !operation->residual || options_.keep_values) return std::nullopt;
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
  const PackedNetworkOptions& options_;
  std::size_t step_ = 0;
  std::vector<std::size_t> last_use_;                   // of each value
  std::vector<std::optional<std::size_t>> request_of_;  // of each value
  std::vector<BufferRequest> requests_;
  BufferPlan plan_;
};

void check_options(const PackedNetworkOptions& options) {
  check(options.max_batch >= 1 && options.max_batch <= largest_batch,
        "packed network: batches of {}, expected 1 to {}", options.max_batch, largest_batch);
  check(options.threads >= 1 && options.threads <= WorkerPool::max_workers,
        "packed network: {} threads, expected 1 to {}", options.threads, WorkerPool::max_workers);
}

std::string name_of(const Operation& operation) {
  return std::visit([](const auto& kind) { return kind.name; }, operation);
}

}  // namespace

class PackedNetwork::Implementation {
 public:
  Implementation(const PackedModel& model, const PackedNetworkOptions& options)
      : name_(model.name),
        values_(model.values),
        input_(model.input),
        output_(model.output),
        class_names_(model.class_names),
        preprocessing_(model.preprocessing),
        options_(options),
        pool_(options.threads) {
    prepare_operators(model);
    place_values(model);
  }

  const std::string& name() const { return name_; }
  const Value& input() const { return values_[input_]; }
  std::int64_t classes() const { return values_[output_].c; }
  const std::vector<std::string>& class_names() const { return class_names_; }
  const Preprocessing& preprocessing() const { return preprocessing_; }
  const std::vector<std::string>& operations() const { return operation_names_; }
  std::size_t buffer_bytes() const { return buffers_.size() + scratch_.size(); }
  std::size_t weight_bytes() const {
    std::size_t bytes = 0;
    for (const auto& operation : operators_) bytes += operation->weight_bytes();
    return bytes;
  }
  std::span<const double> seconds() const { return seconds_; }

  void run(std::span<const float> images, std::span<float> scores) {
    const std::int64_t image_elements = elements_of(input());
    const std::int64_t count = std::ssize(images) / image_elements;
    check(std::ssize(images) % image_elements == 0,
          "packed network: {} numbers, expected whole images of {}x{}x{}", images.size(), input().h,
          input().w, input().c);
    check(std::ssize(scores) == count * classes(),
          "packed network: space for {} scores, expected {} images x {} classes", scores.size(),
          count, classes());
    std::ranges::fill(seconds_, 0.0);
    for (std::int64_t n = 0; n < count; n += options_.max_batch) {
      batch_ = std::min(options_.max_batch, count - n);
      // The input is never written to.
      places_[input_].data =
          reinterpret_cast<std::byte*>(const_cast<float*>(images.data() + n * image_elements));
      places_[output_].data = reinterpret_cast<std::byte*>(scores.data() + n * classes());
      run_batch();
    }
  }

  std::vector<float> value(std::size_t index) const {
    check(options_.keep_values, "packed network: values are kept only with keep_values");
    check(index < values_.size() && index != input_ && index != output_,
          "packed network: value {} is not between operations", index);
    const Value& value = values_[index];
    std::vector<float> result(batch_ * elements_of(value));
    for (std::int64_t i = 0; i < std::ssize(result); ++i) result[i] = element(index, i);
    return result;
  }

 private:
  using Clock = std::chrono::steady_clock;

  void prepare_operators(const PackedModel& model) {
    Stream& stream = current_stream(Device{});
    std::size_t scratch = 0;
    for (const Operation& operation : model.operations) {
      operators_.push_back(make_operator(model, operation, stream));
      operation_names_.push_back(name_of(operation));
      scratch = std::max(scratch, operators_.back()->scratch_bytes());
    }
    constexpr std::size_t line = kernels::cache_line_bytes;
    scratch_bytes_ = (scratch + line - 1) / line * line;
    if (options_.measure) {
      seconds_.resize(operators_.size());
      worker_seconds_.resize(operators_.size() * options_.threads);
    }
  }

  void place_values(const PackedModel& model) {
    const Storage storage(model, options_);
    check_memory(storage.bytes());
    buffers_.resize(storage.bytes());
    scratch_.resize(scratch_bytes_ * options_.threads);
    for (std::size_t i = 0; i < values_.size(); ++i) {
      const std::optional<std::size_t> offset = storage.offset(i);
      places_.push_back({.data = offset ? buffers_.data() + *offset : nullptr,
                         .plane_words = plane_words_of(values_[i], options_.max_batch)});
    }
  }

  void check_memory(std::size_t buffer_bytes) const {
    const std::size_t image_bytes = buffer_bytes / options_.max_batch;
    check(image_bytes <= max_image_bytes && scratch_bytes_ <= max_image_bytes,
          "packed network: {} bytes of buffers for an image and {} of scratch memory for a thread, "
          "at most {} each are possible",
          image_bytes, scratch_bytes_, max_image_bytes);
    const std::size_t bytes = buffer_bytes + scratch_bytes_ * options_.threads;
    check(bytes <= options_.max_bytes,
          "packed network: batches of {} on {} threads take {} bytes, at most {} are allowed",
          options_.max_batch, options_.threads, bytes, options_.max_bytes);
  }

  void run_batch() {
    for (const auto& operation : operators_) operation->bind(places_, batch_);
    pool_.run([this](int worker) { run_operators(worker); });
    if (options_.measure) add_times();
  }

  void run_operators(int worker) {
    const kernels::Slice slice = {worker, pool_.workers()};
    const std::span<std::byte> scratch(scratch_.data() + worker * scratch_bytes_, scratch_bytes_);
    for (std::size_t i = 0; i < operators_.size(); ++i) {
      // What an operation reads must be complete, and what it overwrites no longer needed.
      if (i > 0) pool_.barrier();
      if (options_.measure) {
        const Clock::time_point start = Clock::now();
        operators_[i]->run(slice, scratch);
        seconds_of(worker, i) = std::chrono::duration<double>(Clock::now() - start).count();
      } else {
        operators_[i]->run(slice, scratch);
      }
    }
  }

  double& seconds_of(int worker, std::size_t operation) {
    return worker_seconds_[worker * operators_.size() + operation];
  }

  /// An operation takes as long as its slowest worker; what the others wait at the barrier belongs
  /// to it.
  void add_times() {
    for (std::size_t i = 0; i < operators_.size(); ++i) {
      double slowest = 0;
      for (int worker = 0; worker < options_.threads; ++worker) {
        slowest = std::max(slowest, seconds_of(worker, i));
      }
      seconds_[i] += slowest;
    }
  }

  float element(std::size_t index, std::int64_t i) const {
    const Value& value = values_[index];
    const ValuePlace& place = places_[index];
    switch (value.kind) {
      case ValueKind::floats:
        return reinterpret_cast<const float*>(place.data)[i];
      case ValueKind::bytes:
        return static_cast<float>(reinterpret_cast<const std::uint8_t*>(place.data)[i]);
      case ValueKind::planes:
        break;
    }
    return static_cast<float>(code_at(value, place, i / value.c, i % value.c));
  }

  std::string name_;
  std::vector<Value> values_;
  std::size_t input_;
  std::size_t output_;
  std::vector<std::string> class_names_;
  Preprocessing preprocessing_;
  PackedNetworkOptions options_;
  std::vector<std::unique_ptr<Operator>> operators_;
  std::vector<std::string> operation_names_;
  kernels::AlignedVector<std::byte> buffers_;
  kernels::AlignedVector<std::byte> scratch_;
  std::size_t scratch_bytes_ = 0;       // of each worker
  std::vector<ValuePlace> places_;      // of each value
  std::vector<double> seconds_;         // of each operation
  std::vector<double> worker_seconds_;  // the same in the last batch, of one worker after the other
  std::int64_t batch_ = 0;
  WorkerPool pool_;  // last: its threads end before what they use
};

PackedNetwork::PackedNetwork(const PackedModel& model, const PackedNetworkOptions& options) {
  check_options(options);
  validate(model);
  try {
    implementation_ = std::make_unique<Implementation>(model, options);
  } catch (const std::bad_alloc&) {
    fail("packed network: not enough memory for batches of {}", options.max_batch);
  } catch (const std::length_error&) {
    fail("packed network: not enough memory for batches of {}", options.max_batch);
  }
}

PackedNetwork::PackedNetwork(const std::filesystem::path& file, const PackedNetworkOptions& options)
    : PackedNetwork(read_packed_model(file), options) {}

PackedNetwork::~PackedNetwork() = default;
PackedNetwork::PackedNetwork(PackedNetwork&& other) noexcept = default;
PackedNetwork& PackedNetwork::operator=(PackedNetwork&& other) noexcept = default;

const std::string& PackedNetwork::name() const { return implementation_->name(); }
const Value& PackedNetwork::input() const { return implementation_->input(); }
std::int64_t PackedNetwork::classes() const { return implementation_->classes(); }
const std::vector<std::string>& PackedNetwork::class_names() const {
  return implementation_->class_names();
}
const Preprocessing& PackedNetwork::preprocessing() const {
  return implementation_->preprocessing();
}
const std::vector<std::string>& PackedNetwork::operations() const {
  return implementation_->operations();
}
std::size_t PackedNetwork::buffer_bytes() const { return implementation_->buffer_bytes(); }
std::size_t PackedNetwork::weight_bytes() const { return implementation_->weight_bytes(); }

void PackedNetwork::run(std::span<const float> images, std::span<float> scores) {
  implementation_->run(images, scores);
}

std::vector<float> PackedNetwork::value(std::size_t index) const {
  return implementation_->value(index);
}

std::span<const double> PackedNetwork::seconds() const { return implementation_->seconds(); }

}  // namespace lq::deploy
