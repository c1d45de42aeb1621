#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

#include "core/error.h"

namespace lq {

namespace {

template <typename... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
template <typename... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

void check_number(const char* field, double value, bool in_range, const char* expected) {
  check(std::isfinite(value) && in_range, "schedule: {} is {}, expected {}", field, value,
        expected);
}

void check_end_rate(double end_rate) {
  check_number("end_rate", end_rate, end_rate >= 0.0, "at least 0");
}

void check_position(const SchedulePosition& position) {
  check(0 <= position.epoch && position.epoch < position.epochs && 0 <= position.step &&
            position.step < position.steps_per_epoch,
        "schedule: epoch {} of {}, step {} of {} is outside of the run", position.epoch,
        position.epochs, position.step, position.steps_per_epoch);
}

}  // namespace

void validate(const Schedule& schedule) {
  check_number("base_rate", schedule.base_rate, schedule.base_rate > 0.0, "more than 0");
  constexpr double most_epochs = 1 << 24;
  check_number("warmup_epochs", schedule.warmup_epochs,
               schedule.warmup_epochs >= 0.0 && schedule.warmup_epochs <= most_epochs,
               "0 to 16777216");
  std::visit(
      Overloaded{[](const MultiStepDecay& decay) {
                   check_number("divide_by", decay.divide_by, decay.divide_by >= 1.0, "at least 1");
                   const auto& boundaries = decay.boundaries;
                   check(std::ranges::is_sorted(boundaries, std::less_equal<>{}) &&
                             (boundaries.empty() || boundaries.front() >= 1),
                         "schedule: boundaries must be strictly increasing epochs from 1 on");
                 },
                 [](const PolynomialDecay& decay) {
                   check_number("power", decay.power, decay.power > 0.0, "more than 0");
                   check_end_rate(decay.end_rate);
                 },
                 [](const CosineDecay& decay) { check_end_rate(decay.end_rate); }},
      schedule.decay);
}

bool depends_on_epochs(const Schedule& schedule) {
  return !std::holds_alternative<MultiStepDecay>(schedule.decay);
}

double learning_rate(const Schedule& schedule, const SchedulePosition& position) {
  check_position(position);
  const bool per_step = schedule.unit == ScheduleUnit::step;
  const std::int64_t ticks_per_epoch = per_step ? position.steps_per_epoch : 1;
  const std::int64_t now = position.epoch * ticks_per_epoch + (per_step ? position.step : 0);
  const std::int64_t total = position.epochs * ticks_per_epoch;
  const std::int64_t warm =
      std::llround(schedule.warmup_epochs * static_cast<double>(ticks_per_epoch));
  const double base = schedule.base_rate;
  if (now < warm) return base * static_cast<double>(now + 1) / static_cast<double>(warm + 1);

  const double progress = static_cast<double>(now - warm) / static_cast<double>(total - warm);
  return std::visit(
      Overloaded{[&](const MultiStepDecay& decay) {
                   const auto passed = std::ranges::count_if(
                       decay.boundaries, [&](auto boundary) { return boundary <= position.epoch; });
                   return base / std::pow(decay.divide_by, static_cast<double>(passed));
                 },
                 [&](const PolynomialDecay& decay) {
                   return decay.end_rate +
                          (base - decay.end_rate) * std::pow(1.0 - progress, decay.power);
                 },
                 [&](const CosineDecay& decay) {
                   return decay.end_rate + (base - decay.end_rate) *
                                               (1.0 + std::cos(std::numbers::pi * progress)) / 2.0;
                 }},
      schedule.decay);
}

}  // namespace lq
