#include "bench/training_step.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <vector>

#include "autograd/softmax_cross_entropy.h"
#include "bench/median.h"
#include "core/device.h"
#include "core/rng.h"
#include "core/stream.h"
#include "layers/step_scope.h"
#include "train/evaluation.h"
#include "train/optimizer.h"

namespace lq::bench {

namespace {

/// Small enough that random labels, which nobody can learn, do not make the loss explode.
constexpr double learning_rate = 0.01;

struct Example {
  Tensor images;  // N H W C
  Tensor labels;  // N
};

Example random_example(const TrainingStepOptions& options) {
  Rng rng(options.seed, RngPurpose::synthetic);
  const Shape& input = options.network.input;
  Example example{Tensor({options.batch, input[0], input[1], input[2]}),
                  Tensor({options.batch}, DType::i32)};
  for (float& value : example.images.span<float>()) value = static_cast<float>(rng.normal());
  for (std::int32_t& label : example.labels.span<std::int32_t>()) {
    label =
        static_cast<std::int32_t>(rng.below(static_cast<std::uint32_t>(options.network.classes)));
  }
  example.images.move_to(options.device);
  example.labels.move_to(options.device);
  return example;
}

/// A network in training, and what its steps took.
class Contestant {
 public:
  Contestant(const TrainingStepOptions& options, const ModelOptions& network)
      : device_(options.device),
        bytes_before_(bytes_in_use()),
        model_(make_model(options.model, network)),
        optimizer_(model_->to(device_), {.momentum = 0.9, .weight_decay = 1e-4}),
        own_bytes_(bytes_in_use() - bytes_before_) {
    model_->initialize(options.seed);
  }

  void step(const Example& example) {
    StepScope step(*model_);
    const Variable logits = (*model_)(Variable(example.images));
    Variable loss = autograd::softmax_cross_entropy(logits, example.labels);
    loss.backward();
    const double value = scalar(loss.value());
    check(std::isfinite(value), "bench: the loss is {}", value);
    step.finish();
    optimizer_.step(learning_rate);
  }

  void timed_step(const Example& example) {
    device_memory(device_).reset_peak();
    const std::int64_t others = bytes_in_use() - own_bytes_;
    const auto start = std::chrono::steady_clock::now();
    step(example);
    device_backend(device_.type).synchronize(current_stream(device_));
    const std::chrono::duration<double, std::milli> elapsed =
        std::chrono::steady_clock::now() - start;
    step_ms_.push_back(elapsed.count());
    const auto peak = static_cast<std::int64_t>(device_memory(device_).use().peak_bytes);
    peak_bytes_ = std::max(peak_bytes_, peak - others);
  }

  StepTiming timing(std::int64_t batch) const {
    const double step_ms = median(step_ms_);
    return {.step_ms = step_ms,
            .images_per_s = 1000.0 * static_cast<double>(batch) / step_ms,
            .peak_bytes = peak_bytes_};
  }

 private:
  std::int64_t bytes_in_use() const {
    return static_cast<std::int64_t>(device_memory(device_).use().bytes);
  }

  Device device_;
  std::int64_t bytes_before_;
  std::unique_ptr<Module> model_;
  SgdOptimizer optimizer_;
  std::int64_t own_bytes_;  // of parameters, buffers and velocities
  std::vector<double> step_ms_;
  std::int64_t peak_bytes_ = 0;
};

void validate(const TrainingStepOptions& options) {
  check(options.batch >= 1, "bench: batch is {}, expected at least 1", options.batch);
  check(options.steps >= 1, "bench: steps is {}, expected at least 1", options.steps);
  check(options.warm_up >= 0, "bench: warm_up is {}, expected at least 0", options.warm_up);
}

}  // namespace

TrainingStepTiming time_training_steps(const TrainingStepOptions& options) {
  validate(options);
  ModelOptions float_network = options.network;
  // Which variant is meant may depend on the bits.
  float_network.variant = variant_of(options.model, options.network);
  float_network.w_bits = float_network.a_bits = float_bits;
  Contestant quantized(options, options.network);
  Contestant floating(options, float_network);
  const Example example = random_example(options);
  for (std::int64_t i = 0; i < options.warm_up; ++i) {
    quantized.step(example);
    floating.step(example);
  }
  for (std::int64_t i = 0; i < options.steps; ++i) {
    quantized.timed_step(example);
    floating.timed_step(example);
  }
  const StepTiming a = quantized.timing(options.batch);
  const StepTiming b = floating.timing(options.batch);
  return {.quantized = a, .floating = b, .step_ratio = a.step_ms / b.step_ms};
}

}  // namespace lq::bench
