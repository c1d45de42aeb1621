#include "deploy/packed_network.h"

#include <new>
#include <stdexcept>

#include "core/error.h"
#include "deploy/executor.h"
#include "deploy/packed_file.h"
#include "deploy/validate.h"
#include "deploy/worker_pool.h"

namespace lq::deploy {

namespace {

constexpr std::int64_t largest_batch = 65536;
constexpr int most_in_flight = 4;

void check_options(const PackedNetworkOptions& options) {
  check(options.max_batch >= 1 && options.max_batch <= largest_batch,
        "packed network: batches of {}, expected 1 to {}", options.max_batch, largest_batch);
  check(options.threads >= 1 && options.threads <= WorkerPool::max_workers,
        "packed network: {} threads, expected 1 to {}", options.threads, WorkerPool::max_workers);
  check(options.in_flight >= 1 && options.in_flight <= most_in_flight,
        "packed network: {} batches in flight, expected 1 to {}", options.in_flight,
        most_in_flight);
  const bool is_plain = !options.keep_values && !options.measure;
  check(options.in_flight == 1 || (is_plain && options.device.type != DeviceType::cpu),
        "packed network: {} batches in flight, expected 1 on the CPU and where values are kept or "
        "operations measured",
        options.in_flight);
}

std::string name_of(const Operation& operation) {
  return std::visit([](const auto& kind) { return kind.name; }, operation);
}

}  // namespace

class PackedNetwork::Implementation {
 public:
  Implementation(const PackedModel& model, const PackedNetworkOptions& options)
      : name_(model.name),
        input_(model.values[model.input]),
        classes_(model.values[model.output].c),
        class_names_(model.class_names),
        preprocessing_(model.preprocessing),
        executor_(make_executor(model, options)) {
    for (const Operation& operation : model.operations) {
      operation_names_.push_back(name_of(operation));
    }
  }

  const std::string& name() const { return name_; }
  const Value& input() const { return input_; }
  std::int64_t classes() const { return classes_; }
  const std::vector<std::string>& class_names() const { return class_names_; }
  const Preprocessing& preprocessing() const { return preprocessing_; }
  const std::vector<std::string>& operations() const { return operation_names_; }
  const Executor& executor() const { return *executor_; }

  void run(std::span<const float> images, std::span<float> scores) {
    const std::int64_t image_elements = elements_of(input_);
    const std::int64_t count = std::ssize(images) / image_elements;
    check(std::ssize(images) % image_elements == 0,
          "packed network: {} numbers, expected whole images of {}x{}x{}", images.size(), input_.h,
          input_.w, input_.c);
    check(std::ssize(scores) == count * classes_,
          "packed network: space for {} scores, expected {} images x {} classes", scores.size(),
          count, classes_);
    executor_->clear_seconds();
    executor_->run(images.data(), scores.data(), count);
  }

 private:
  std::string name_;
  Value input_;
  std::int64_t classes_;
  std::vector<std::string> class_names_;
  Preprocessing preprocessing_;
  std::vector<std::string> operation_names_;
  std::unique_ptr<Executor> executor_;
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
std::size_t PackedNetwork::buffer_bytes() const {
  return implementation_->executor().buffer_bytes();
}
std::size_t PackedNetwork::weight_bytes() const {
  return implementation_->executor().weight_bytes();
}

void PackedNetwork::run(std::span<const float> images, std::span<float> scores) {
  implementation_->run(images, scores);
}

std::vector<float> PackedNetwork::value(std::size_t index) const {
  return implementation_->executor().value(index);
}

std::span<const double> PackedNetwork::seconds() const {
  return implementation_->executor().seconds();
}

}  // namespace lq::deploy
