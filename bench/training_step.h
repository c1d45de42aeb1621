// How long a training step takes, quantized and in floating point.
#pragma once

#include <cstdint>
#include <string>

#include "models/model.h"

namespace lq::bench {

struct TrainingStepOptions {
  std::string model = "resnet20";
  ModelOptions network;      ///< of the quantized network; its float twin differs in bits only
  std::int64_t batch = 128;  ///< images per step
  std::int64_t steps = 20;   ///< timed steps of each network
  std::int64_t warm_up = 3;  ///< steps of each before the first timed one
  std::uint64_t seed = 1;    ///< of weights and images
  Device device;
};

/// Of one network. A step is forward, loss, backward and update, with the loss read back.
struct StepTiming {
  double step_ms = 0.0;       ///< median of the timed steps
  double images_per_s = 0.0;  ///< batch / median
  /// Most bytes of tensors on the device that were alive at once: weights, gradients, optimizer,
  /// saved values. Scratch memory inside of libraries is not seen.
  std::int64_t peak_bytes = 0;
};

struct TrainingStepTiming {
  StepTiming quantized;
  StepTiming floating;
  double step_ratio = 1.0;  ///< quantized step_ms / floating step_ms
};

/// Times both networks in turns (A B A B ...) on the same fixed random batches, so that whatever
/// else the machine does meets both alike. Throws Error for options out of range and for a loss
/// that is not finite.
TrainingStepTiming time_training_steps(const TrainingStepOptions& options);

}  // namespace lq::bench
