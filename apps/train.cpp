#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "apps/command_line.h"
#include "apps/commands.h"
#include "apps/compute_options.h"
#include "apps/descriptions.h"
#include "apps/initial_values.h"
#include "apps/json_report.h"
#include "apps/loader_options.h"
#include "apps/network_options.h"
#include "apps/option_spec.h"
#include "apps/recipe_options.h"
#include "apps/run_files.h"
#include "apps/text_table.h"
#include "core/io/diagnostics.h"
#include "core/io/progress.h"
#include "core/threads.h"
#include "models/model.h"
#include "train/augment.h"
#include "train/interrupt.h"
#include "train/trainer.h"

namespace lq::apps {

namespace {

namespace fs = std::filesystem;

struct TrainCommand {
  RecipeOptions recipe;
  fs::path data;
  fs::path out;   ///< empty: default_run_folder()
  fs::path init;  ///< empty: no warm start
  bool resume = false;
  std::optional<std::int64_t> max_steps;
  std::int64_t checkpoint_interval = 0;
  std::optional<int> loader_threads;
  bool bit_forward = false;
  ComputeOptions compute;
  bool json = false;
};

/// What is trained, and where it is kept.
struct Run {
  Recipe recipe;
  ModelOptions network;
  fs::path folder;
};

Recipe recipe_for(const TrainCommand& command, const fs::path& folder) {
  return command.resume
             ? resumed_recipe(command.recipe, load_last_checkpoint(folder).recipe, folder)
             : requested_recipe(command.recipe);
}

/// A batch that the images cannot fill is refused in any case; here it is known whose fault it is.
void check_batch(const RecipeOptions& options, const Recipe& recipe, const Dataset& images) {
  if (recipe.batch <= images.size()) return;
  if (!is_given(options, "--batch")) {
    fail(
        "train: recipe {} has batches of {}, but {} has {} training images; give a smaller --batch",
        recipe.name, recipe.batch, recipe.dataset, images.size());
  }
  throw CLI::ValidationError("--batch", fmt::format("{} given, but {} has {} training images",
                                                    recipe.batch, recipe.dataset, images.size()));
}

/// Images of a data set that was given may not be what the recipe takes.
Shape input_for(const RecipeOptions& options, const Recipe& recipe, const Dataset& images) {
  Shape input;
  const auto find_input = [&] { input = input_shape(recipe, images.image_shape()); };
  if (is_given(options, "--dataset")) {
    as_usage_error("--dataset", find_input);
  } else {
    find_input();
  }
  return input;
}

void announce(const Run& run, const DatasetSplits& data, const std::string& machine) {
  print_diagnostic(
      "{} on {}: {} training and {} test images, {}, {}, into {}\n"
      "computed on {}\n",
      describe_network(run.recipe.model, run.network), run.recipe.dataset, data.train->size(),
      data.test->size(), counted(run.recipe.epochs, "epoch"), counted(num_threads(), "thread"),
      run.folder.string(), machine);
}

void print_json(const TrainingResult& result, const Run& run, const std::string& machine) {
  nlohmann::ordered_json report = network_json(run.recipe.model, run.network);
  report["out"] = run.folder.string();
  report.update(recipe_json(run.recipe));
  report["threads"] = num_threads();
  report["device"] = machine;
  report["epochs_done"] = result.epochs;
  report["steps"] = result.steps;
  report["interrupted"] = result.interrupted;
  report["test_accuracy"] = nullptr;
  report["test_top5_accuracy"] = nullptr;
  report["test_loss"] = nullptr;
  if (result.test) {
    report["test_accuracy"] = result.test->accuracy();
    report["test_top5_accuracy"] = result.test->top5_accuracy();
    report["test_loss"] = result.test->mean_loss();
  }
  report.update(best_json(result.best));
  report["skipped_images"] = result.skipped_images;
  report["seconds"] = result.seconds;
  report["images_per_s"] = result.images_per_s;
  print_report(report);
}

void print_text(const TrainingResult& result, const Run& run) {
  if (result.test) {
    fmt::print("test accuracy  {:.2f} %; top 5: {:.2f} %\n", 100 * result.test->accuracy(),
               100 * result.test->top5_accuracy());
    fmt::print("test loss      {:.4f}\n", result.test->mean_loss());
  }
  if (result.best) {
    fmt::print("best accuracy  {:.2f} % ({})\n", 100 * result.best->accuracy,
               describe_best(*result.best, run.recipe.epochs));
  }
  fmt::print("trained        {}, {} done, {} ({:.0f} images/s)\n", counted(result.steps, "step"),
             counted(result.epochs, "epoch"), format_duration(result.seconds), result.images_per_s);
  fmt::print("run            {}\n", run.folder.string());
}

TrainingResult train(const TrainCommand& command, const Run& run, Module& model,
                     const DatasetSplits& data, const std::string& machine) {
  const InterruptScope interrupts;
  Trainer trainer(
      model, data,
      {.recipe = run.recipe,
       .output = run.folder,
       .resume = command.resume,
       .initial =
           command.init.empty() ? StateDict() : initial_values(command.init, run.recipe, model),
       .initial_source = command.init.string(),
       .loader_threads = loader_threads(command.loader_threads, *data.train),
       .max_steps = command.max_steps,
       .checkpoint_interval = command.checkpoint_interval,
       .stop_requested = InterruptScope::requested,
       .health_check = quantizer_warnings});
  announce(run, data, machine);
  return trainer.run();
}

void run(const TrainCommand& command) {
  const Device device = apply(command.compute);
  // Before there is a folder: a library that is asked for may be missing.
  const std::string machine = describe_training(device);
  Run run;
  run.folder = command.out.empty() ? default_run_folder(command.recipe) : command.out;
  run.recipe = recipe_for(command, run.folder);
  const DatasetSplits data = open_dataset(run.recipe, command.data);
  warn(data.warning);
  check_batch(command.recipe, run.recipe, *data.train);
  run.network = model_options(run.recipe, std::ssize(data.train->classes()),
                              input_for(command.recipe, run.recipe, *data.train));
  run.network.bit_forward = command.bit_forward;
  const std::unique_ptr<Module> model = make_model(run.recipe.model, run.network);
  model->to(device);
  const TrainingResult result = train(command, run, *model, data, machine);
  if (command.json) {
    print_json(result, run, machine);
  } else {
    print_text(result, run);
  }
  if (result.interrupted) exit_with(interrupted);
}

void add_run_options(CLI::App& app, TrainCommand& command) {
  constexpr const char* group = "Run";
  add_data_option(app, command.data)->group(group);
  add_option(app,
             {"--out", "FOLDER",
              "Folder of the run (default: runs/<recipe>-w<N>a<N>, with a model, variant,\n"
              "quantizer or data set that is not the recipe's in between)",
              some_path(), group},
             command.out);
  CLI::Option* init =
      add_option(app,
                 {"--init", "PATH",
                  "Begin with what another run of the same network has learned, with bits of its\n"
                  "own: its folder, a checkpoint, or a packed network (*.lqn)",
                  some_path(), group},
                 command.init);
  app.add_flag("--resume", command.resume,
               "Go on with the run in that folder by its own recipe; the result is the same as\n"
               "without the break")
      ->group(group)
      ->excludes(init);
  add_option(
      app,
      {"--max-steps", "N", "End after this many steps in all, for trials", whole_number(1), group},
      command.max_steps);
  add_option(app,
             {"--checkpoint-every", "N",
              "Steps between checkpoints within an epoch (0: at the ends of epochs only)",
              whole_number(0), group},
             command.checkpoint_interval)
      ->capture_default_str();
  app.add_flag("--json", command.json, "Print the result as JSON")->group(group);
  add_options(app, command.compute);
  add_loader_threads_option(app, command.loader_threads);
  app.add_flag("--bit-forward", command.bit_forward, bit_forward_description)->group("Machine");
}

}  // namespace

void add_train_command(CLI::App& app) {
  auto command = std::make_shared<TrainCommand>();
  CLI::App* train = app.add_subcommand(
      "train",
      "Train a network by a recipe.\n"
      "Options that are not given keep the recipe's values. The folder of the run gets\n"
      "best.safetensors, last.safetensors and metrics.jsonl, and skipped_images.txt where images\n"
      "cannot be read. Ctrl-C stops a run in such a way that --resume can go on with it.");
  add_options(*train, command->recipe);
  add_run_options(*train, *command);
  train->callback([command] { run(*command); });
}

}  // namespace lq::apps
