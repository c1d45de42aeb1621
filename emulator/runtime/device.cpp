#include "emulator/runtime/device.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>

#include "core/error.h"
#include "emulator/decode/program.h"
#include "emulator/fatbin/fatbin.h"
#include "emulator/machine/grid.h"
#include "emulator/ptx/link.h"
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

/// The modules of the fat binaries that have one for the device. Those without are left out, if
/// there are others: nvcc links the toolkit's device runtime along, which has PTX for few devices.
std::vector<ptx::Module> parse_all(const std::vector<const void*>& fatbins, int capability) {
  std::vector<ptx::Module> modules;
  std::vector<PtxImage> of_other_devices;
  for (const void* const fatbin : fatbins) {
    const auto* const bytes = static_cast<const std::byte*>(fatbin);
    const std::size_t size = fatbin_bytes({bytes, fatbin_header_bytes});
    std::vector<PtxImage> images = read_ptx_images({bytes, size});
    const bool has_any = std::any_of(images.begin(), images.end(), [&](const PtxImage& image) {
      return image.target.runs_on(capability);
    });
    if (has_any) {
      modules.push_back(ptx::parse_module(best_image(images, capability).text));
    } else {
      std::move(images.begin(), images.end(), std::back_inserter(of_other_devices));
    }
  }
  if (modules.empty()) best_image(of_other_devices, capability);  // throws, saying what there is
  return modules;
}

/// What cooperative groups find in a cooperative launch: its size and the word of its barrier.
class GridWorkspace {
 public:
  explicit GridWorkspace(DeviceMemory& memory) : memory_(memory) {
    constexpr std::uint32_t content[2] = {sizeof(content), 0};
    address_ = memory.allocate(sizeof(content));
    check(address_ != 0, "no device memory is left for the barrier of a cooperative launch");
    std::memcpy(memory.host_bytes(address_), content, sizeof(content));
    memory.mark_written(address_, sizeof(content));
  }
  ~GridWorkspace() { memory_.release(address_); }
  GridWorkspace(const GridWorkspace&) = delete;
  GridWorkspace& operator=(const GridWorkspace&) = delete;
  std::uint64_t address() const { return address_; }

 private:
  DeviceMemory& memory_;
  std::uint64_t address_ = 0;
};

}  // namespace

std::optional<Dim3> own_cluster(const Function& kernel) {
  if (kernel.cluster.empty()) return std::nullopt;
  // Directives leave out what is 1.
  const auto size = [&](std::size_t i) {
    return i < kernel.cluster.size() ? static_cast<std::uint32_t>(kernel.cluster[i]) : 1U;
  };
  return Dim3{size(0), size(1), size(2)};
}

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

Device::Device()
    : settings_(settings_or_stop()), memory_(settings_.memory_bytes), streams_(settings_.streams) {}

Module* Device::register_module(std::vector<const void*> fatbins) {
  const std::lock_guard lock(mutex_);
  modules_.push_back(std::make_unique<Module>());
  modules_.back()->fatbins = std::move(fatbins);
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

void Device::register_managed_variable(Module* module, void** host_pointer, std::string name) {
  const std::lock_guard lock(mutex_);
  module->managed_variables[host_pointer] = std::move(name);
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
    const ptx::Module linked = ptx::link_modules(parse_all(module.fatbins, settings_.capability));
    module.program = std::make_unique<Program>(load_program(linked, memory_));
    module.ptx_capability = parse_target(linked.target).capability;
  }
  return *module.program;
}

const Function& Device::function(KernelRecord& kernel) {
  const Program& decoded = program(*kernel.module);
  const auto found = decoded.index.find(kernel.name);
  check(found != decoded.index.end(),
        "kernel {} is not in the PTX of its module; each of its files has to be built with PTX for "
        "compute capability {}",
        kernel.name, settings_.capability);
  return decoded.functions[found->second];
}

