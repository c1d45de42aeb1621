#include "emulator/runtime/device.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "core/error.h"
#include "emulator/decode/program.h"
#include "emulator/fatbin/fatbin.h"
#include "emulator/machine/grid.h"
#include "emulator/ptx/parser.h"

namespace lq::emulator {
namespace {

thread_local ErrorCode last_error_of_thread = success;

Settings settings_or_stop() {
  try {
    return settings_from_environment();
  } catch (const Error& error) {
    stop(error.what());
  }
}

bool fits(const Dim3& size, const Dim3& most) {
  return size.x >= 1 && size.y >= 1 && size.z >= 1 && size.x <= most.x && size.y <= most.y &&
         size.z <= most.z;
}

}  // namespace

void stop(const std::string& message) {
  std::fflush(stdout);
  fmt::print(stderr, "emulator: {}\n", message);
  std::fflush(stderr);
  // Destructors of a program that failed could wait for what will never happen.
  _exit(exit_status_of_reports);
}

Device& Device::instance() {
  // Never destroyed: programs call the API from their own destructors.
  static auto* const device = new Device;
  return *device;
}

Device::Device() : settings_(settings_or_stop()), memory_(settings_.memory_bytes) {}

Module* Device::register_module(const void* fatbin) {
  const std::lock_guard lock(mutex_);
  modules_.push_back(std::make_unique<Module>());
  modules_.back()->fatbin = fatbin;
  return modules_.back().get();
}

void Device::register_kernel(Module* module, const void* host_function, std::string name) {
  const std::lock_guard lock(mutex_);
  kernels_[host_function] = {module, std::move(name)};
}

void Device::register_variable(Module* module, const void* host_variable, std::string name) {
  const std::lock_guard lock(mutex_);
  variables_[host_variable] = {module, std::move(name)};
}

KernelRecord* Device::find_kernel(const void* host_function) {
  const std::lock_guard lock(mutex_);
  const auto found = kernels_.find(host_function);
  if (found != kernels_.end()) return &found->second;
  // A cudaKernel_t is the record itself.
  for (auto& [address, record] : kernels_) {
    if (&record == host_function) return &record;
  }
  return nullptr;
}

Program& Device::program(Module& module) {
  const std::lock_guard lock(mutex_);
  if (module.program == nullptr) {
    const auto* const bytes = static_cast<const std::byte*>(module.fatbin);
    const std::size_t size = fatbin_bytes({bytes, fatbin_header_bytes});
    const std::vector<PtxImage> images = read_ptx_images({bytes, size});
    const PtxImage& image = best_image(images, settings_.capability);
    module.program =
        std::make_unique<Program>(load_program(ptx::parse_module(image.text), memory_));
  }
  return *module.program;
}

const Function& Device::function(KernelRecord& kernel) {
  const Program& decoded = program(*kernel.module);
  const auto found = decoded.index.find(kernel.name);
  check(found != decoded.index.end(), "kernel {} is not in the PTX of its module", kernel.name);
  return decoded.functions[found->second];
}

std::optional<Device::Symbol> Device::symbol(const void* host_variable) {
  const VariableRecord* record = nullptr;
  {
    const std::lock_guard lock(mutex_);
    const auto found = variables_.find(host_variable);
    if (found == variables_.end()) return std::nullopt;
    record = &found->second;
  }
  const Program& decoded = program(*record->module);
  const auto found = decoded.variables.find(record->name);
  check(found != decoded.variables.end(), "variable {} is not in the PTX of its module",
        record->name);
  return Symbol{found->second, decoded.variable_bytes.find(record->name)->second};
}

ErrorCode Device::accept(const KernelWork& work) {
  const KernelRecord& kernel = *work.kernel;
  const Dim3& block = work.block;
  const Function& code = function(*work.kernel);
  check(code.error.empty(), "{}", code.error);
  constexpr Dim3 most_blocks{0x7FFFFFFF, 65535, 65535};
  constexpr Dim3 most_threads{1024, 1024, 64};
  const bool fits_device = fits(work.grid, most_blocks) && fits(block, most_threads) &&
                           block.count() <= max_threads_per_block;
  if (!fits_device) return invalid_configuration;
  std::uint64_t limit = max_threads_per_block;
  if (!code.max_threads.empty()) {
    limit = 1;
    for (const std::int64_t size : code.max_threads) limit *= static_cast<std::uint64_t>(size);
  }
  if (block.count() > limit) return launch_out_of_resources;
  if (work.dynamic_shared_bytes > static_cast<std::size_t>(kernel.max_dynamic_shared_bytes) ||
      code.static_shared_bytes + work.dynamic_shared_bytes >
          static_cast<std::size_t>(std::max(shared_per_block, limits().shared_per_block_optin))) {
    return invalid_value;
  }
  return success;
}

void Device::take_arguments(KernelWork& work, void** arguments) {
  const Function& code = function(*work.kernel);
  work.arguments.resize(code.argument_bytes);
  for (std::size_t i = 0; i < code.parameters.size(); ++i) {
    const ParameterPlace& place = code.parameters[i];
    std::memcpy(work.arguments.data() + place.offset, arguments[i], place.bytes);
  }
}

ErrorCode Device::run(const KernelWork& work) {
  Order order = settings_.order;
  // Launches of a kernel after one another have orders of their own.
  if (order.kind == OrderKind::random) order.seed = (order.seed << 32) + ++launches_;
  const Launch launch{.program = work.kernel->module->program.get(),
                      .kernel = &function(*work.kernel),
                      .grid = work.grid,
                      .block = work.block,
                      .dynamic_shared_bytes = static_cast<std::uint32_t>(work.dynamic_shared_bytes),
                      .arguments = work.arguments,
                      .memory = &memory_,
                      .finds_races = settings_.finds_races,
                      .counts = settings_.counters != CounterOutput::none,
                      .reads_unwritten = settings_.reads_unwritten,
                      .order = order,
                      .most_warp_instructions = settings_.most_warp_instructions};
  const Counters counters = run_grid(launch, settings_.threads);
  std::fflush(stdout);
  const std::lock_guard lock(mutex_);
  profile_.add(*launch.program, work.kernel->name, counters);
  return success;
}

ErrorCode Device::remember(ErrorCode code) {
  if (code != success && code != not_ready) last_error_of_thread = code;
  return code;
}

ErrorCode Device::last_error(bool clears) {
  if (failure_ != success) return failure_;
  const ErrorCode code = last_error_of_thread;
  if (clears) last_error_of_thread = success;
  return code;
}

ErrorCode Device::report(const char* where, const std::string& message) {
  const std::string line = fmt::format("{}: {}", where, message);
  if (!settings_.continues) stop(line);
  fmt::print(stderr, "emulator: {}\n", line);
  failure_ = launch_failure;
  return failure_;
}

void Device::print_counters() const {
  try {
    profile_.print(settings_);
  } catch (const Error& error) {
    stop(error.what());
  }
}

}  // namespace lq::emulator
