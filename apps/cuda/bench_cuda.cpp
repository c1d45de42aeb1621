#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "apps/bench_commands.h"
#include "apps/compute_options.h"
#include "apps/convolution_selection.h"
#include "apps/json_report.h"
#include "apps/option_spec.h"
#include "apps/text_table.h"
#include "bench/cuda_convolution.h"

namespace lq::apps {

namespace {

struct BenchCudaCommand {
  ConvolutionSelection selection{.width_texts = {"1/1", "1/2", "2/2", "3/3"}, .batches = {1, 8}};
  int rounds = 50;
  bool cold = false;
  std::string device = "cuda";
  bool json = false;
};

bench::CudaConvolutionOptions options_of(const BenchCudaCommand& command) {
  const ConvolutionSelection& selection = command.selection;
  bench::CudaConvolutionOptions options{.shapes = selection.shapes(),
                                        .widths = selection.widths(),
                                        .batches = selection.batches,
                                        .rounds = command.rounds,
                                        .cold = command.cold,
                                        .device = Device::parse(command.device)};
  check(options.device.type == DeviceType::cuda, "bench cuda: device {}, expected cuda",
        options.device);
  return options;
}

std::string describe(Device device) { return device_backend(device.type).describe(device.index); }

void print_json(const std::vector<bench::CudaConvolutionTiming>& timings,
                const bench::CudaConvolutionOptions& options) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const bench::CudaConvolutionTiming& timing : timings) {
    rows.push_back({{"layer", timing.layer},
                    {"w_bits", timing.widths.weights},
                    {"a_bits", timing.widths.activations},
                    {"batch", timing.batch},
                    {"us", timing.us},
                    {"tops", timing.tops},
                    {"peak_percent", peak_json(timing.peak_percent)}});
  }
  print_report({{"device", describe(options.device)},
                {"cold", options.cold},
                {"rounds", options.rounds},
                {"convolutions", std::move(rows)}});
}

void print_text(const std::vector<bench::CudaConvolutionTiming>& timings,
                const bench::CudaConvolutionOptions& options) {
  TextTable table({{"layer", TextTable::Align::left},
                   {"W/A", TextTable::Align::left},
                   {"batch"},
                   {"us"},
                   {"TOPS"},
                   {"% of peak"}});
  for (const bench::CudaConvolutionTiming& timing : timings) {
    table.add_row({timing.layer, timing.widths.to_string(), fmt::format("{}", timing.batch),
                   fmt::format("{:.2f}", timing.us), fmt::format("{:.1f}", timing.tops),
                   peak_text(timing.peak_percent)});
  }
  fmt::print("{}", table.str());
  fmt::print("{}; medians of {} runs, second-level cache {}; all results as on the CPU\n",
             describe(options.device), options.rounds, options.cold ? "cold" : "warm");
}

void run(const BenchCudaCommand& command) {
  const bench::CudaConvolutionOptions options = options_of(command);
  const auto timings = bench::time_cuda_convolutions(options);
  if (command.json) {
    print_json(timings, options);
  } else {
    print_text(timings, options);
  }
}

}  // namespace

void add_bench_cuda_command(CLI::App& bench) {
  auto command = std::make_shared<BenchCudaCommand>();
  CLI::App* cuda =
      bench.add_subcommand("cuda",
                           "Time packed convolutions on a GPU.\n"
                           "Each layer is first compared with the CPU, whole; then its kernels, "
                           "thresholds and repacking\n"
                           "included, are launched as one CUDA graph and timed by events.");
  cuda->group("Commands");
  add_convolution_options(*cuda, command->selection);
  add_option(*cuda, {"--rounds", "N", "Timed runs", whole_number(1), "Measurement"},
             command->rounds)
      ->capture_default_str();
  cuda->add_flag("--cold", command->cold, "Empty the second-level cache before each run")
      ->group("Measurement");
  add_device_option(*cuda, command->device);
  cuda->add_flag("--json", command->json, "Print the result as JSON")->group("Output");
  cuda->callback([command] { run(*command); });
}

}  // namespace lq::apps
