#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "apps/commands.h"
#include "apps/compute_options.h"
#include "apps/json_report.h"
#include "apps/latency.h"
#include "apps/loader_options.h"
#include "apps/option_spec.h"
#include "apps/packed_run.h"
#include "apps/run_files.h"
#include "apps/text_table.h"
#include "core/device.h"
#include "core/io/file.h"
#include "core/isa.h"
#include "data/dataset_registry.h"
#include "data/image_file.h"
#include "data/loader.h"

namespace lq::apps {

namespace {

namespace fs = std::filesystem;

struct InferCommand {
  fs::path network;
  std::vector<fs::path> images;
  std::string dataset;
  fs::path data;
  std::int64_t batch = 1;
  int threads = 1;
  int in_flight = 1;
  std::optional<int> loader_threads;
  std::string device = "cpu";
  std::int64_t top = 5;
  bool json = false;
};

double timed_run(deploy::PackedNetwork& network, std::span<const float> images,
                 std::span<float> scores) {
  const auto start = std::chrono::steady_clock::now();
  network.run(images, scores);
  const std::chrono::duration<double, std::micro> elapsed =
      std::chrono::steady_clock::now() - start;
  return elapsed.count();
}

std::string name_of_class(const deploy::PackedNetwork& network, std::int64_t index) {
  return network.class_names().empty() ? fmt::format("class {}", index)
                                       : network.class_names()[index];
}

std::int64_t input_elements(const deploy::PackedNetwork& network) {
  const deploy::Value& input = network.input();
  return input.h * input.w * input.c;
}

nlohmann::ordered_json latency_json(const std::optional<LatencySummary>& latency) {
  if (!latency) return nullptr;
  return {{"p50_us", latency->p50_us},
          {"p90_us", latency->p90_us},
          {"p99_us", latency->p99_us},
          {"fastest_us", latency->fastest_us}};
}

/// The image of a file as the network takes it. Returns what is wrong with a file that cannot be
/// read.
std::optional<std::string> read_image(const fs::path& path, const Preprocessor& preprocessor,
                                      SourceImage& image, std::span<float> input) {
  try {
    std::vector<std::byte>& bytes = image.set_encoded(path.string());
    image.within_memory([&] {
      read_image_file(path, bytes);
      image.read_header();
      preprocessor.run(image, input);
    });
    return std::nullopt;
  } catch (const Error& error) {
    return error.what();
  }
}

/// The guesses for one file, one image at a time. Files that cannot be read keep nobody from having
/// those of the others, but are a failure in the end.
void infer_files(const InferCommand& command, deploy::PackedNetwork& network) {
  std::vector<float> input(input_elements(network));
  std::vector<float> scores(network.classes());
  nlohmann::ordered_json report = nlohmann::ordered_json::array();
  const Preprocessor preprocessor(network);
  SourceImage image;
  std::size_t unreadable = 0;
  for (const fs::path& path : command.images) {
    if (const auto error = read_image(path, preprocessor, image, input)) {
      ++unreadable;
      warn(*error);
      report.push_back({{"file", path.string()}, {"error", *error}});
      continue;
    }
    const double us = timed_run(network, input, scores);
    within_file(path, [&] { check_scores("packed", 0, scores); });
    nlohmann::ordered_json guesses = nlohmann::ordered_json::array();
    if (!command.json) fmt::print("{} ({:.0f} us)\n", path.string(), us);
    for (const Guess& guess : top_guesses(scores, command.top)) {
      const std::string name = name_of_class(network, guess.index);
      guesses.push_back(
          {{"class", guess.index}, {"name", name}, {"probability", guess.probability}});
      if (!command.json) fmt::print("  {:5.1f} %  {}\n", 100 * guess.probability, name);
    }
    report.push_back({{"file", path.string()}, {"us", us}, {"guesses", guesses}});
  }
  if (command.json) print_report(report);
  check(unreadable == 0, "infer: {} of {} files could not be read", unreadable,
        command.images.size());
}

/// Accuracy over a data set, and how long a batch takes.
struct DatasetResult {
  std::int64_t images = 0;
  std::int64_t correct = 0;
  std::int64_t correct_among_top = 0;
  std::int64_t skipped_images = 0;
  double seconds = 0;
  std::optional<LatencySummary> latency;  ///< of full batches; absent where none ran alone
};

void count(std::span<const float> scores, std::int32_t label, std::int64_t top,
           DatasetResult& result) {
  check_scores("packed", result.images, scores);
  const std::vector<Guess> guesses = top_guesses(scores, top);
  ++result.images;
  result.correct += guesses.front().index == label ? 1 : 0;
  result.correct_among_top +=
      std::ranges::any_of(guesses, [label](const Guess& guess) { return guess.index == label; })
          ? 1
          : 0;
}

/// Images that the network is given at a time: those of one batch, whose time is then known, or of
/// so many that most of them overlap.
std::int64_t images_per_run(const InferCommand& command) {
  constexpr std::int64_t rounds = 2;
  return command.in_flight == 1 ? command.batch : command.batch * command.in_flight * rounds;
}

DatasetResult infer_dataset(const InferCommand& command, deploy::PackedNetwork& network) {
  const DatasetSplits data = open_dataset(command.dataset, command.data);
  warn(data.warning);
  const Dataset& test = *data.test;
  check_classes(test, command.dataset, command.network,
                {.count = network.classes(), .names = network.class_names()});
  const Preprocessor preprocessor(network);
  // Nothing runs beside the network where preparing images takes next to no time.
  const int threads = loader_threads(command.loader_threads, test, /*in_memory=*/0);
  const std::int64_t run_images = images_per_run(command);
  Loader loader(data.test, preprocessor.transform(), {.batch = run_images, .threads = threads});
  const SkippedWarningScope skipped(loader);
  std::vector<float> values(run_images * input_elements(network));
  std::vector<float> scores(run_images * network.classes());
  std::vector<double> times;
  DatasetResult result;
  loader.start(/*epoch=*/0);
  while (const std::optional<RawBatch> batch = loader.next()) {
    const std::int64_t size = batch->size();
    if (size == 0) continue;
    const std::span input = std::span(values).first(size * input_elements(network));
    preprocessor.normalize(batch->images.span<std::uint8_t>(), input);
    const double us = timed_run(network, input, std::span(scores).first(size * network.classes()));
    result.seconds += us * 1e-6;
    if (command.in_flight == 1 && size == command.batch) times.push_back(us);
    const std::span labels = batch->labels.span<std::int32_t>();
    for (std::int64_t i = 0; i < size; ++i) {
      count(std::span<const float>(scores).subspan(i * network.classes(), network.classes()),
            labels[i], command.top, result);
    }
  }
  result.skipped_images = loader.skipped().count;
  result.latency = summarize(std::move(times));
  return result;
}

void print(const DatasetResult& result, const InferCommand& command,
           const deploy::PackedNetwork& network) {
  const double accuracy = static_cast<double>(result.correct) / static_cast<double>(result.images);
  const double top_accuracy =
      static_cast<double>(result.correct_among_top) / static_cast<double>(result.images);
  const double rate = static_cast<double>(result.images) / result.seconds;
  const Device device = Device::parse(command.device);
  const std::string where = device_backend(device.type).describe(device.index);
  if (command.json) {
    nlohmann::ordered_json report{{"network", command.network.string()},
                                  {"model", network.name()},
                                  {"dataset", command.dataset},
                                  {"images", result.images},
                                  {"skipped_images", result.skipped_images},
                                  {"accuracy", accuracy},
                                  {"correct", result.correct},
                                  {"top", command.top},
                                  {"top_accuracy", top_accuracy},
                                  {"batch", command.batch},
                                  {"threads", command.threads},
                                  {"in_flight", command.in_flight},
                                  {"isa", name_of(active_isa())},
                                  {"device", where},
                                  {"images_per_s", rate},
                                  {"latency", latency_json(result.latency)}};
    print_report(report);
    return;
  }
  fmt::print("network     {} ({})\n", command.network.string(), network.name());
  fmt::print("accuracy    {:.2f} % ({} of {} test images of {}); top {}: {:.2f} %\n",
             100 * accuracy, result.correct, result.images, command.dataset, command.top,
             100 * top_accuracy);
  std::string latency;
  if (result.latency) {
    latency = fmt::format("; batches of {}: {}", command.batch, describe(*result.latency));
  } else if (command.in_flight == 1) {
    latency = fmt::format("; no batch of {} was full, which gives no latency", command.batch);
  } else {
    latency = fmt::format("; batches of {}, {} in flight", command.batch, command.in_flight);
  }
  const std::string machine = device.type == DeviceType::cpu
                                  ? fmt::format("{}, {}", counted(command.threads, "thread"), where)
                                  : where;
  fmt::print("speed       {:.0f} images/s{} ({})\n", rate, latency, machine);
}

void run(const InferCommand& command) {
  as_usage_error("--in-flight", [&] {
    check(command.in_flight == 1 || Device::parse(command.device).type != DeviceType::cpu,
          "{} given, expected 1 with --device cpu: only on a GPU copies and computing overlap",
          command.in_flight);
  });
  std::error_code is_unknown;
  check(!fs::is_directory(command.network, is_unknown),
        "{}: is a folder, expected a file of lqnet pack", command.network.string());
  deploy::PackedNetwork network(command.network, {.max_batch = command.batch,
                                                  .threads = command.threads,
                                                  .device = usable_device(command.device),
                                                  .in_flight = command.in_flight});
  if (!command.images.empty()) {
    infer_files(command, network);
  } else {
    print(infer_dataset(command, network), command, network);
  }
}

}  // namespace

void add_infer_command(CLI::App& app) {
  auto command = std::make_shared<InferCommand>();
  CLI::App* infer = app.add_subcommand(
      "infer", "Classify image files, or the test images of a data set, with a packed network.");
  add_option(*infer, {"--network", "FILE", "File written by lqnet pack", some_path()},
             command->network)
      ->required();
  auto* images = infer->add_option("images", command->images, "PNG, JPEG, PGM or PPM files")
                     ->check(some_path());
  auto* dataset = add_option(*infer,
                             {"--dataset", "NAME", list_names("Test images of", dataset_names()),
                              known_name(dataset_names())},
                             command->dataset);
  images->excludes(dataset);
  add_data_option(*infer, command->data)->needs(dataset);
  add_option(*infer, {"--batch", "N", "Images of a data set per run", whole_number(1, 65536)},
             command->batch)
      ->capture_default_str()
      ->needs(dataset);
  add_option(*infer, {"--threads", "N", "Threads that compute", whole_number(1, 1024)},
             command->threads)
      ->capture_default_str();
  add_device_option(*infer, command->device);
  add_option(*infer,
             {"--in-flight", "N",
              "Batches of a data set that a GPU has at a time, 1 to 4, whose copies and\n"
              "computing overlap; more than 1 gives no latencies",
              whole_number(1, 4)},
             command->in_flight)
      ->capture_default_str()
      ->needs(dataset);
  add_loader_threads_option(*infer, command->loader_threads)->needs(dataset);
  add_option(*infer, {"--top", "K", "Classes to name per image", whole_number(1)}, command->top)
      ->capture_default_str();
  infer->add_flag("--json", command->json, "Print the result as JSON");
  infer->callback([command] {
    if (command->images.empty() && command->dataset.empty()) {
      throw CLI::RequiredError("image files or --dataset");
    }
    run(*command);
  });
}

}  // namespace lq::apps
