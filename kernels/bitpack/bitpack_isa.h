// The loops of bitpack, compiled once per instruction set.
#pragma once

#include <cstdint>

namespace lq::kernels {

/// A run of pixels that is packed.
struct BitpackRun {
  const float* x;  // pixels x channels
  std::uint32_t* planes;
  std::int64_t plane_pitch;  // words
  std::int64_t pixels;
  std::int64_t channels;
  int bits;
  const float* levels;        // 2^bits, ascending
  const std::uint8_t* codes;  // 2^bits
};

/// A run of pixels that is unpacked.
struct BitunpackRun {
  const std::uint32_t* planes;
  std::int64_t plane_pitch;  // words
  float* x;                  // pixels x channels
  std::int64_t pixels;
  std::int64_t channels;
  int bits;
  const float* levels_by_code;  // 2^bits
};

struct BitpackKernels {
  void (*pack)(const BitpackRun& run);
  void (*unpack)(const BitunpackRun& run);
};

namespace portable {
extern const BitpackKernels bitpack_kernels;
}
namespace neon {
extern const BitpackKernels bitpack_kernels;
}
namespace avx2 {
extern const BitpackKernels bitpack_kernels;
}
namespace avx512_vpopcnt {
extern const BitpackKernels bitpack_kernels;
}

}  // namespace lq::kernels
