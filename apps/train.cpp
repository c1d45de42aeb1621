#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "apps/command_line.h"
#include "apps/commands.h"
#include "apps/compute_options.h"
#include "apps/run_files.h"
#include "core/error.h"
#include "core/threads.h"
#include "data/dataset_registry.h"
#include "models/model.h"
#include "train/interrupt.h"
#include "train/progress.h"
#include "train/trainer.h"

namespace lq::apps {

namespace {

namespace fs = std::filesystem;

/// What the user gave; whatever is absent comes from the recipe.
struct TrainCommand {
  std::optional<std::string> recipe;
  std::optional<std::string> model;
  std::optional<int> w_bits;
  std::optional<int> a_bits;
  std::optional<std::string> quantizer;
  std::optional<std::string> dataset;
  fs::path data;
  std::optional<std::int64_t> epochs;
  std::optional<std::int64_t> batch;
  std::optional<double> learning_rate;
  std::optional<double> weight_decay;
  std::optional<std::uint64_t> seed;
  std::optional<std::int64_t> max_steps;
  fs::path out;
  bool resume = false;
  std::int64_t checkpoint_interval = 0;
  int loader_threads = 1;
  ComputeOptions compute;
  bool json = false;
};

template <typename T>
void replace(T& field, const std::optional<T>& given) {
  if (given) field = *given;
}

/// A resumed run goes on with its own recipe unless another one is named.
Recipe base_recipe(const TrainCommand& command) {
  if (command.recipe) return find_recipe(*command.recipe);
  const fs::path last = command.out / "last.safetensors";
  if (command.resume && fs::exists(last)) return load_checkpoint(last).recipe;
  return find_recipe(recipe_names().front());
}

Recipe chosen_recipe(const TrainCommand& command) {
  Recipe recipe = base_recipe(command);
  replace(recipe.model, command.model);
  replace(recipe.w_bits, command.w_bits);
  replace(recipe.a_bits, command.a_bits);
  replace(recipe.quantizer, command.quantizer);
  replace(recipe.dataset, command.dataset);
  replace(recipe.epochs, command.epochs);
  replace(recipe.batch, command.batch);
  replace(recipe.schedule.base_rate, command.learning_rate);
  replace(recipe.weight_decay, command.weight_decay);
  replace(recipe.seed, command.seed);
  if (!dataset_info(recipe.dataset).mirror_symmetric) recipe.flip = false;
  return recipe;
}

fs::path output_folder(const TrainCommand& command, const Recipe& recipe) {
  if (!command.out.empty()) return command.out;
  return fs::path("runs") / fmt::format("{}-w{}a{}", recipe.name, recipe.w_bits, recipe.a_bits);
}

ModelOptions network_for(const Recipe& recipe, const Dataset& images) {
  return {.w_bits = recipe.w_bits,
          .a_bits = recipe.a_bits,
          .quantizer = recipe.quantizer,
          .classes = std::ssize(images.classes()),
          .input = images.image_shape()};
}

void announce(const Recipe& recipe, const ModelOptions& network, const DatasetSplits& data,
              const fs::path& out) {
  fmt::print(stderr, "{} on {}: {} training and {} test images, {} epochs, {} threads, into {}\n",
             describe_network(recipe.model, network), recipe.dataset, data.train->size(),
             data.test->size(), recipe.epochs, num_threads(), out.string());
}

void print_json(const TrainingResult& result, const Recipe& recipe, const fs::path& out) {
  nlohmann::ordered_json report{{"out", out.string()},
                                {"recipe", recipe.name},
                                {"model", recipe.model},
                                {"w_bits", recipe.w_bits},
                                {"a_bits", recipe.a_bits},
                                {"epochs", result.epochs},
                                {"steps", result.steps},
                                {"interrupted", result.interrupted},
                                {"test_accuracy", nullptr},
                                {"test_loss", nullptr},
                                {"best_accuracy", nullptr},
                                {"seconds", result.seconds},
                                {"images_per_s", result.images_per_s}};
  if (result.test) {
    report["test_accuracy"] = result.test->accuracy();
    report["test_loss"] = result.test->mean_loss();
  }
  if (result.best_accuracy) report["best_accuracy"] = *result.best_accuracy;
  fmt::print("{}\n", report.dump(2));
}

void print_text(const TrainingResult& result, const fs::path& out) {
  if (result.test) {
    fmt::print("test accuracy  {:.2f} %\n", 100 * result.test->accuracy());
    fmt::print("test loss      {:.4f}\n", result.test->mean_loss());
  }
  if (result.best_accuracy) {
    fmt::print("best accuracy  {:.2f} %\n", 100 * *result.best_accuracy);
  }
  fmt::print("trained        {} steps, {} epochs done, {} ({:.0f} images/s)\n", result.steps,
             result.epochs, format_duration(result.seconds), result.images_per_s);
  fmt::print("run            {}\n", out.string());
}

void run(const TrainCommand& command) {
  apply(command.compute);
  const Recipe recipe = chosen_recipe(command);
  validate(recipe);
  const fs::path out = output_folder(command, recipe);
  const DatasetSplits data = open_dataset(recipe.dataset, command.data);
  const ModelOptions network = network_for(recipe, *data.train);
  const std::unique_ptr<Module> model = make_model(recipe.model, network);

  const InterruptScope interrupts;
  Trainer trainer(*model, data,
                  {.recipe = recipe,
                   .output = out,
                   .resume = command.resume,
                   .loader_threads = command.loader_threads,
                   .max_steps = command.max_steps,
                   .checkpoint_interval = command.checkpoint_interval,
                   .stop_requested = InterruptScope::requested,
                   .health_check = quantizer_warnings});
  announce(recipe, network, data, out);
  const TrainingResult result = trainer.run();
  if (command.json) {
    print_json(result, recipe, out);
  } else {
    print_text(result, out);
  }
  if (result.interrupted) exit_with(interrupted);
}

void add_network_options(CLI::App& app, TrainCommand& command) {
  app.add_option("--model", command.model, "Network")->type_name("NAME")->group("Network");
  app.add_option("--w-bits", command.w_bits, "Bits of weights: 1 to 8, or 32 for floating point")
      ->type_name("N")
      ->group("Network");
  app.add_option("--a-bits", command.a_bits, "Bits of activations: the same")
      ->type_name("N")
      ->group("Network");
  app.add_option("--quantizer", command.quantizer,
                 fmt::format("Kind of quantizer: {}", fmt::join(quantizer_kinds(), ", ")))
      ->type_name("NAME")
      ->group("Network");
}

void add_training_options(CLI::App& app, TrainCommand& command) {
  auto add = [&app](const char* name, auto& field, const char* type, const char* description) {
    return app.add_option(name, field, description)->type_name(type)->group("Training");
  };
  add("--dataset", command.dataset, "NAME", "Data set");
  add("--epochs", command.epochs, "N", "Passes over the training images");
  add("--batch", command.batch, "N", "Images per step");
  add("--lr", command.learning_rate, "RATE", "Base learning rate of the schedule");
  add("--weight-decay", command.weight_decay, "FACTOR",
      "L2 on convolution and fully connected weights");
  add("--seed", command.seed, "N", "Seed of initial weights, order and augmentation")
      ->check(CLI::NonNegativeNumber);
  add("--max-steps", command.max_steps, "N", "End after this many steps in all, for trials");
}

void add_run_options(CLI::App& app, TrainCommand& command) {
  add_data_option(app, command.data)->group("Run");
  app.add_option("--out", command.out, "Folder of the run (default: runs/<recipe>-w<N>a<N>)")
      ->type_name("FOLDER")
      ->group("Run");
  app.add_flag("--resume", command.resume,
               "Go on with the run in that folder; the result is the same as without the break")
      ->group("Run");
  app.add_option("--checkpoint-every", command.checkpoint_interval,
                 "Steps between checkpoints within an epoch (0: at the ends of epochs only)")
      ->type_name("N")
      ->capture_default_str()
      ->group("Run");
  app.add_flag("--json", command.json, "Print the result as JSON")->group("Run");
  add_options(app, command.compute);
  app.add_option("--loader-threads", command.loader_threads,
                 "Threads that prepare images (0: in turn with the computing)")
      ->type_name("N")
      ->capture_default_str()
      ->group("Machine");
}

}  // namespace

void add_train_command(CLI::App& app) {
  auto command = std::make_shared<TrainCommand>();
  CLI::App* train = app.add_subcommand(
      "train",
      "Train a network by a recipe.\n"
      "Options that are not given keep the recipe's values. The folder of the run gets\n"
      "best.safetensors, last.safetensors and metrics.jsonl. Ctrl-C stops a run in such a way\n"
      "that --resume can go on with it.");
  train
      ->add_option("--recipe", command->recipe,
                   fmt::format("Recipe, see lqnet recipes (default: {})", recipe_names().front()))
      ->type_name("NAME")
      ->group("Recipe");
  add_network_options(*train, *command);
  add_training_options(*train, *command);
  add_run_options(*train, *command);
  train->callback([command] { run(*command); });
}

}  // namespace lq::apps
