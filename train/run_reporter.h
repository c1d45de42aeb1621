// Telling how a run goes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "core/io/progress.h"
#include "train/checkpoint.h"
#include "train/evaluation.h"
#include "train/metrics_log.h"
#include "train/rate_meter.h"
#include "train/skipped_log.h"

namespace lq {

/// Files of a run in its output folder.
inline constexpr const char* metrics_file = "metrics.jsonl";              ///< see metrics_log.h
inline constexpr const char* skipped_images_file = "skipped_images.txt";  ///< see skipped_log.h

/// The size of a run, in steps done since it began.
struct RunExtent {
  std::int64_t epochs = 1;
  std::int64_t steps_per_epoch = 1;
  std::int64_t last_step = 1;  ///< where it will end

  std::int64_t steps_done(const TrainingState& state) const {
    return state.epochs_done * steps_per_epoch + state.steps_done;
  }
};

/// Where a run goes on.
struct ResumePoint {
  std::int64_t step = 0;        ///< behind this one
  double learning_rate = 0.0;   ///< of that step
  bool evaluation_due = false;  ///< before the next step
};

/// "epoch 2/3": the epoch under way.
std::string epoch_label(const RunExtent& extent, const TrainingState& state);

/// One step that was done.
struct StepReport {
  double mean_loss = 0.0;
  std::int64_t correct = 0;
  std::int64_t images = 0;
  double learning_rate = 0.0;
};

/// Tells a person (Progress) and a file (MetricsLog) what happens, and keeps the time for them.
/// Times are those of this process, not of earlier parts of a resumed run.
class RunReporter {
 public:
  RunReporter(const RunExtent& extent, std::int64_t log_interval, const ProgressOptions& progress);

  /// Begins the files of the run in its folder, before anything below.
  void open_files(const std::filesystem::path& folder);
  /// Continues them instead.
  void continue_files(const std::filesystem::path& folder, const ResumePoint& from);

  /// The clock runs, and training goes on. Evaluations come between stop and start.
  void start_training();
  void stop_training();

  /// `state` already counts the step.
  void step_done(const TrainingState& state, const StepReport& step);
  /// Of a test set of `images`, `batch` at a time.
  void evaluating(const ClassificationSums& sums, std::int64_t images, std::int64_t batch);
  void evaluated(const TrainingState& state, const ClassificationSums& test, bool is_best);
  void warn(const TrainingState& state, std::string_view message);
  /// Images that an epoch, or an evaluation, had to do without: a warning, and all of their names
  /// in a file. `part` as in describe().
  void skipped(const TrainingState& state, std::string_view part, const SkippedImages& images);
  /// Their names alone, while the epoch goes on.
  void name_skipped(std::string_view part, const SkippedImages& images) {
    skipped_log_->add(part, images);
  }
  /// Images that are named so in the whole run.
  std::int64_t skipped_images() const { return skipped_log_->size(); }
  void line(std::string_view text) { progress_.line(text); }

  double seconds() const { return run_steps_.seconds(); }
  /// Trained so far, evaluations not counted.
  double images_per_second() const;

 private:
  void log_step(const TrainingState& state, const StepReport& step);

  RunExtent extent_;
  std::int64_t log_interval_;
  Progress progress_;
  std::optional<MetricsLog> metrics_;
  std::optional<SkippedLog> skipped_log_;
  RateMeter run_steps_;               // evaluations included
  RateMeter epoch_images_;            // since training started or went on
  RateMeter line_images_;             // since the last line of metrics
  std::optional<double> epoch_rate_;  // none before this process trains
  double learning_rate_ = 0.0;
  std::int64_t trained_images_ = 0;
  double training_seconds_ = 0.0;
};

}  // namespace lq
