// What GPUs can do at most, for shares of peak and for predictions.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lq::bench {

/// Per clock and streaming multiprocessor where nothing else is said. Operations are counted twice
/// per multiply-accumulate. Where each number comes from is said in gpu_spec.cpp.
struct GpuSpec {
  std::string_view name;
  /// That a device's name has, beside others.
  std::string_view device_words = name;
  int compute_capability = 0;  ///< 75 is 7.5
  int multiprocessors = 0;
  double clock_ghz = 0;  ///< boost
  /// Tensor cores by mma.sync; 0 where the instruction is emulated.
  double b1_operations = 0;
  double int8_operations = 0;
  /// The same by wgmma; 0 where there is none.
  double wgmma_b1_operations = 0;
  double wgmma_int8_operations = 0;
  double integer_operations = 64;  ///< of 32 bits, of the ordinary units
  int shared_bytes = 0;            ///< that the blocks of a multiprocessor can have
  double cache_bytes = 0;          ///< per clock from the second-level cache, of the whole device
  double memory_gb_per_s = 0;      ///< of the whole device

  /// The peak of tensor cores on bytes.
  double byte_peak() const { return std::max(int8_operations, wgmma_int8_operations); }
  /// And on bits: binary products, or products of bytes that hold a bit each.
  double bit_peak() const {
    const double binary = std::max(b1_operations, wgmma_b1_operations);
    return binary > 0 ? binary : byte_peak();
  }
  /// Operations per second of the whole device.
  double per_second(double per_clock) const {
    return per_clock * multiprocessors * clock_ghz * 1e9;
  }
};

/// T4, A100, RTX 4090, H100 and B200. H100 is that of SXM, A100 that of 40 GB.
std::vector<std::string> gpu_names();

/// What a device says of itself.
struct GpuIdentity {
  std::string_view name;  ///< "NVIDIA A100-SXM4-40GB"
  int compute_capability = 0;
  int multiprocessors = 0;
};

/// The one that the device is; nothing for others. Relatives share words of the name (of the RTX
/// 4090, a laptop's), so that the counts have to be equal, too.
std::optional<GpuSpec> find_gpu_spec(const GpuIdentity& device);

/// The one of this name; throws Error, listing the names, for others.
GpuSpec gpu_spec(std::string_view name);

}  // namespace lq::bench
