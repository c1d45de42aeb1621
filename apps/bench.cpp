#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/compute_options.h"
#include "apps/network_options.h"
#include "apps/run_files.h"
#include "apps/text_table.h"
#include "bench/training_step.h"
#include "core/isa.h"
#include "core/threads.h"

namespace lq::apps {

namespace {

struct BenchTrainCommand {
  NetworkOptions network{.model = "resnet20"};
  bench::TrainingStepOptions options;
  ComputeOptions compute;
  bool json = false;
};

void print_json(const bench::TrainingStepTiming& timing,
                const bench::TrainingStepOptions& options) {
  const nlohmann::ordered_json report{{"model", options.model},
                                      {"w_bits", options.network.w_bits},
                                      {"a_bits", options.network.a_bits},
                                      {"quantizer", options.network.quantizer},
                                      {"input", options.network.input.to_string()},
                                      {"batch", options.batch},
                                      {"steps", options.steps},
                                      {"threads", num_threads()},
                                      {"isa", name_of(active_isa())},
                                      {"images_per_s", timing.quantized.images_per_s},
                                      {"float_images_per_s", timing.floating.images_per_s},
                                      {"step_ratio", timing.step_ratio},
                                      {"step_ms", timing.quantized.step_ms},
                                      {"float_step_ms", timing.floating.step_ms},
                                      {"peak_bytes", timing.quantized.peak_bytes},
                                      {"float_peak_bytes", timing.floating.peak_bytes}};
  fmt::print("{}\n", report.dump(2));
}

void print_text(const bench::TrainingStepTiming& timing,
                const bench::TrainingStepOptions& options) {
  TextTable table(
      {{"training step", TextTable::Align::left}, {"median ms"}, {"images/s"}, {"peak memory"}});
  auto add = [&table](std::string name, const bench::StepTiming& step) {
    table.add_row({std::move(name), fmt::format("{:.1f}", step.step_ms),
                   fmt::format("{:.0f}", step.images_per_s), readable_bytes(step.peak_bytes)});
  };
  add(describe_network(options.model, options.network), timing.quantized);
  add("the same in floating point", timing.floating);
  fmt::print("{}", table.str());
  fmt::print("step ratio {:.3f}; {} steps of {} images {} in turns, {} threads, {}\n",
             timing.step_ratio, options.steps, options.batch, options.network.input.to_string(),
             num_threads(), name_of(active_isa()));
}

void run(const BenchTrainCommand& command) {
  apply(command.compute);
  bench::TrainingStepOptions options = command.options;
  options.model = command.network.model;
  options.network = command.network.parsed();
  const bench::TrainingStepTiming timing = bench::time_training_steps(options);
  if (command.json) {
    print_json(timing, options);
  } else {
    print_text(timing, options);
  }
}

void add_bench_train_command(CLI::App& bench) {
  auto command = std::make_shared<BenchTrainCommand>();
  CLI::App* train = bench.add_subcommand(
      "train",
      "Time a training step of a quantized network and of the same one in floating point.\n"
      "A step is forward, loss, backward and update. Both networks take turns on the same random\n"
      "images; medians are shown.");
  train->group("Commands");
  add_options(*train, command->network)->capture_default_str();
  auto add = [train](const char* name, auto& field, const char* description) {
    train->add_option(name, field, description)
        ->type_name("N")
        ->capture_default_str()
        ->group("Measurement");
  };
  add("--batch", command->options.batch, "Images per step");
  add("--steps", command->options.steps, "Timed steps of each network");
  add("--warm-up", command->options.warm_up, "Steps of each before the first timed one");
  add_options(*train, command->compute);
  train->add_flag("--json", command->json, "Print the result as JSON");
  train->callback([command] { run(*command); });
}

}  // namespace

void add_bench_command(CLI::App& app) {
  CLI::App* bench = app.add_subcommand("bench", "Measure speed and memory.");
  bench->require_subcommand(1);
  add_bench_train_command(*bench);
}

}  // namespace lq::apps
