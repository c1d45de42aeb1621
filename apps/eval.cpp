#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/commands.h"
#include "apps/compute_options.h"
#include "apps/descriptions.h"
#include "apps/json_report.h"
#include "apps/loader_options.h"
#include "apps/option_spec.h"
#include "apps/run_files.h"
#include "core/io/progress.h"
#include "train/evaluation.h"
#include "train/rate_meter.h"

namespace lq::apps {

namespace {

namespace fs = std::filesystem;

struct EvalCommand {
  fs::path checkpoint;
  fs::path data;
  std::optional<std::int64_t> batch;
  std::optional<int> loader_threads;
  ComputeOptions compute;
  bool json = false;
};

ClassificationSums evaluate_with_progress(Module& model, Loader& loader) {
  const SkippedWarningScope skipped(loader);
  Progress progress;
  RateMeter rate;
  ProgressState state{.label = "evaluation", .steps = loader.batches(), .bar_only = true};
  return evaluate(model, loader, [&](const ClassificationSums& sums) {
    ++state.step;
    rate.add(sums.images - rate.count());
    state.loss = sums.mean_loss();
    state.accuracy = sums.accuracy();
    state.images_per_s = rate.per_second();
    progress.update(state);
  });
}

void print_json(const ClassificationSums& sums, const SkippedImages& skipped,
                const Checkpoint& checkpoint, const fs::path& path, const std::string& machine) {
  nlohmann::ordered_json report{{"checkpoint", path.string()}};
  report.update(network_json(checkpoint.recipe.model, model_options(checkpoint)));
  report["training"] = training_json(checkpoint);
  report["dataset"] = checkpoint.recipe.dataset;
  report["accuracy"] = sums.accuracy();
  report["top5_accuracy"] = sums.top5_accuracy();
  report["loss"] = sums.mean_loss();
  report["correct"] = sums.correct;
  report["count"] = sums.images;
  report["published"] = published_json(published_accuracy(checkpoint.recipe, checkpoint.classes));
  report["skipped_images"] = skipped.count;
  report["device"] = machine;
  print_report(report);
}

void print_text(const ClassificationSums& sums, const Checkpoint& checkpoint, const fs::path& path,
                const std::string& machine) {
  fmt::print("checkpoint  {} ({})\n", path.string(),
             describe_network(checkpoint.recipe.model, model_options(checkpoint)));
  fmt::print("recipe      {}\n", describe_recipe(checkpoint.recipe));
  fmt::print("trained     {}\n", describe_epoch(checkpoint));
  fmt::print("accuracy    {:.2f} % ({} of {} test images of {}); top 5: {:.2f} %\n",
             100 * sums.accuracy(), sums.correct, sums.images, checkpoint.recipe.dataset,
             100 * sums.top5_accuracy());
  if (const auto published = published_accuracy(checkpoint.recipe, checkpoint.classes)) {
    fmt::print("paper       {} %\n", published_text(published));
  }
  fmt::print("loss        {:.4f}\n", sums.mean_loss());
  fmt::print("computed    on {}\n", machine);
}

void run(const EvalCommand& command) {
  const Device device = apply(command.compute);
  const std::string machine = describe_training(device);
  const TrainedNetwork network = load_network(command.checkpoint);
  network.model->to(device);
  const std::shared_ptr<const Dataset> images = test_images(network, command.data);
  Loader loader =
      test_loader(network, images,
                  {.batch = command.batch.value_or(network.checkpoint.recipe.images_per_pass()),
                   .threads = loader_threads(command.loader_threads, *images)});
  const ClassificationSums sums = evaluate_with_progress(*network.model, loader);
  if (command.json) {
    print_json(sums, loader.skipped(), network.checkpoint, network.path, machine);
  } else {
    print_text(sums, network.checkpoint, network.path, machine);
  }
}

}  // namespace

void add_eval_command(CLI::App& app) {
  auto command = std::make_shared<EvalCommand>();
  CLI::App* eval =
      app.add_subcommand("eval", "Measure a trained network on its data set's test images.");
  add_checkpoint_option(*eval, command->checkpoint)->required();
  add_data_option(*eval, command->data);
  add_option(*eval, {"--batch", "N", "Images per pass (default: as in training)", whole_number(1)},
             command->batch);
  eval->add_flag("--json", command->json, "Print the result as JSON");
  add_options(*eval, command->compute);
  add_loader_threads_option(*eval, command->loader_threads);
  eval->callback([command] { run(*command); });
}

}  // namespace lq::apps
