// The training loop.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/io/file.h"
#include "core/io/progress.h"
#include "data/dataset.h"
#include "data/loader.h"
#include "layers/module.h"
#include "layers/quantizers/quantizer.h"
#include "train/checkpoint.h"
#include "train/device_batches.h"
#include "train/evaluation.h"
#include "train/optimizer.h"
#include "train/recipe.h"
#include "train/run_reporter.h"

namespace lq {

/// Checkpoints of a run in its output folder; its other files are those of run_reporter.h.
inline constexpr const char* last_checkpoint_file = "last.safetensors";  ///< to resume from
inline constexpr const char* best_checkpoint_file = "best.safetensors";  ///< highest test accuracy

/// The checkpoint from which the run in `folder` can be resumed. Throws Error when there is none.
Checkpoint load_last_checkpoint(const std::filesystem::path& folder);

struct TrainerOptions {
  Recipe recipe;
  /// Made when missing. A run that is there is never overwritten, unless it has kept no step: then
  /// there is nothing to go on from.
  std::filesystem::path output;
  /// Continue from last.safetensors of `output`.
  bool resume = false;
  /// What the network begins with instead of its initial values: see warm_start(). Empty: nothing.
  /// Not for a run that is resumed.
  StateDict initial;
  /// Where `initial` comes from, for Checkpoint::began_with.
  std::string initial_source;
  /// Of each loader, 0 to most_loader_threads; the batches do not depend on it.
  int loader_threads = 1;
  /// Ends the run, after an evaluation, once it has done this many steps in all, earlier parts of
  /// a resumed run included. The schedule still spans all epochs. Within an epoch that evaluation
  /// is reported, but does not compete for the best one (see BestEvaluation).
  std::optional<std::int64_t> max_steps;
  /// Write last.safetensors also every so many steps; 0: at the ends of epochs only. The file
  /// before is replaced.
  std::int64_t checkpoint_interval = 0;
  /// Write a line of metrics every so many steps, at least 1.
  std::int64_t log_interval = 50;
  ProgressOptions progress;
  /// Asked after each step and each batch of an evaluation; true ends the run at once. There is a
  /// checkpoint of the last step then: resumed, a run that was stopped in an evaluation begins with
  /// that one.
  std::function<bool()> stop_requested;
  /// Asked after each evaluation; each text is shown and logged as a warning. May be null.
  std::function<std::vector<std::string>(Module&)> health_check = quantizer_warnings;
};

struct TrainingResult {
  std::int64_t epochs = 0;                 ///< done since the run began, resumed parts included
  std::int64_t steps = 0;                  ///< the same
  bool interrupted = false;                ///< by stop_requested; there may be no evaluation then
  std::optional<ClassificationSums> test;  ///< last evaluation of this call
  std::optional<BestEvaluation> best;      ///< since the run began
  std::int64_t skipped_images = 0;         ///< files that could not be read since the run began
  double seconds = 0.0;                    ///< of this call
  double images_per_s = 0.0;               ///< trained by this call, evaluation not counted
};

/// Trains a model on a data set by a recipe. The numbers depend on the recipe, the data and the
/// number of threads of core/threads.h, nothing else: not on loader threads, nor on how often the
/// run was stopped, killed and resumed. A run that is resumed with another number of threads, or
/// for more epochs than its schedule was made for, gets a warning on screen and in its metrics.
///
/// Every checkpoint is of a network that still works: all values are finite, and so is the loss in
/// evaluation mode, on the test images or, before their evaluation, on the last images that it was
/// trained on: those of a batch or, with accumulation, of a part of one.
class Trainer {
 public:
  /// Trains on the device that `model` is on. Initialises it from the recipe's seed or, to resume,
  /// from the checkpoint, and writes a first checkpoint, so that a folder or disk that cannot be
  /// written is found before any work. `model` must outlive the trainer, which holds the output
  /// folder alone while it lives. Throws Error for options out of range, an output folder that
  /// holds a run (or none, to resume), that another trainer holds or that cannot be written, a
  /// checkpoint that is damaged or of another recipe, model or data, and initial values of which
  /// none fits.
  Trainer(Module& model, DatasetSplits data, TrainerOptions options);

  /// Trains to the end. Throws Error when a loss, or anything that a checkpoint would keep, stops
  /// being finite; the checkpoints written before stay as they are.
  TrainingResult run();

 private:
  void lock_folder();
  void begin_run();
  void resume_run();
  void continue_files(const Recipe& recipe_so_far);
  void check_continues(const Checkpoint& checkpoint) const;
  void warn_of_changes(const Checkpoint& checkpoint);
  void forget_evaluation_within_epoch();

  void run_epoch();
  void train_up_to_evaluation();
  void finish_with_evaluation();
  void take_images(std::string_view part, const Loader& loader, const std::function<void()>& work);
  void train_on_batches();
  StepReport train_step();
  void add_gradients(const Batch& batch, ClassificationSums& sums);
  const Tensor& share_of_step(std::int64_t images);
  void evaluate_model();
  bool note_best(bool epoch_is_complete);
  void check_health();

  void check_finite(double value, std::string_view what) const;
  void check_state_is_finite() const;
  bool checkpoint_is_due() const;
  void save_before_evaluation();
  void save(const std::filesystem::path& path) const;

  bool is_told_to_stop();
  /// Whether the steps in front of the next evaluation are all done.
  bool evaluation_is_next() const;
  bool finished() const;
  std::int64_t steps_done() const { return extent_.steps_done(state_); }
  std::filesystem::path last_path() const;
  std::filesystem::path best_path() const;
  std::filesystem::path metrics_path() const;

  Module& model_;
  Device device_;  // of the model
  DatasetSplits data_;
  TrainerOptions options_;
  FileDescriptor lock_;  // of the output folder
  Normalization normalization_;
  Loader train_loader_;
  Loader test_loader_;
  DeviceBatches batches_;            // of the training loader
  std::optional<Batch> last_batch_;  // that was trained on, for the next checkpoint; never empty
  Tensor share_;                     // see share_of_step()
  std::int64_t share_images_ = 0;
  SgdOptimizer optimizer_;
  RunExtent extent_;
  TrainingState state_;
  RunReporter report_;
  std::optional<ClassificationSums> test_;  // last evaluation of this process
  bool interrupted_ = false;
};

}  // namespace lq
