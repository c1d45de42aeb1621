#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "apps/bench_commands.h"
#include "apps/compute_options.h"
#include "apps/convolution_selection.h"
#include "apps/cuda/bench_cuda_report.h"
#include "apps/option_spec.h"
#include "bench/cuda_convolution.h"

namespace lq::apps {

namespace {

struct BenchCudaCommand {
  ConvolutionSelection selection{.width_texts = {"1/1", "1/2", "2/2", "3/3"}, .batches = {1, 8}};
  int rounds = 50;
  bool cold = false;
  bool no_peers = false;
  std::string device = "cuda";
  bool json = false;
};

/// There is nothing to measure without a GPU.
Device parse_gpu(std::string_view text) {
  const Device device = Device::parse(text);
  check(device.type == DeviceType::cuda,
        "{} given, expected cuda or cuda:<index>; lqnet bench conv measures on the CPU", device);
  return device;
}

Device usable_gpu(const std::string& text) {
  const Device device = parse_gpu(text);
  try {
    device_memory(device);
  } catch (const Error& error) {
    fail("{}; lqnet bench gpu-model predicts without one", error.what());
  }
  check_variables_of(device);
  return device;
}

void run(const BenchCudaCommand& command) {
  const ConvolutionSelection& selection = command.selection;
  const bench::CudaConvolutionOptions options{.shapes = selection.shapes(),
                                              .widths = selection.widths(),
                                              .batches = selection.batches,
                                              .rounds = command.rounds,
                                              .cold = command.cold,
                                              .has_peers = !command.no_peers,
                                              .device = usable_gpu(command.device)};
  const bench::CudaConvolutionReport report = bench::time_cuda_convolutions(options);
  if (command.json) {
    print_cuda_json(report, options);
  } else {
    print_cuda_text(report, options);
  }
}

}  // namespace

void add_bench_cuda_command(CLI::App& bench) {
  auto command = std::make_shared<BenchCudaCommand>();
  CLI::App* cuda =
      bench.add_subcommand("cuda",
                           "Time packed convolutions on a GPU, beside cuDNN's and cuBLAS's.\n"
                           "Each layer is first compared with the CPU, whole; then its kernels, "
                           "thresholds and repacking\n"
                           "included, and those of the libraries in fp16 and int8 take turns. Each "
                           "is launched as a CUDA\n"
                           "graph and timed by events.");
  cuda->group("Commands");
  add_convolution_options(*cuda, command->selection);
  add_option(*cuda, {"--rounds", "N", "Timed runs", whole_number(1), "Measurement"},
             command->rounds)
      ->capture_default_str();
  cuda->add_flag("--cold", command->cold, "Empty the second-level cache before each run")
      ->group("Measurement");
  cuda->add_flag("--no-peers", command->no_peers, "Leave the libraries out")->group("Measurement");
  add_option(*cuda,
             {"--device", "DEVICE", "What to measure: cuda or cuda:<index>", parsed_by(parse_gpu),
              "Machine"},
             command->device)
      ->capture_default_str();
  cuda->add_flag("--json", command->json, "Print the result as JSON")->group("Output");
  cuda->callback([command] { run(*command); });
}

}  // namespace lq::apps
