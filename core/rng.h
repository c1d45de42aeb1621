// Counter-based random numbers.
#pragma once

#include <array>
#include <cstdint>

namespace lq {

/// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): the
/// four words that belong to a counter and a key.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key);

/// What a stream of numbers is for. Two purposes never share numbers, whatever the other keys.
enum class RngPurpose : std::uint32_t { initialization, shuffle, augmentation, synthetic, test };

/// A stream of numbers that depends on nothing but (seed, purpose, epoch, sample): the numbers of
/// one sample do not depend on which thread or rank asks, nor on what was asked before.
/// epoch must be below 2^24 (Error otherwise); sample is any 64-bit number whose lower 40 bits are
/// distinct. A stream has 2^34 numbers; then it starts over.
class Rng {
 public:
  Rng(std::uint64_t seed, RngPurpose purpose, std::uint64_t epoch = 0, std::uint64_t sample = 0);

  std::uint32_t next_u32();
  /// Uniform in [0, 1), 24 bits.
  float uniform();
  /// Uniform in [low, high]; high itself occurs by rounding only.
  float uniform(float low, float high) { return low + (high - low) * uniform(); }
  /// Uniform integer in [0, bound), without bias; bound >= 1.
  std::uint32_t below(std::uint32_t bound);
  /// Standard normal (Box-Muller, in double).
  double normal();
  /// Standard normal, redrawn until |x| <= 2: TensorFlow's truncated normal.
  double truncated_normal();

 private:
  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> counter_;
  std::array<std::uint32_t, 4> block_{};
  int used_ = 4;
};

}  // namespace lq
