#include "bench/gpu_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "core/error.h"

namespace lq::bench {

namespace {

// Multiprocessors, boost clocks, memory: NVIDIA's data sheets. Shared memory: the CUDA programming
// guide, whose 64 integer operations hold for all of them.
//
// Peaks of A100 (4992 TOPS b1, 624 int8), T4 (130 int8), RTX 4090 (660 int8) and H100 SXM (1979
// int8, which only wgmma reaches) are NVIDIA's; those of b1 but for the A100 are eight times int8
// as there, and for the H100 what mma.sync was measured at by others; its rate of b1 by wgmma,
// eight times int8, is an assumption. The rates of mma.sync on B200 are taken as those of the A100:
// nobody has published them.
//
// The second-level cache: 5120 bytes per clock of the A100 are NVIDIA's. T4: what NVIDIA gives for
// Volta, 2048 bytes for 80 multiprocessors, scaled. The others are assumptions, below the A100's 47
// bytes per multiprocessor: 16 each for the RTX 4090, 32 each for H100 and B200.
constexpr std::array specs = {
    GpuSpec{.name = "T4",
            .compute_capability = 75,
            .multiprocessors = 40,
            .clock_ghz = 1.59,
            .b1_operations = 16384,
            .int8_operations = 2048,
            .shared_bytes = 64 << 10,
            .cache_bytes = 1024,
            .memory_gb_per_s = 320},
    GpuSpec{.name = "A100",
            .compute_capability = 80,
            .multiprocessors = 108,
            .clock_ghz = 1.41,
            .b1_operations = 32768,
            .int8_operations = 4096,
            .shared_bytes = 164 << 10,
            .cache_bytes = 5120,
            .memory_gb_per_s = 1555},
    GpuSpec{.name = "RTX 4090",
            .compute_capability = 89,
            .multiprocessors = 128,
            .clock_ghz = 2.52,
            .b1_operations = 16384,
            .int8_operations = 2048,
            .shared_bytes = 100 << 10,
            .cache_bytes = 16 * 128,
            .memory_gb_per_s = 1008},
    // The NVL has as many multiprocessors as the SXM, at other clocks.
    GpuSpec{.name = "H100",
            .device_words = "H100 HBM3",
            .compute_capability = 90,
            .multiprocessors = 132,
            .clock_ghz = 1.83,
            .b1_operations = 36864,
            .int8_operations = 5120,
            .wgmma_b1_operations = 8 * 8192,
            .wgmma_int8_operations = 8192,
            .shared_bytes = 228 << 10,
            .cache_bytes = 32 * 132,
            .memory_gb_per_s = 3350},
    GpuSpec{.name = "B200",
            .compute_capability = 100,
            .multiprocessors = 148,
            .clock_ghz = 1.85,
            .b1_operations = 0,
            .int8_operations = 4096,
            .shared_bytes = 228 << 10,
            .cache_bytes = 32 * 148,
            .memory_gb_per_s = 8000},
};

/// Runs of letters and digits.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words(1);
  for (const unsigned char letter : text) {
    if (std::isalnum(letter) != 0) {
      words.back() += static_cast<char>(letter);
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  return words;
}

}  // namespace

std::vector<std::string> gpu_names() {
  std::vector<std::string> names;
  for (const GpuSpec& spec : specs) names.emplace_back(spec.name);
  return names;
}

std::optional<GpuSpec> find_gpu_spec(const GpuIdentity& device) {
  const std::vector<std::string> words = words_of(device.name);
  const auto* const found = std::ranges::find_if(specs, [&](const GpuSpec& spec) {
    return spec.compute_capability == device.compute_capability &&
           spec.multiprocessors == device.multiprocessors &&
           std::ranges::all_of(words_of(spec.device_words), [&](const std::string& word) {
             return std::ranges::find(words, word) != words.end();
           });
  });
  if (found == specs.end()) return std::nullopt;
  return *found;
}

GpuSpec gpu_spec(std::string_view name) {
  const auto* const found = std::ranges::find(specs, name, &GpuSpec::name);
  check(found != specs.end(), "bench: no GPU '{}', expected one of {}", name,
        fmt::join(gpu_names(), ", "));
  return *found;
}

}  // namespace lq::bench
