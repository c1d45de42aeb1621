// What GPUs can do at most, per clock and streaming multiprocessor: for shares of peak and for
// predictions.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace lq::bench {

/// Operations are counted twice per multiply-accumulate. Numbers that no vendor's table gives are
/// marked in gpu_spec.cpp.
struct GpuSpec {
  std::string_view name;
  int capability = 0;  ///< 80 for 8.0
  int multiprocessors = 0;
  double clock_ghz = 0;  ///< boost
  /// Tensor cores by mma.sync; 0 where the instruction is emulated.
  double b1_operations = 0;
  double int8_operations = 0;
  double fp16_operations = 0;
  /// 32-bit popcounts; a word of binary products is 64 operations.
  double popcounts = 16;
  double shared_bytes = 128;
  double dram_gb_per_s = 0;
  double l2_mb = 0;
  double launch_us = 2.5;  ///< of a kernel within a graph

  /// Operations per second of the whole device.
  double per_second(double per_clock) const {
    return per_clock * multiprocessors * clock_ghz * 1e9;
  }
};

/// T4, A100, RTX 4090, H100, B200.
std::span<const GpuSpec> gpu_specs();

/// The one whose name is a part of a device's name; nothing for others.
std::optional<GpuSpec> find_gpu_spec(std::string_view device_name);

}  // namespace lq::bench
