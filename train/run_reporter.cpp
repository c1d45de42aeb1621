#include "train/run_reporter.h"

#include <fmt/format.h>

#include <limits>

#include "core/io/diagnostics.h"

namespace lq {

namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

}  // namespace

std::string epoch_label(const RunExtent& extent, const TrainingState& state) {
  return fmt::format("epoch {}/{}", state.epochs_done + 1, extent.epochs);
}

RunReporter::RunReporter(const RunExtent& extent, std::int64_t log_interval,
                         const ProgressOptions& progress)
    : extent_(extent), log_interval_(log_interval), progress_(progress) {}

void RunReporter::open_files(const std::filesystem::path& folder) {
  metrics_.emplace(folder / metrics_file);
  skipped_log_.emplace(folder / skipped_images_file, /*resumed=*/false);
}

void RunReporter::continue_files(const std::filesystem::path& folder, const ResumePoint& from) {
  metrics_.emplace(folder / metrics_file, from.step, from.evaluation_due);
  skipped_log_.emplace(folder / skipped_images_file, /*resumed=*/true);
  learning_rate_ = from.learning_rate;
}

void RunReporter::start_training() {
  epoch_images_.restart();
  line_images_.restart();
}

void RunReporter::stop_training() {
  epoch_rate_ = epoch_images_.per_second();
  trained_images_ += epoch_images_.count();
  training_seconds_ += epoch_images_.seconds();
}

void RunReporter::step_done(const TrainingState& state, const StepReport& step) {
  run_steps_.add(1);
  epoch_images_.add(step.images);
  line_images_.add(step.images);
  learning_rate_ = step.learning_rate;
  const std::int64_t done = extent_.steps_done(state);
  if (done % log_interval_ == 0) log_step(state, step);

  const double seconds_per_step = run_steps_.seconds() / static_cast<double>(run_steps_.count());
  progress_.update(
      {.label = epoch_label(extent_, state),
       .step = state.steps_done,
       .steps = extent_.steps_per_epoch,
       .loss = state.epoch_sums.mean_loss(),
       .accuracy = state.epoch_sums.accuracy(),
       .images_per_s = epoch_images_.per_second(),
       .seconds_left = seconds_per_step * static_cast<double>(extent_.last_step - done)});
}

void RunReporter::log_step(const TrainingState& state, const StepReport& step) {
  const auto images = static_cast<double>(step.images);
  metrics_->write(
      StepMetrics{.epoch = state.epochs_done + 1,
                  .step = extent_.steps_done(state),
                  .loss = step.images == 0 ? none : step.mean_loss,
                  .accuracy = step.images == 0 ? none : static_cast<double>(step.correct) / images,
                  .learning_rate = step.learning_rate,
                  .images_per_s = line_images_.per_second(),
                  .seconds = seconds()});
  line_images_.restart();
}

void RunReporter::evaluating(const ClassificationSums& sums, std::int64_t images,
                             std::int64_t batch) {
  progress_.update({.label = "test",
                    .step = (sums.images + batch - 1) / batch,
                    .steps = (images + batch - 1) / batch,
                    .loss = sums.mean_loss(),
                    .accuracy = sums.accuracy(),
                    .bar_only = true});
}

void RunReporter::evaluated(const TrainingState& state, const ClassificationSums& test,
                            bool is_best) {
  const ClassificationSums& train = state.epoch_sums;
  metrics_->write(EpochMetrics{.epoch = state.epochs_done + 1,
                               .step = extent_.steps_done(state),
                               .train_loss = train.mean_loss(),
                               .train_accuracy = train.accuracy(),
                               .test_loss = test.mean_loss(),
                               .test_accuracy = test.accuracy(),
                               .test_top5_accuracy = test.top5_accuracy(),
                               .learning_rate = learning_rate_,
                               .images_per_s = epoch_rate_.value_or(none),
                               .seconds = seconds()});
  const std::string rate = epoch_rate_ ? fmt::format("{:.0f} images/s  ", *epoch_rate_) : "";
  progress_.line(
      fmt::format("{}  train loss {:.4f} accuracy {:.2f} %  test loss {:.4f} accuracy {:.2f} % "
                  "(top 5: {:.2f} %){}  {}{}",
                  epoch_label(extent_, state), train.mean_loss(), 100.0 * train.accuracy(),
                  test.mean_loss(), 100.0 * test.accuracy(), 100.0 * test.top5_accuracy(),
                  is_best ? " (best)" : "", rate, format_duration(seconds())));
}

void RunReporter::warn(const TrainingState& state, std::string_view message) {
  progress_.line(warning_text(message));
  metrics_->write_warning(extent_.steps_done(state), message);
}

void RunReporter::skipped(const TrainingState& state, std::string_view part,
                          const SkippedImages& images) {
  if (images.count == 0) return;
  name_skipped(part, images);
  warn(state,
       fmt::format("{} (all of them are in {})", describe(images, part), skipped_images_file));
}

double RunReporter::images_per_second() const {
  return training_seconds_ > 0.0 ? static_cast<double>(trained_images_) / training_seconds_ : 0.0;
}

}  // namespace lq
