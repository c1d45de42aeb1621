// The record of a run, for plots and for comparing runs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace lq {

/// One training step. Accuracies are fractions in [0, 1], losses mean cross-entropy in nats; a step
/// none of whose images could be read has neither (not a number).
struct StepMetrics {
  std::int64_t epoch = 0;      ///< that the step belongs to, from 1
  std::int64_t step = 0;       ///< done in the whole run, this one included
  double loss = 0.0;           ///< of this step's batch
  double accuracy = 0.0;       ///< of this step's batch, before the update
  double learning_rate = 0.0;  ///< of this step
  double images_per_s = 0.0;   ///< trained since the last line, by the wall clock
  double seconds = 0.0;        ///< since this process began to train
};

/// One evaluation: at the end of an epoch, or where a run was told to stop.
struct EpochMetrics {
  std::int64_t epoch = 0;       ///< from 1
  std::int64_t step = 0;        ///< done in the whole run
  double train_loss = 0.0;      ///< mean over the steps of this epoch so far
  double train_accuracy = 0.0;  ///< the same
  double test_loss = 0.0;
  double test_accuracy = 0.0;
  double test_top5_accuracy = 0.0;
  double learning_rate = 0.0;  ///< of the last step
  /// Trained in this epoch, evaluation not counted; not a number where another process did that.
  double images_per_s = 0.0;
  double seconds = 0.0;  ///< since this process began to train
};

/// A file of JSON lines: one object per line with a "kind" ("step", "epoch" or "warning") and the
/// fields above. Each line is flushed, so that a run that dies leaves what it had.
/// A number that is not finite is written as null.
class MetricsLog {
 public:
  /// Begins an empty log, or continues after step `resume_after`: later lines and lines that a
  /// killed run left half written are dropped first; a file with no such lines is not written
  /// anew. Where the evaluation after that step is due, a killed run may have come as far as its
  /// line, which is dropped too, with all that follows it. Throws Error when the file cannot be
  /// read or written; it is as it was then.
  explicit MetricsLog(std::filesystem::path path,
                      std::optional<std::int64_t> resume_after = std::nullopt,
                      bool evaluation_due = false);

  void write(const StepMetrics& metrics);
  void write(const EpochMetrics& metrics);
  /// A warning that an earlier part of the run has written after the same step is not repeated.
  void write_warning(std::int64_t step, std::string_view message);

 private:
  void keep_lines(std::int64_t resume_after, bool evaluation_due);
  void write_line(std::string_view line);

  std::filesystem::path path_;
  std::set<std::string> kept_at_resume_;  // lines after the step behind which the run goes on
  std::ofstream file_;
};

}  // namespace lq
