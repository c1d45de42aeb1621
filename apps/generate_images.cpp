#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <system_error>

#include "apps/commands.h"
#include "apps/json_report.h"
#include "apps/option_spec.h"
#include "core/error.h"
#include "core/io/file.h"
#include "core/io/progress.h"
#include "data/synthetic_photographs.h"

namespace lq::apps {

namespace {

namespace fs = std::filesystem;

struct GenerateImagesCommand {
  fs::path out;
  PhotographOptions photographs{.classes = 10, .train_images = 50, .val_images = 10};
  bool json = false;
};

void run(const GenerateImagesCommand& command) {
  // Images of an earlier call would be images of this one's classes.
  const fs::file_status status = status_of(command.out);
  if (fs::exists(status)) {
    std::error_code error;
    check(fs::is_directory(status), "{}: not a folder", command.out.string());
    const bool is_empty = fs::is_empty(command.out, error);
    check(!error, "{}: cannot be read: {}", command.out.string(), error.message());
    check(is_empty, "{}: the folder is not empty", command.out.string());
  }
  PhotographOptions options = command.photographs;
  Progress progress;
  constexpr std::int64_t redraw = 10;
  options.on_image = [&](std::int64_t done, std::int64_t all) {
    if (done % redraw != 0) return;
    progress.update({.label = "images", .step = done, .steps = all, .bar_only = true});
  };
  write_photographs(command.out, options);
  progress.clear();
  const std::int64_t train_images = options.classes * options.train_images;
  const std::int64_t val_images = options.classes * options.val_images;
  if (command.json) {
    print_report({{"out", command.out.string()},
                  {"classes", options.classes},
                  {"train_images", train_images},
                  {"val_images", val_images}});
  } else {
    fmt::print("images  {}: {} for training and {} for validation, of {} classes\n",
               command.out.string(), train_images, val_images, options.classes);
  }
}

}  // namespace

void add_generate_images_command(CLI::App& app) {
  auto command = std::make_shared<GenerateImagesCommand>();
  CLI::App* generate = app.add_subcommand(
      "generate-images",
      "Write made-up JPEG files in ImageNet's layout, to try its recipes without it.");
  add_option(
      *generate,
      {"--out", "FOLDER", "Folder for the images; made when missing, else empty", some_path()},
      command->out)
      ->required();
  const auto add = [generate](const char* name, auto& field, const char* description) {
    add_option(*generate, {name, "N", description, whole_number(1, 100'000)}, field)
        ->capture_default_str();
  };
  add("--classes", command->photographs.classes, "Classes");
  add("--images", command->photographs.train_images, "Training images of each class");
  add("--val-images", command->photographs.val_images, "Validation images of each class");
  generate->add_flag("--json", command->json, "Print the result as JSON");
  generate->callback([command] { run(*command); });
}

}  // namespace lq::apps
