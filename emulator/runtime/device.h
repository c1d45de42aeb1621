// The one emulated device of the process: registered modules, memory, launches, errors.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "emulator/machine/block.h"
#include "emulator/runtime/api_types.h"
#include "emulator/runtime/profile.h"
#include "emulator/runtime/settings.h"
#include "emulator/runtime/stream_queue.h"
#include "emulator/runtime/work.h"

namespace lq::emulator {

/// A registered fat binary, or several of files that were compiled separately and linked; decoded
/// when something of it is first needed.
struct Module {
  std::vector<const void*> fatbins;
  std::unique_ptr<Program> program;
  int ptx_capability = 0;                           // that its PTX was compiled for
  std::map<void**, std::string> managed_variables;  // names, by the host's pointers to them
};

/// A registered kernel: what programs hold as cudaKernel_t and as the host function's address.
struct KernelRecord {
  Module* module = nullptr;
  std::string name;
  std::optional<int> max_dynamic_shared_bytes = {};  // that the program has asked for
  bool allows_large_clusters = false;                // of more blocks than all devices have
};

struct VariableRecord {
  Module* module = nullptr;
  std::string name;
};

inline std::uint64_t address_of(const void* pointer) {
  return reinterpret_cast<std::uint64_t>(pointer);
}

/// The cluster that the kernel was compiled for, if it was.
std::optional<Dim3> own_cluster(const Function& kernel);

inline int most_cluster_blocks(const KernelRecord& kernel) {
  return kernel.allows_large_clusters ? static_cast<int>(DeviceMemory::most_cluster_blocks)
                                      : most_portable_cluster_blocks;
}

class Device {
 public:
  static Device& instance();

  const Settings& settings() const { return settings_; }
  const DeviceLimits& limits() const { return limits_of(settings_.capability); }
  DeviceMemory& memory() { return memory_; }
  StreamQueues& streams() { return streams_; }

  Module* register_module(std::vector<const void*> fatbins);
  void register_kernel(Module* module, const void* host_function, std::string name);
  void register_variable(Module* module, const void* host_variable, std::string name);
  void register_managed_variable(Module* module, void** host_pointer, std::string name);
  KernelRecord* find_kernel(const void* host_function);

  /// The decoded kernel. Throws Error if its module has no PTX for this device, or not the kernel.
  const Function& function(KernelRecord& kernel);
  /// The compute capability that its PTX was compiled for, which may be an earlier one.
  int ptx_capability(KernelRecord& kernel);
  /// Address and bytes of a device variable; none for what is not registered.
  struct Symbol {
    std::uint64_t address = 0;
    std::uint64_t bytes = 0;
  };
  std::optional<Symbol> symbol(const void* host_variable);
  /// Tells the host where the module's managed variables are. They are symbols by their addresses.
  void place_managed_variables(Module& module);

  /// Checks a launch whose arguments are still missing. Returns the codes with which a device
  /// refuses one; throws Error for a kernel that cannot be run.
  ErrorCode accept(const KernelWork& work);
  /// The blocks of a cluster of the launch, which is accepted.
  Dim3 cluster_of(const KernelWork& work);
  /// Of a launch with so many threads in a block. Registers are not modelled.
  int blocks_per_multiprocessor(const Function& kernel, int threads,
                                std::size_t dynamic_shared_bytes) const;
  /// What the kernel may be given; without asking, no more than there always is.
  int most_dynamic_shared_bytes(KernelRecord& kernel);
  /// Copies arguments, of which each pointer points to one.
  void take_arguments(KernelWork& work, void** arguments);
  /// Runs the kernel to its end. Throws Error for faults.
  ErrorCode run(const KernelWork& work);

  /// Remembers the code for cudaGetLastError() and returns it.
  ErrorCode remember(ErrorCode code);
  ErrorCode last_error(bool clears);
  /// Prints the message. Ends the process, unless the settings say to go on with an error that
  /// stays.
  ErrorCode report(const char* where, const std::string& message);
  bool has_failed() const { return failure_ != success; }
  ErrorCode failure() const { return failure_; }

  /// Writes what the settings ask for: counters, and how often each kernel was launched.
  void write_profile() const;

 private:
  Device();
  ErrorCode accept_cluster(const KernelWork& work);
  Program& program(Module& module);

  Settings settings_;
  DeviceMemory memory_;
  StreamQueues streams_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Module>> modules_;
  std::map<const void*, KernelRecord> kernels_;
  std::map<const void*, VariableRecord> variables_;
  ErrorCode failure_ = success;
  Profile profile_;
  std::atomic<std::uint64_t> launches_{0};
};

/// The exit status of a program that a report has ended.
constexpr int exit_status_of_reports = 99;

/// Prints one line and ends the process.
[[noreturn]] void stop(const std::string& message);

/// Runs an entry point's body, which returns a code; what it throws is reported.
template <typename Body>
int api_call(const char* name, Body&& body) {
  try {
    Device& device = Device::instance();
    if (device.has_failed()) return device.failure();
    return device.remember(body(device));
  } catch (const std::exception& error) {
    return Device::instance().report(name, error.what());
  }
}

}  // namespace lq::emulator