int Device::ptx_capability(KernelRecord& kernel) {
  program(*kernel.module);
  return kernel.module->ptx_capability;
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

void Device::place_managed_variables(Module& module) {
  for (const auto& [host_pointer, name] : module.managed_variables) {
    register_variable(&module, host_pointer, name);
    void* const address = reinterpret_cast<void*>(symbol(host_pointer)->address);
    register_variable(&module, address, name);
    *host_pointer = address;
  }
}

ErrorCode Device::accept(const KernelWork& work) {
  KernelRecord& kernel = *work.kernel;
  const Dim3& block = work.block;
  const Function& code = function(kernel);
  check(code.error.empty(), "{}", code.error);
  const bool fits_device = fits(work.grid, most_grid) && fits(block, most_block) &&
                           block.count() <= max_threads_per_block;
  if (!fits_device) return invalid_configuration;
  std::uint64_t limit = max_threads_per_block;
  if (!code.max_threads.empty()) {
    limit = 1;
    for (const std::int64_t size : code.max_threads) limit *= static_cast<std::uint64_t>(size);
  }
  if (block.count() > limit) return launch_out_of_resources;
  if (work.dynamic_shared_bytes > static_cast<std::size_t>(most_dynamic_shared_bytes(kernel))) {
    return invalid_value;
  }
  if (const ErrorCode error = accept_cluster(work); error != success) return error;
  if (!work.is_cooperative) return success;
  const int resident =
      settings_.multiprocessors *
      blocks_per_multiprocessor(code, static_cast<int>(block.count()), work.dynamic_shared_bytes);
  const bool fits_at_once = work.grid.count() <= static_cast<std::uint64_t>(resident);
  return fits_at_once ? success : cooperative_launch_too_large;
}

ErrorCode Device::accept_cluster(const KernelWork& work) {
  const std::optional<Dim3> own = own_cluster(function(*work.kernel));
  if (!own && !work.cluster) return success;
  if (!has_clusters(settings_)) return not_supported;
  const Dim3 size = cluster_of(work);
  const bool is_the_kernels = !own || (own->x == size.x && own->y == size.y && own->z == size.z);
  const Dim3& grid = work.grid;
  const bool has_blocks = size.x > 0 && size.y > 0 && size.z > 0;
  const bool fits_grid =
      has_blocks && grid.x % size.x == 0 && grid.y % size.y == 0 && grid.z % size.z == 0;
  const bool fits_device =
      size.count() <= static_cast<std::uint64_t>(most_cluster_blocks(*work.kernel));
  return is_the_kernels && fits_grid && fits_device ? success : invalid_cluster_size;
}

Dim3 Device::cluster_of(const KernelWork& work) {
  return work.cluster.value_or(own_cluster(function(*work.kernel)).value_or(Dim3{}));
}

int Device::blocks_per_multiprocessor(const Function& kernel, int threads,
                                      std::size_t dynamic_shared_bytes) const {
  const int warps = (threads + warp_size - 1) / warp_size;
  const int by_threads = limits().threads_per_multiprocessor / warp_size / warps;
  const std::size_t shared =
      kernel.static_shared_bytes + dynamic_shared_bytes + reserved_shared_per_block;
  const auto by_shared =
      static_cast<int>(static_cast<std::size_t>(limits().shared_per_multiprocessor) / shared);
  return std::min({by_threads, by_shared, limits().blocks_per_multiprocessor});
}

int Device::most_dynamic_shared_bytes(KernelRecord& kernel) {
  const int own = static_cast<int>(function(kernel).static_shared_bytes);
  return kernel.max_dynamic_shared_bytes.value_or(std::max(0, shared_per_block - own));
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
  std::optional<GridWorkspace> workspace;
  if (work.is_cooperative) workspace.emplace(memory_);
  const Launch launch{.program = work.kernel->module->program.get(),
                      .kernel = &function(*work.kernel),
                      .grid = work.grid,
                      .block = work.block,
                      .cluster = cluster_of(work),
                      .dynamic_shared_bytes = static_cast<std::uint32_t>(work.dynamic_shared_bytes),
                      .arguments = work.arguments,
                      .memory = &memory_,
                      .finds_races = settings_.finds_races,
                      .counts = settings_.counters != CounterOutput::none,
                      .reads_unwritten = settings_.reads_unwritten,
                      .is_cooperative = work.is_cooperative,
                      .grid_workspace = workspace ? workspace->address() : 0,
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

void Device::write_profile() const {
  try {
    profile_.write_counters(settings_);
    std::vector<std::string> kernels;
    for (const auto& [host_function, kernel] : kernels_) kernels.push_back(kernel.name);
    profile_.write_launches(settings_, kernels);
  } catch (const Error& error) {
    stop(error.what());
  }
}

}  // namespace lq::emulator
