#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/bench_commands.h"
#include "apps/compute_options.h"
#include "apps/convolution_selection.h"
#include "apps/cuda/bench_cuda_report.h"
#include "apps/cuda/verification_report.h"
#include "apps/json_report.h"
#include "apps/option_spec.h"
#include "bench/cuda_convolution.h"

namespace lq::apps {

namespace {

struct BenchCudaCommand {
  ConvolutionSelection selection{.width_texts = {"1/1", "1/2", "2/2", "3/3"}, .batches = {1, 8}};
  int rounds = 50;
  int repeats = 20;
  bool cold = false;
  bool no_peers = false;
  bool verify = false;
  bool no_verify = false;
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

void print_verification(const std::vector<bench::CudaVerification>& verifications, Device device) {
  print_report({{"verification", verification_json(verifications, device)}});
}

/// What is wrong is an error, behind what was found; times of kernels that are wrong mean nothing.
std::vector<bench::CudaVerification> verify(const BenchCudaCommand& command, Device device) {
  std::vector<bench::CudaVerification> verifications = bench::verify_cuda(device);
  if (!command.json) print_verification_text(verifications, device);
  const auto wrong = std::ranges::count_if(
      verifications, [](const bench::CudaVerification& of) { return !of.is_right(); });
  if (wrong > 0 && command.json) print_verification(verifications, device);
  check(wrong == 0, "{} of {} operations are not as on the CPU", wrong, verifications.size());
  return verifications;
}

void run(const BenchCudaCommand& command) {
  const Device device = usable_gpu(command.device);
  std::vector<bench::CudaVerification> verifications;
  if (!command.no_verify) verifications = verify(command, device);
  if (command.verify) {
    if (command.json) print_verification(verifications, device);
    return;
  }
  const ConvolutionSelection& selection = command.selection;
  const bench::CudaConvolutionOptions options{.shapes = selection.shapes(),
                                              .widths = selection.widths(),
                                              .batches = selection.batches,
                                              .rounds = command.rounds,
                                              .repeats = command.repeats,
                                              .cold = command.cold,
                                              .has_peers = !command.no_peers,
                                              .device = device};
  const bench::CudaConvolutionReport report = bench::time_cuda_convolutions(options);
  if (command.json) {
    nlohmann::ordered_json all = cuda_json(report, options);
    if (!command.no_verify) all["verification"] = verification_json(verifications, device);
    print_report(all);
  } else {
    print_cuda_text(report, options);
  }
}

}  // namespace

void add_bench_cuda_command(CLI::App& bench) {
  auto command = std::make_shared<BenchCudaCommand>();
  CLI::App* cuda = bench.add_subcommand(
      "cuda",
      "Time packed convolutions on a GPU, beside cuDNN's and cuBLAS's.\n"
      "First each operation of kernels/ is compared with its reference on the CPU, and packed\n"
      "networks. Then each layer is compared as a whole, and timed: its kernels, with\n"
      "thresholds and repacking, take turns with those of the libraries in fp16 and int8. Each\n"
      "is launched as a CUDA graph of all repeats and timed by events.");
  cuda->group("Commands");
  add_convolution_options(*cuda, command->selection);
  add_option(*cuda, {"--rounds", "N", "Timed runs", whole_number(1), "Measurement"},
             command->rounds)
      ->capture_default_str();
  add_option(*cuda,
             {"--repeats", "N", "How often a timed run computes the layer", whole_number(1),
              "Measurement"},
             command->repeats)
      ->capture_default_str();
  cuda->add_flag("--cold", command->cold,
                 "Empty the second-level cache before each repeat, which does not count")
      ->group("Measurement");
  cuda->add_flag("--no-peers", command->no_peers, "Leave the libraries out")->group("Measurement");
  CLI::Option* const verify =
      cuda->add_flag("--verify", command->verify, "Time nothing; compare operations with the CPU")
          ->group("Measurement");
  cuda->add_flag("--no-verify", command->no_verify, "Compare only the layers that are timed")
      ->group("Measurement")
      ->excludes(verify);
  for (const char* const of_timing : {"--suite", "--shape", "--bits", "--batch", "--rounds",
                                      "--repeats", "--cold", "--no-peers"}) {
    verify->excludes(cuda->get_option(of_timing));
  }
  add_option(*cuda,
             {"--device", "DEVICE", "What to measure: cuda or cuda:<index>", parsed_by(parse_gpu),
              "Machine"},
             command->device)
      ->capture_default_str();
  cuda->add_flag("--json", command->json, "Print the result as JSON")->group("Output");
  cuda->callback([command] { run(*command); });
}

}  // namespace lq::apps
