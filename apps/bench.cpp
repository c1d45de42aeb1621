#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "apps/bench_commands.h"
#include "apps/commands.h"
#include "apps/compute_options.h"
#include "apps/descriptions.h"
#include "apps/json_report.h"
#include "apps/network_options.h"
#include "apps/option_spec.h"
#include "apps/text_table.h"
#include "bench/training_step.h"
#include "core/isa.h"
#include "core/threads.h"

namespace lq::apps {

namespace {

struct BenchTrainCommand {
  NetworkOptions network{.model = "resnet20"};
  bench::TrainingStepOptions options;
  bool bit_forward = false;
  ComputeOptions compute;
  bool json = false;
};

void print_json(const bench::TrainingStepTiming& timing, const bench::TrainingStepOptions& options,
                const std::string& device) {
  nlohmann::ordered_json report = network_json(options.model, options.network);
  report["bit_forward"] = options.network.bit_forward;
  report["batch"] = options.batch;
  report["steps"] = options.steps;
  report["threads"] = num_threads();
  report["isa"] = name_of(active_isa());
  report["device"] = device;
  report["images_per_s"] = timing.quantized.images_per_s;
  report["float_images_per_s"] = timing.floating.images_per_s;
  report["step_ratio"] = timing.step_ratio;
  report["step_ms"] = timing.quantized.step_ms;
  report["float_step_ms"] = timing.floating.step_ms;
  report["peak_bytes"] = timing.quantized.peak_bytes;
  report["float_peak_bytes"] = timing.floating.peak_bytes;
  print_report(report);
}

void print_text(const bench::TrainingStepTiming& timing, const bench::TrainingStepOptions& options,
                const std::string& device) {
  TextTable table(
      {{"training step", TextTable::Align::left}, {"median ms"}, {"images/s"}, {"peak memory"}});
  auto add = [&table](std::string name, const bench::StepTiming& step) {
    table.add_row({std::move(name), fmt::format("{:.1f}", step.step_ms),
                   fmt::format("{:.0f}", step.images_per_s), readable_bytes(step.peak_bytes)});
  };
  add(describe_network(options.model, options.network) +
          (options.network.bit_forward ? ", bit forward" : ""),
      timing.quantized);
  add("the same in floating point", timing.floating);
  fmt::print("{}", table.str());
  fmt::print("step ratio {:.3f}; {} steps of {} images {} in turns, {}, {}\n", timing.step_ratio,
             options.steps, options.batch, options.network.input.to_string(),
             counted(num_threads(), "thread"), device);
}

void run(const BenchTrainCommand& command) {
  bench::TrainingStepOptions options = command.options;
  options.device = apply(command.compute);
  options.model = command.network.model;
  options.network = command.network.parsed();
  options.network.bit_forward = command.bit_forward;
  // Before anything is measured: variables of the environment may be wrong.
  describe_training(options.device);
  const bench::TrainingStepTiming timing = bench::time_training_steps(options);
  // Only now it is known what the library had no way to compute.
  const std::string device = describe_training(options.device);
  if (command.json) {
    print_json(timing, options, device);
  } else {
    print_text(timing, options, device);
  }
}

void add_bench_train_command(CLI::App& bench) {
  auto command = std::make_shared<BenchTrainCommand>();
  CLI::App* train = bench.add_subcommand(
      "train",
      "Time a training step of a quantized network, and of it in floating point.\n"
      "A step is forward, loss, backward and update. Both networks take turns on the same random\n"
      "images; medians are shown.");
  train->group("Commands");
  add_options(*train, command->network)->capture_default_str();
  auto add = [train](const char* name, auto& field, const char* description, std::uint64_t least) {
    add_option(*train, {name, "N", description, whole_number(least), "Measurement"}, field)
        ->capture_default_str();
  };
  add("--batch", command->options.batch, "Images per step", 1);
  add("--steps", command->options.steps, "Timed steps of each network", 1);
  add("--warm-up", command->options.warm_up, "Steps of each before the first timed one", 0);
  add_options(*train, command->compute);
  train->add_flag("--bit-forward", command->bit_forward, bit_forward_description)->group("Network");
  train->add_flag("--json", command->json, "Print the result as JSON");
  train->callback([command] { run(*command); });
}

}  // namespace

std::string peak_text(std::optional<double> percent) {
  return percent ? fmt::format("{:.0f}", *percent) : "-";
}

nlohmann::ordered_json peak_json(std::optional<double> percent) {
  return percent ? nlohmann::ordered_json(*percent) : nullptr;
}

void add_bench_command(CLI::App& app) {
  CLI::App* bench = app.add_subcommand("bench", "Measure speed and memory.");
  bench->require_subcommand(1);
  add_bench_train_command(*bench);
  add_bench_convolution_command(*bench);
  add_bench_network_command(*bench);
  add_bench_gpu_model_command(*bench);
  add_bench_data_command(*bench);
#if defined(LQNET_WITH_CUDA)
  add_bench_cuda_command(*bench);
#endif
}

}  // namespace lq::apps
