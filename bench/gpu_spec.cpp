#include "bench/gpu_spec.h"

#include <algorithm>
#include <array>

namespace lq::bench {

namespace {

// Peaks of A100 (4992 TOPS b1, 624 int8), T4 (130 int8), RTX 4090 (660 int8) and H100 SXM (1979
// int8, which only wgmma reaches) are NVIDIA's; those of b1 but for the A100 are eight times int8
// as there, and for the H100 what mma.sync was measured at by others. The rates of mma.sync on B200
// are taken as those of the A100: nobody has published them.
constexpr std::array specs = {
    GpuSpec{.name = "T4",
            .multiprocessors = 40,
            .clock_ghz = 1.59,
            .b1_operations = 16384,
            .int8_operations = 2048},
    GpuSpec{.name = "A100",
            .multiprocessors = 108,
            .clock_ghz = 1.41,
            .b1_operations = 32768,
            .int8_operations = 4096},
    GpuSpec{.name = "RTX 4090",
            .multiprocessors = 128,
            .clock_ghz = 2.52,
            .b1_operations = 16384,
            .int8_operations = 2048},
    GpuSpec{.name = "H100",
            .multiprocessors = 132,
            .clock_ghz = 1.83,
            .b1_operations = 36864,
            .int8_operations = 5120},
    GpuSpec{.name = "B200",
            .multiprocessors = 148,
            .clock_ghz = 1.85,
            .b1_operations = 0,
            .int8_operations = 4096},
};

}  // namespace

std::optional<GpuSpec> find_gpu_spec(std::string_view device_name) {
  const auto* const found = std::ranges::find_if(specs, [device_name](const GpuSpec& spec) {
    return device_name.find(spec.name) != std::string_view::npos;
  });
  if (found == specs.end()) return std::nullopt;
  return *found;
}

}  // namespace lq::bench
