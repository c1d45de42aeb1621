// What GPUs can do at most, per clock and streaming multiprocessor: for shares of peak.
#pragma once

#include <optional>
#include <string_view>

namespace lq::bench {

/// Operations are counted twice per multiply-accumulate. Numbers that no vendor's table gives are
/// marked in gpu_spec.cpp.
struct GpuSpec {
  std::string_view name;
  int multiprocessors = 0;
  double clock_ghz = 0;  ///< boost
  /// Tensor cores by mma.sync; 0 where the instruction is emulated.
  double b1_operations = 0;
  double int8_operations = 0;
  /// 32-bit popcounts; a word of binary products is 64 operations.
  double popcounts = 16;

  /// Operations per second of the whole device.
  double per_second(double per_clock) const {
    return per_clock * multiprocessors * clock_ghz * 1e9;
  }
};

/// The one whose name is a part of a device's name; nothing for others. Known are T4, A100, RTX
/// 4090, H100 and B200.
std::optional<GpuSpec> find_gpu_spec(std::string_view device_name);

}  // namespace lq::bench
