#include "train/trainer.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <system_error>

#include "autograd/softmax_cross_entropy.h"
#include "core/error.h"
#include "core/io/file.h"
#include "core/threads.h"
#include "layers/step_scope.h"
#include "train/augment.h"
#include "train/finite.h"
#include "train/warm_start.h"

namespace lq {

namespace {

namespace fs = std::filesystem;

TrainerOptions validated(TrainerOptions options, const DatasetSplits& data) {
  validate(options.recipe);
  // The recipe that checkpoints keep tells what was done.
  options.recipe.flip = options.recipe.flip && data.mirror_symmetric;
  check(!options.output.empty(), "train: no output folder given");
  check(!options.resume || options.initial.empty(),
        "train: initial values given for a run that is resumed, expected none");
  check(options.checkpoint_interval >= 0, "train: checkpoint_interval is {}, expected at least 0",
        options.checkpoint_interval);
  check(options.log_interval >= 1, "train: log_interval is {}, expected at least 1",
        options.log_interval);
  check(options.max_steps.value_or(1) >= 1, "train: max_steps is {}, expected at least 1",
        options.max_steps.value_or(1));
  return options;
}

LoaderOptions training_loader(const TrainerOptions& options) {
  return {.batch = options.recipe.images_per_pass(),
          .threads = options.loader_threads,
          .shuffle = true,
          .drop_last = true,
          .seed = options.recipe.seed};
}

LoaderOptions test_loader(const TrainerOptions& options) {
  return {.batch = options.recipe.images_per_pass(), .threads = options.loader_threads};
}

SgdOptimizerOptions optimizer_options(const Recipe& recipe) {
  return {.momentum = recipe.momentum,
          .nesterov = recipe.nesterov,
          .weight_decay = recipe.weight_decay};
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  check(!error, "{}: the output folder cannot be made: {}", folder.string(), error.message());
}

RunExtent extent(const TrainerOptions& options, const Loader& loader, std::int64_t images) {
  const std::int64_t steps_per_epoch = loader.batches() / options.recipe.accumulation;
  check(steps_per_epoch >= 1,
        "train: the data set has {} images, expected at least one full batch of {}", images,
        options.recipe.batch);
  const std::int64_t all_steps = options.recipe.epochs * steps_per_epoch;
  return {.epochs = options.recipe.epochs,
          .steps_per_epoch = steps_per_epoch,
          .last_step = std::min(all_steps, options.max_steps.value_or(all_steps))};
}

/// Of a step of the epoch under way, from 0.
double rate_of_step(std::int64_t step, const Recipe& recipe, const RunExtent& extent,
                    const TrainingState& state) {
  return learning_rate(recipe.schedule, {.epoch = state.epochs_done,
                                         .step = step,
                                         .epochs = recipe.epochs,
                                         .steps_per_epoch = extent.steps_per_epoch});
}

void check_can_be_resumed(const fs::path& folder) {
  check(fs::exists(status_of(folder / last_checkpoint_file)),
        "{}: there is no run to resume (no {})", folder.string(), last_checkpoint_file);
}

ImageCounts image_counts(const DatasetSplits& data) {
  return {.train = data.train->size(), .test = data.test->size()};
}

/// Whether all that the run in the folder has kept is its first checkpoint. Where that cannot be
/// told, the folder is left alone.
bool has_kept_no_step(const fs::path& folder) {
  if (fs::exists(status_of(folder / best_checkpoint_file))) return false;
  try {
    return load_last_checkpoint(folder).state.epoch() == 0;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

Checkpoint load_last_checkpoint(const fs::path& folder) {
  check_can_be_resumed(folder);
  return load_checkpoint(folder / last_checkpoint_file);
}

Trainer::Trainer(Module& model, DatasetSplits data, TrainerOptions options)
    : model_(model),
      device_(device_of(model)),
      data_(std::move(data)),
      options_(validated(std::move(options), data_)),
      normalization_(recipe_normalization(options_.recipe, data_)),
      train_loader_(data_.train, training_transform(options_.recipe, normalization_),
                    training_loader(options_)),
      test_loader_(data_.test, test_transform(options_.recipe, normalization_),
                   test_loader(options_)),
      batches_(train_loader_, device_),
      optimizer_(model_, optimizer_options(options_.recipe)),
      extent_(extent(options_, train_loader_, data_.train->size())),
      report_(extent_, options_.log_interval, options_.progress) {
  if (options_.resume) {
    resume_run();
  } else {
    begin_run();
  }
}

void Trainer::lock_folder() {
  lock_ = try_lock_folder(options_.output);
  check(lock_.valid(), "{}: another process is training in this folder", options_.output.string());
}

void Trainer::begin_run() {
  make_folder(options_.output);
  lock_folder();
  if (!has_kept_no_step(options_.output)) {
    for (const fs::path& path : {last_path(), best_path(), metrics_path()}) {
      check(!fs::exists(status_of(path)),
            "{}: the folder already holds a run ({}); resume it or name another",
            options_.output.string(), path.filename().string());
    }
  }
  model_.initialize(options_.recipe.seed);
  if (!options_.initial.empty()) {
    report_.line(fmt::format("warm start: {}", describe(warm_start(model_, options_.initial))));
    options_.initial.clear();
  }
  save(last_path());
  report_.open_files(options_.output);
}

void Trainer::resume_run() {
  check_can_be_resumed(options_.output);
  lock_folder();
  const Checkpoint checkpoint = load_checkpoint(last_path());
  check_continues(checkpoint);
  try {
    model_.load_state_dict(checkpoint.model);
    optimizer_.load_state_dict(checkpoint.optimizer);
  } catch (const Error& error) {
    fail("{}: {}", last_path().string(), error.what());
  }
  state_ = checkpoint.state;
  options_.initial_source = checkpoint.began_with;
  // An unbroken run would not make it where it trains on.
  state_.evaluation_due = state_.evaluation_due && evaluation_is_next();
  continue_files(checkpoint.recipe);
  report_.line(finished()
                   ? fmt::format("nothing is left to train after {} steps", steps_done())
                   : fmt::format("resuming {} after step {} of {}", epoch_label(extent_, state_),
                                 state_.steps_done, extent_.steps_per_epoch));
  if (finished()) return;
  forget_evaluation_within_epoch();
  warn_of_changes(checkpoint);
}

void Trainer::continue_files(const Recipe& recipe_so_far) {
  ResumePoint from{.step = steps_done(), .evaluation_due = state_.evaluation_due};
  if (from.evaluation_due) {
    from.learning_rate = rate_of_step(state_.steps_done - 1, recipe_so_far, extent_, state_);
  }
  report_.continue_files(options_.output, from);
}

void Trainer::check_continues(const Checkpoint& checkpoint) const {
  if (const auto difference = conflict(checkpoint.recipe, options_.recipe)) {
    fail("{}: cannot be continued with other settings: {} is {}, not {}{}", last_path().string(),
         difference->field, difference->first, difference->second,
         difference->field == "epochs" ? " (it may only grow)" : "");
  }
  const auto refuse = [&](std::string_view what) {
    fail("{}: cannot be continued with other data: {} of '{}' have changed", last_path().string(),
         what, options_.recipe.dataset);
  };
  const std::int64_t classes = std::ssize(data_.train->classes());
  if (checkpoint.classes != classes) {
    refuse(fmt::format("the classes ({}, {} before)", classes, checkpoint.classes));
  }
  // Their order, and where epochs end, depend on how many there are.
  const ImageCounts now = image_counts(data_), before = checkpoint.images.value_or(now);
  if (now != before) {
    refuse(fmt::format("the images ({} for training and {} for testing, {} and {} before)",
                       now.train, now.test, before.train, before.test));
  }
  const std::int64_t steps = checkpoint.state.steps_done;
  const bool is_within_epoch =
      steps < extent_.steps_per_epoch ||
      (steps == extent_.steps_per_epoch && checkpoint.state.evaluation_due);
  if (!(checkpoint.normalization == normalization_) || !is_within_epoch) refuse("the images");
}

void Trainer::warn_of_changes(const Checkpoint& checkpoint) {
  if (checkpoint.threads != num_threads()) {
    report_.warn(state_, fmt::format("threads: {} now, {} before; the numbers may differ in "
                                     "rounding from those of an unbroken run",
                                     num_threads(), checkpoint.threads));
  }
  // Names may come from a file that was not there before; but then labels may be others, too.
  const std::vector<std::string> classes = class_names(*data_.train);
  const auto [before, now] = std::ranges::mismatch(checkpoint.class_names, classes);
  if (before != checkpoint.class_names.end()) {
    report_.warn(state_, fmt::format("class {}: {:?} now, {:?} before; the run goes on as if that "
                                     "were the same class",
                                     now - classes.begin(), *now, *before));
  }
  const Recipe& recipe = options_.recipe;
  if (checkpoint.recipe.epochs != recipe.epochs && depends_on_epochs(recipe.schedule)) {
    report_.warn(state_,
                 fmt::format("epochs: {} now, {} before; from here on, the learning rate is "
                             "that of a run of {} epochs",
                             recipe.epochs, checkpoint.recipe.epochs, recipe.epochs));
  }
}

/// An unbroken run would not have made it. Its network is that of the last checkpoint, too, also
/// where a run was killed between the two files and only that of the best tells of it.
void Trainer::forget_evaluation_within_epoch() {
  if (state_.best && state_.best->steps == 0) return;
  state_.best.reset();
  std::error_code error;
  fs::remove(best_path(), error);
  check(!error, "{}: cannot be removed: {}", best_path().string(), error.message());
}

TrainingResult Trainer::run() {
  while (!finished()) run_epoch();
  // A finished run that is resumed has nothing to train, but its caller wants to know.
  if (!interrupted_ && !test_) {
    evaluate_model();
    if (interrupted_) {
      report_.line(fmt::format("stopped in the evaluation after {} steps; {} can be resumed",
                               steps_done(), options_.output.string()));
    }
  }
  return {.epochs = state_.epochs_done,
          .steps = steps_done(),
          .interrupted = interrupted_,
          .test = test_,
          .best = state_.best,
          .skipped_images = report_.skipped_images(),
          .seconds = report_.seconds(),
          .images_per_s = report_.images_per_second()};
}

/// Up to the next evaluation, and that one, or until the run is told to stop.
void Trainer::run_epoch() {
  if (!state_.evaluation_due) train_up_to_evaluation();
  if (!interrupted_) finish_with_evaluation();
  if (interrupted_) {
    report_.line(fmt::format("stopped in {} after step {} of {}; {} can be resumed",
                             epoch_label(extent_, state_), state_.steps_done,
                             extent_.steps_per_epoch, options_.output.string()));
  }
}

/// The checkpoint in front of the evaluation keeps the steps if that is stopped, or fails.
void Trainer::train_up_to_evaluation() {
  take_images("training", train_loader_, [this] { train_on_batches(); });
  report_.skipped(state_, "training", train_loader_.skipped());
  if (!evaluation_is_next()) return;
  // The loader says so itself, but only of its last batch, which steps of several may leave out.
  if (state_.steps_done == extent_.steps_per_epoch && state_.epoch_sums.images == 0) {
    fail("train: none of the images of an epoch could be read; the first: {}",
         train_loader_.skipped().named.front().message);
  }
  state_.evaluation_due = true;
  save_before_evaluation();
  last_batch_.reset();
}

void Trainer::finish_with_evaluation() {
  evaluate_model();
  if (interrupted_) return;
  state_.evaluation_due = false;
  const bool epoch_is_complete = state_.steps_done == extent_.steps_per_epoch;
  const bool is_best = note_best(epoch_is_complete);
  report_.evaluated(state_, *test_, is_best);
  check_health();
  if (epoch_is_complete) {
    ++state_.epochs_done;
    state_.steps_done = 0;
    state_.epoch_sums = {};
  }
  // The best one first: a run that is killed in between repeats the evaluation from the last one.
  if (is_best) save(best_path());
  save(last_path());
}

/// Does what takes the images of a loader. Where it fails, tells which ones could not be read: they
/// may be the reason.
void Trainer::take_images(std::string_view part, const Loader& loader,
                          const std::function<void()>& work) {
  try {
    work();
  } catch (...) {
    try {
      report_.skipped(state_, part, loader.skipped());
    } catch (const std::exception&) {  // what was wrong first tells more
    }
    throw;
  }
}

void Trainer::train_on_batches() {
  model_.train();
  batches_.start(state_.epochs_done, state_.steps_done * options_.recipe.accumulation);
  report_.start_training();
  while (state_.steps_done < extent_.steps_per_epoch && !finished()) {
    const StepReport step = train_step();
    ++state_.steps_done;
    state_.epoch_sums.add(step.mean_loss, step.correct, step.images);
    report_.step_done(state_, step);
    const bool saves = is_told_to_stop() || checkpoint_is_due();
    // The last step has a checkpoint in any case, as soon as all has been told of the training.
    if (saves && !evaluation_is_next()) save_before_evaluation();
  }
  report_.stop_training();
}

StepReport Trainer::train_step() {
  const std::int64_t passes = options_.recipe.accumulation;
  StepScope step(model_, passes);
  ClassificationSums sums;
  for (std::int64_t pass = 0; pass < passes; ++pass) {
    std::optional<Batch> batch = batches_.next();
    check(batch.has_value(), "train: the loader ended before the epoch");
    if (batch->size() == 0) continue;
    last_batch_ = std::move(batch);
    add_gradients(*last_batch_, sums);
  }
  step.finish();
  const double learning_rate = rate_of_step(state_.steps_done, options_.recipe, extent_, state_);
  // Without an image there are no gradients; with some that could not be read, the mean is over the
  // others.
  if (sums.images > 0) {
    optimizer_.step(learning_rate,
                    static_cast<double>(options_.recipe.batch) / static_cast<double>(sums.images));
  }
  return {.mean_loss = sums.mean_loss(),
          .correct = sums.correct,
          .images = sums.images,
          .learning_rate = learning_rate};
}

void Trainer::add_gradients(const Batch& batch, ClassificationSums& sums) {
  const Variable logits = model_(Variable(batch.images));
  Variable loss = autograd::softmax_cross_entropy(logits, batch.labels);
  loss.backward(share_of_step(batch.size()));
  const Tensor correct = count_correct(logits.value(), batch.labels, /*top=*/1);
  // A device has all of its work by now, and the host time for the next batch.
  batches_.prefetch();
  const double mean_loss = scalar(loss.value());
  check_finite(mean_loss, "the loss");
  sums.add(mean_loss, counts_on_host(correct).front(), batch.size());
}

/// The gradient of a mean over so many of the batch's images: parts need not be of one size. Kept,
/// since nearly all of them are.
const Tensor& Trainer::share_of_step(std::int64_t images) {
  if (share_images_ != images) {
    const double share = static_cast<double>(images) / static_cast<double>(options_.recipe.batch);
    share_ = Tensor::full(Shape{}, static_cast<float>(share), device_);
    share_images_ = images;
  }
  return share_;
}

void Trainer::evaluate_model() {
  check_state_is_finite();
  take_images("test", test_loader_, [this] {
    const ClassificationSums test = evaluate(
        model_, test_loader_,
        [this](const ClassificationSums& sums) {
          report_.evaluating(sums, test_loader_.images(), options_.recipe.images_per_pass());
        },
        [this] { return is_told_to_stop(); });
    if (!interrupted_) test_ = test;
  });
  if (interrupted_) {
    // Their number is for the evaluation that is made in full.
    report_.name_skipped("test", test_loader_.skipped());
    return;
  }
  report_.skipped(state_, "test", test_loader_.skipped());
  check_finite(test_->mean_loss(), "the test loss");
}

/// Whether the last evaluation is the best so far, which it then is from now on. One within an
/// epoch must not compete: an unbroken run would not have made it.
bool Trainer::note_best(bool epoch_is_complete) {
  const double accuracy = test_->accuracy();
  if (state_.best && (!epoch_is_complete || accuracy <= state_.best->accuracy)) return false;
  state_.best = {.accuracy = accuracy,
                 .epoch = state_.epochs_done + 1,
                 .steps = epoch_is_complete ? 0 : state_.steps_done};
  return true;
}

void Trainer::check_health() {
  if (!options_.health_check) return;
  for (const std::string& warning : options_.health_check(model_)) report_.warn(state_, warning);
}

void Trainer::check_finite(double value, std::string_view what) const {
  // Processors give a NaN a sign, which means nothing.
  const double shown = std::isnan(value) ? std::abs(value) : value;
  check(std::isfinite(value),
        "train: {} is {} after {} steps; the checkpoints written before are kept; a smaller "
        "learning rate may help",
        what, shown, steps_done());
}

void Trainer::check_state_is_finite() const {
  for (const StateDict& state : {model_.state_dict(), optimizer_.state_dict()}) {
    const auto found = find_non_finite(state);
    if (found) check_finite(found->value, fmt::format("a value of '{}'", found->name));
  }
}

bool Trainer::checkpoint_is_due() const {
  return options_.checkpoint_interval > 0 && steps_done() % options_.checkpoint_interval == 0;
}

/// Finite weights can be so large that everything behind them is not, and no evaluation has told
/// yet: the images at hand do.
void Trainer::save_before_evaluation() {
  // Without a batch there was no step: the network is still that of the last checkpoint.
  if (last_batch_) {
    check_state_is_finite();
    check_finite(evaluate(model_, *last_batch_).mean_loss(), "the loss");
    save(last_path());
  }
  // Who goes on from the checkpoint does not meet them again.
  report_.name_skipped("training", train_loader_.skipped());
}

void Trainer::save(const fs::path& path) const {
  save_checkpoint(path, {.recipe = options_.recipe,
                         .classes = std::ssize(data_.train->classes()),
                         .class_names = class_names(*data_.train),
                         .images = image_counts(data_),
                         .began_with = options_.initial_source,
                         .normalization = normalization_,
                         .state = state_,
                         .threads = num_threads(),
                         .model = model_.state_dict(),
                         .optimizer = optimizer_.state_dict()});
}

bool Trainer::is_told_to_stop() {
  interrupted_ = interrupted_ || (options_.stop_requested && options_.stop_requested());
  return interrupted_;
}

bool Trainer::evaluation_is_next() const {
  return state_.steps_done == extent_.steps_per_epoch || steps_done() >= extent_.last_step;
}

bool Trainer::finished() const {
  return interrupted_ || (steps_done() >= extent_.last_step && !state_.evaluation_due);
}

fs::path Trainer::last_path() const { return options_.output / last_checkpoint_file; }
fs::path Trainer::best_path() const { return options_.output / best_checkpoint_file; }
fs::path Trainer::metrics_path() const { return options_.output / metrics_file; }

}  // namespace lq
