// The loops of bitpack, compiled once per instruction set.
#pragma once

#include <cstdint>

#include "core/view.h"
#include "kernels/common/level_table_view.h"

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

namespace cpu {

/// Packs runs of pixels, for what makes the values besides.
class CodePacker {
 public:
  /// Of `channels` channels; the planes are those of all pixels.
  CodePacker(const LevelTableView& table, std::int64_t channels, View<std::int32_t> planes);

  /// The pixels from `begin` to `end`, at x.
  void pack(const float* x, std::int64_t begin, std::int64_t end) const;

 private:
  const BitpackKernels& kernels_;
  LevelTableView table_;
  std::int64_t channels_;
  View<std::int32_t> planes_;
};

}  // namespace cpu

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
