// Options of every command that computes.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "core/device.h"

namespace lq::apps {

struct ComputeOptions {
  std::optional<int> threads;  ///< all cores when absent
  std::string device = "cpu";
};

/// --threads and --device.
void add_options(CLI::App& command, ComputeOptions& options);
void add_device_option(CLI::App& command, std::string& device);
/// --threads: for commands that look into a network on the host.
void add_threads_option(CLI::App& command, ComputeOptions& options);

/// The device, which is there: throws Error, with the advice to use another, for one that this
/// build or this machine does not have; and as check_variables_of().
Device usable_device(const std::string& text);

/// Throws Error for a variable of the environment (LQNET_CUDA_...) whose value is none, on a device
/// that heeds it.
void check_variables_of(Device device);

/// Sets the number of threads and returns the device. Throws Error as usable_device() does, and for
/// an instruction set (LQNET_ISA) that is none, before there is anything to lose.
Device apply(const ComputeOptions& options);

/// "NVIDIA A100-SXM4-40GB, ...; convolutions by cuDNN 9.19.0 in fp32, linear layers by
/// cuBLAS 13.0.0 in fp32": the device, and who trains on it; behind the convolutions also how many
/// of their passes own kernels have computed up to now, and behind it all whether results may vary
/// from run to run. Throws Error where a library that the environment asks for cannot be used.
std::string describe_training(Device device);

}  // namespace lq::apps
