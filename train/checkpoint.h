// What a run leaves on disk: enough to evaluate the network, and to go on as if nothing happened.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/normalization.h"
#include "layers/module.h"
#include "models/model.h"
#include "train/evaluation.h"
#include "train/recipe.h"

namespace lq {

/// The evaluation with the highest test accuracy among those at the ends of epochs; the first of
/// several. Before the first epoch has ended, the evaluation that ended the run within it stands
/// in; a run that is resumed forgets that one.
struct BestEvaluation {
  double accuracy = 0.0;
  std::int64_t epoch = 1;  ///< in which, or after which, it was made, from 1
  std::int64_t steps = 0;  ///< of that epoch, when it was not complete; otherwise 0

  friend bool operator==(const BestEvaluation&, const BestEvaluation&) = default;
};

/// Where a run stands between two steps. Together with the recipe it fixes everything to come:
/// order, augmentation and learning rate are functions of seed, epoch and step.
struct TrainingState {
  std::int64_t epochs_done = 0;        ///< and evaluated
  std::int64_t steps_done = 0;         ///< in the epoch under way
  bool evaluation_due = false;         ///< comes next: the steps in front of it are all done
  ClassificationSums epoch_sums;       ///< over these steps
  std::optional<BestEvaluation> best;  ///< absent before the first that counts

  /// The last epoch that has had a step, from 1; 0 before the first step.
  std::int64_t epoch() const { return epochs_done + (steps_done > 0 ? 1 : 0); }
  /// Whether the best evaluation was made right here.
  bool is_best() const { return best && best->epoch == epoch() && best->steps == steps_done; }

  friend bool operator==(const TrainingState&, const TrainingState&) = default;
};

/// Of both parts of a data set.
struct ImageCounts {
  std::int64_t train = 0;
  std::int64_t test = 0;

  friend bool operator==(const ImageCounts&, const ImageCounts&) = default;
};

struct Checkpoint {
  Recipe recipe;
  std::int64_t classes = 10;
  /// See class_names(); none in a file from before they were kept.
  std::vector<std::string> class_names;
  std::optional<ImageCounts> images;  ///< that there were; none in a file from before, too
  /// Where the values came from that the run began with, as it was named (a path); empty: they were
  /// those of the recipe's seed, or the file is from before this was kept.
  std::string began_with;
  Normalization normalization;
  TrainingState state;
  int threads = 1;      ///< that computed: sums are rounded as for this number
  StateDict model;      ///< parameters and buffers; quantizers keep their state in buffers
  StateDict optimizer;  ///< of SgdOptimizer
};

/// Names of the classes of a data set as checkpoints keep them: UTF-8. Those of folders may be any
/// bytes, of which the ones that are no UTF-8 are replaced by U+FFFD.
std::vector<std::string> class_names(const Dataset& images);

/// Writes one safetensors file, atomically: tensors "model.<name>", "optimizer.<name>",
/// "data.mean" and "data.divisor", the rest as JSON in the metadata entries "recipe", "state",
/// "classes", "class_names", "images", "began_with" and "threads", next to "format" and
/// "format_version". Throws Error "<path>: ..." when that fails; a file that was there before is
/// kept then.
void save_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint);

/// Throws Error "<path>: ..." for a file that is missing, damaged, not a checkpoint, or written in
/// another format than this program's.
Checkpoint load_checkpoint(const std::filesystem::path& path);

/// H W C of the network's input.
Shape input_shape(const Checkpoint& checkpoint);

/// How to make the network of a checkpoint.
ModelOptions model_options(const Checkpoint& checkpoint);

/// Makes the network by its name in the recipe and gives it the stored values. Throws Error when
/// they do not fit each other.
std::unique_ptr<Module> restore_model(const Checkpoint& checkpoint);

}  // namespace lq
