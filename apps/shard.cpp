#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/json_report.h"
#include "apps/option_spec.h"
#include "apps/run_files.h"
#include "core/io/progress.h"
#include "data/shards.h"

namespace lq::apps {

namespace {

namespace fs = std::filesystem;

struct ShardCommand {
  fs::path data;
  fs::path out;
  std::uint64_t shard_mib = 1024;
  bool json = false;
};

void run(const ShardCommand& command) {
  Progress progress;
  constexpr std::int64_t redraw = 1000;
  const ShardResult result = write_shards(
      command.data, command.out,
      {.shard_bytes = command.shard_mib << 20,
       .on_image = [&](std::int64_t done, std::int64_t all) {
         if (done % redraw != 0) return;
         progress.update({.label = "shards", .step = done, .steps = all, .bar_only = true});
       }});
  progress.clear();
  warn(result.warning);
  // Labels and order stay those of the folder.
  warn_of_skipped(result.skipped, "packed", "given a place without content");
  // What was written is what is counted.
  const DatasetSplits packed = open_shards(command.out);
  if (command.json) {
    print_report({{"out", command.out.string()},
                  {"classes", packed.train->classes().size()},
                  {"train_images", packed.train->size()},
                  {"val_images", packed.test->size()},
                  {"skipped_images", result.skipped.count}});
  } else {
    fmt::print("shards      {}: {} training and {} validation images of {} classes\n",
               command.out.string(), packed.train->size(), packed.test->size(),
               packed.train->classes().size());
    if (result.skipped.count > 0) {
      fmt::print("unreadable  {} of them, which will be left out\n", result.skipped.count);
    }
  }
}

}  // namespace

void add_shard_command(CLI::App& app) {
  auto command = std::make_shared<ShardCommand>();
  CLI::App* shard = app.add_subcommand(
      "shard", "Pack a folder of images by class into a few large files, as --data takes them.");
  add_option(
      *shard,
      {"--data", "FOLDER", "Folder of images in ImageNet's layout: train and val", some_path()},
      command->data)
      ->required();
  add_option(*shard, {"--out", "FOLDER", "Folder for the shards; made when missing", some_path()},
             command->out)
      ->required();
  add_option(
      *shard,
      {"--shard-size", "MIB", "Size at which a shard is closed, in MiB", whole_number(1, 1 << 20)},
      command->shard_mib)
      ->capture_default_str();
  shard->add_flag("--json", command->json, "Print the result as JSON");
  shard->callback([command] { run(*command); });
}

}  // namespace lq::apps
