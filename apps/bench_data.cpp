#include <fmt/format.h>
#include <stdlib.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <system_error>

#include "apps/bench_commands.h"
#include "apps/command_line.h"
#include "apps/commands.h"
#include "apps/json_report.h"
#include "apps/option_spec.h"
#include "apps/run_files.h"
#include "apps/text_table.h"
#include "bench/data_pipeline.h"
#include "core/error.h"
#include "data/dataset_registry.h"
#include "data/resize_transforms.h"
#include "data/synthetic_photographs.h"
#include "train/interrupt.h"

namespace lq::apps {

namespace {

namespace fs = std::filesystem;

constexpr const char* made_up = "synthetic";

struct BenchDataCommand {
  fs::path data = made_up;
  bench::DataPipelineOptions options;
  bool json = false;
};

/// A folder for made-up photographs, which is there while the object lives. Meanwhile Ctrl-C does
/// not end the program at once: see end_if_interrupted().
class PhotographFolder {
 public:
  PhotographFolder() {
    std::error_code error;
    const fs::path temporary = fs::temp_directory_path(error);
    check(!error, "bench data: TMPDIR is no folder for made-up images: {}", error.message());
    std::string name = (temporary / "lqnet_photographs_XXXXXX").string();
    check(mkdtemp(name.data()) != nullptr, "{}: no temporary folder could be made: {}", name,
          std::generic_category().message(errno));
    path_ = name;
  }
  ~PhotographFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  PhotographFolder(const PhotographFolder&) = delete;
  PhotographFolder& operator=(const PhotographFolder&) = delete;

  const fs::path& path() const { return path_; }

 private:
  const InterruptScope interrupts_;
  fs::path path_;
};

/// Unlike a signal, an exception lets the folder be removed.
void end_if_interrupted() {
  if (InterruptScope::requested()) exit_with(interrupted);
}

void fill(const PhotographFolder& folder, std::int64_t images) {
  write_photographs(folder.path(), {.classes = 1,
                                    .train_images = images,
                                    .val_images = 1,
                                    .on_image = [](auto, auto) { end_if_interrupted(); }});
}

std::vector<bench::DataPath> data_paths() {
  const ResizeOptions resize;
  ResizeOptions opencv;
  opencv.interpolation = Interpolation::bicubic_opencv;
  return {{"evaluation: centre crop", std::make_shared<CentreCropTransform>(resize)},
          {"plain training: random crop", std::make_shared<RandomCropTransform>(resize, true)},
          {"plain, as OpenCV scales", std::make_shared<RandomCropTransform>(opencv, true)},
          {"augmented training",
           std::make_shared<RandomResizedCropTransform>(resize, ColourJitterOptions{}, true)},
          {"augmented, official style",
           std::make_shared<RandomResizedCropTransform>(
               opencv, ColourJitterOptions{.style = AugmentationStyle::official}, true)}};
}

void print_json(const bench::DataPipelineTiming& timing, const BenchDataCommand& command) {
  nlohmann::ordered_json report{{"data", command.data.string()},
                                {"images", timing.images},
                                {"skipped_images", timing.skipped.count},
                                {"mean_bytes", timing.mean_bytes},
                                {"threads", command.options.threads},
                                {"rounds", command.options.rounds},
                                {"decoding_images_per_s", timing.decoding_rate}};
  for (const bench::PathRate& path : timing.paths) {
    report["paths"].push_back(
        {{"name", path.name},
         {"images_per_s", path.images_per_s},
         {"images_per_s_and_thread", path.images_per_s / command.options.threads},
         {"of_decoding", path.of_decoding},
         {"region_decoding_images_per_s", path.region_decoding_rate},
         {"of_region_decoding", path.of_region_decoding}});
  }
  print_report(report);
}

void print_text(const bench::DataPipelineTiming& timing, const BenchDataCommand& command) {
  const int threads = command.options.threads;
  TextTable table({{"from files to batches", TextTable::Align::left},
                   {"images/s"},
                   {"per thread"},
                   {"of decoding"},
                   {"of same regions"}});
  const auto add = [&](const std::string& name, double rate, double share,
                       const std::string& region_share) {
    table.add_row({name, fmt::format("{:.0f}", rate), fmt::format("{:.0f}", rate / threads),
                   fmt::format("{:.0f} %", 100 * share), region_share});
  };
  add("decoding alone, whole images", timing.decoding_rate, 1.0, "");
  for (const bench::PathRate& path : timing.paths) {
    add(path.name, path.images_per_s, path.of_decoding,
        fmt::format("{:.0f} %", 100 * path.of_region_decoding));
  }
  fmt::print("{}", table.str());
  fmt::print("{} images of {:.0f} kB; {}, {} in turns, medians\n", timing.images,
             timing.mean_bytes / 1000, counted(threads, "thread"),
             counted(command.options.rounds, "round"));
}

void run(const BenchDataCommand& command) {
  std::optional<PhotographFolder> photographs;
  bench::DataPipelineOptions options = command.options;
  if (command.data == made_up) {
    fill(photographs.emplace(), options.images);
    options.meanwhile = end_if_interrupted;
  }
  const DatasetSplits data =
      open_dataset("image-folder", photographs ? photographs->path() : command.data);
  warn(data.warning);
  const bench::DataPipelineTiming timing =
      bench::time_data_pipeline(data.train, data_paths(), options);
  warn_of_skipped(timing.skipped, "training");
  if (command.json) {
    print_json(timing, command);
  } else {
    print_text(timing, command);
  }
}

}  // namespace

void add_bench_data_command(CLI::App& bench) {
  auto command = std::make_shared<BenchDataCommand>();
  CLI::App* data = bench.add_subcommand(
      "data",
      "Time the way of images from JPEG files to batches, against decoding alone.\n"
      "All ways take turns on the same files, by as many threads.");
  data->group("Commands");
  add_option(*data,
             {"--data", "FOLDER",
              "Folder of images in ImageNet's layout, or of shards; synthetic makes some up, of\n"
              "about 500 x 375 pixels",
              some_path()},
             command->data)
      ->capture_default_str();
  const auto add = [data](const char* name, auto& field, const char* description,
                          std::uint64_t most) {
    add_option(*data, {name, "N", description, whole_number(1, most), "Measurement"}, field)
        ->capture_default_str();
  };
  add("--images", command->options.images, "Training images that are taken", 1'000'000);
  add("--batch", command->options.batch, "Images per batch", 65536);
  add("--threads", command->options.threads, "Threads that prepare images", 256);
  add("--rounds", command->options.rounds, "Rounds", 1000);
  data->add_flag("--json", command->json, "Print the result as JSON");
  data->callback([command] { run(*command); });
}

}  // namespace lq::apps
