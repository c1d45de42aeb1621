#include "apps/compute_options.h"

#include "apps/option_spec.h"
#include "core/isa.h"
#include "core/threads.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/linear/linear.h"
#if defined(LQNET_WITH_CUDA)
#include "kernels/bitconv/bitconv_plan_cuda.h"
#include "kernels/common/cuda/determinism.h"
#include "kernels/common/cuda/launch.h"
#include "kernels/common/cuda/library_choice.h"
#endif

namespace lq::apps {

namespace {
constexpr const char* group = "Machine";
}

void add_threads_option(CLI::App& command, ComputeOptions& options) {
  add_option(command,
             {"--threads", "N", "Threads that compute (default: one per core)",
              whole_number(1, 1024), group},
             options.threads);
}

void add_device_option(CLI::App& command, std::string& device) {
  add_option(command,
             {"--device", "DEVICE", "Where to compute: cpu, cuda or cuda:<index>",
              parsed_by(Device::parse), group},
             device)
      ->capture_default_str();
}

void add_options(CLI::App& command, ComputeOptions& options) {
  add_threads_option(command, options);
  add_device_option(command, options.device);
}

Device usable_device(const std::string& text) {
  const Device device = Device::parse(text);
  try {
    device_memory(device);
  } catch (const Error& error) {
    fail("{}, use --device cpu", error.what());
  }
  check_variables_of(device);
  return device;
}

void check_variables_of([[maybe_unused]] Device device) {
#if defined(LQNET_WITH_CUDA)
  if (device.type != DeviceType::cuda) return;
  kernels::cuda::check_library_variables();
  kernels::cuda::wanted_bitconv_path();
  kernels::cuda::wanted_synchronization();
  kernels::cuda::wants_determinism();
#endif
}

Device apply(const ComputeOptions& options) {
  if (options.threads) set_num_threads(*options.threads);
  const Device device = usable_device(options.device);
  active_isa();
  return device;
}

std::string describe_training(Device device) {
  std::string text = device_backend(device.type).describe(device.index);
#if defined(LQNET_WITH_CUDA)
  if (device.type == DeviceType::cuda) {
    text += fmt::format("; convolutions by {}", kernels::cuda::conv2d_implementation());
    if (const std::int64_t passes = kernels::cuda::conv2d_fallbacks(); passes > 0) {
      text += fmt::format(" ({} of their passes by own kernels, for which it has no way)", passes);
    }
    text += fmt::format(", linear layers by {}", kernels::cuda::linear_implementation());
    if (!kernels::cuda::wants_determinism()) text += ", results may vary from run to run";
  }
#endif
  return text;
}

}  // namespace lq::apps
