// Learning-rate schedules.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

namespace lq {

/// Where a run stands before it does a step. Everything counts from zero.
struct SchedulePosition {
  std::int64_t epoch = 0;            ///< [0, epochs); also the number of completed epochs
  std::int64_t step = 0;             ///< within the epoch: [0, steps_per_epoch)
  std::int64_t epochs = 1;           ///< of the whole run
  std::int64_t steps_per_epoch = 1;  ///< batches of one epoch
};

/// rate = base_rate / divide_by^n, n = number of boundaries that are <= the completed epochs.
/// A boundary acts after that epoch completes (spec section 4): with {82}, the epochs 0 to 81 of
/// SchedulePosition, "1 to 82" on screen, run at the base rate. Boundaries are epochs of the run
/// under either unit and are not moved by the warm-up.
struct MultiStepDecay {
  std::vector<std::int64_t> boundaries = {};  ///< strictly increasing, each at least 1
  double divide_by = 10.0;                    ///< at least 1; dividing keeps 0.1 / 10 exact

  friend bool operator==(const MultiStepDecay&, const MultiStepDecay&) = default;
};

/// rate = end_rate + (base_rate - end_rate) * (1 - progress)^power.
struct PolynomialDecay {
  double power = 1.0;     ///< above 0
  double end_rate = 0.0;  ///< at least 0; what the run would reach one step (epoch) after its last

  friend bool operator==(const PolynomialDecay&, const PolynomialDecay&) = default;
};

/// rate = end_rate + (base_rate - end_rate) * (1 + cos(pi * progress)) / 2.
struct CosineDecay {
  double end_rate = 0.0;  ///< at least 0; reached as in PolynomialDecay

  friend bool operator==(const CosineDecay&, const CosineDecay&) = default;
};

/// How often the rate changes. A tick is one epoch or one step of the run.
enum class ScheduleUnit : unsigned char { epoch, step };

/// With now = ticks done, total = ticks of the run, warm = warmup_epochs in ticks, rounded:
///   now < warm:  rate = base_rate * (now + 1) / (warm + 1), a line that meets base_rate at warm
///   else:        the decay's formula with progress = (now - warm) / (total - warm), in [0, 1)
struct Schedule {
  double base_rate = 0.1;  ///< above 0
  std::variant<MultiStepDecay, PolynomialDecay, CosineDecay> decay = MultiStepDecay{};
  ScheduleUnit unit = ScheduleUnit::epoch;
  double warmup_epochs = 0.0;  ///< 0 to 2^24; fractions of an epoch need ScheduleUnit::step

  friend bool operator==(const Schedule&, const Schedule&) = default;
};

/// Throws Error, naming the field, for a schedule outside the ranges above or not finite.
void validate(const Schedule& schedule);

/// Whether the rates depend on how many epochs the run has in all.
bool depends_on_epochs(const Schedule& schedule);

/// The learning rate of the step at `position`. Throws Error for a position outside of its run.
/// Expects a schedule that validate() accepts.
double learning_rate(const Schedule& schedule, const SchedulePosition& position);

}  // namespace lq
