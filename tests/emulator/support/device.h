// Runs kernels that a test writes in PTX, on an emulated device of its own.
#pragma once

#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "emulator/decode/program.h"
#include "emulator/machine/grid.h"
#include "emulator/ptx/link.h"
#include "emulator/ptx/parser.h"

namespace lq::emulator::testing {

class Device {
 public:
  explicit Device(const std::string& ptx) : Device(std::vector<std::string>{ptx}) {}
  /// The modules are linked.
  explicit Device(const std::vector<std::string>& modules)
      : memory_(std::uint64_t{1} << 30), program_(load_program(linked(modules), memory_)) {}

  /// Copies the values to memory of the device.
  template <typename T>
  std::uint64_t upload(const std::vector<T>& values) {
    const std::uint64_t address = memory_.allocate(values.size() * sizeof(T));
    std::memcpy(memory_.host_bytes(address), values.data(), values.size() * sizeof(T));
    memory_.mark_written(address, values.size() * sizeof(T));
    return address;
  }
  template <typename T>
  std::vector<T> download(std::uint64_t address, std::size_t count) const {
    std::vector<T> values(count);
    std::memcpy(values.data(), memory_.host_bytes(address), count * sizeof(T));
    return values;
  }

  /// Arguments are 64 bits each.
  Counters launch(const std::string& kernel, Dim3 grid, Dim3 block,
                  const std::vector<std::uint64_t>& arguments, std::uint32_t shared_bytes = 0,
                  Dim3 cluster = {}) {
    const auto found = program_.index.find(kernel);
    check(found != program_.index.end(), "no kernel {}", kernel);
    Launch launch{.program = &program_,
                  .kernel = &program_.functions[found->second],
                  .grid = grid,
                  .block = block,
                  .cluster = cluster,
                  .dynamic_shared_bytes = shared_bytes,
                  .memory = &memory_,
                  .counts = true};
    const auto bytes = std::as_bytes(std::span(arguments));
    launch.arguments.assign(bytes.begin(), bytes.end());
    return run_grid(launch, 2);
  }

  DeviceMemory& memory() { return memory_; }

 private:
  static ptx::Module linked(const std::vector<std::string>& texts) {
    std::vector<ptx::Module> modules;
    for (const std::string& text : texts) {
      modules.push_back(
          ptx::parse_module(".version 9.0\n.target sm_90\n.address_size 64\n" + text));
    }
    return ptx::link_modules(std::move(modules));
  }

  DeviceMemory memory_;
  Program program_;
};

}  // namespace lq::emulator::testing
