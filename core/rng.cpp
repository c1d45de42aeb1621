#include "core/rng.h"

#include <cmath>
#include <numbers>

#include "core/error.h"

namespace lq {

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key) {
  constexpr std::uint64_t multiplier0 = 0xD2511F53;
  constexpr std::uint64_t multiplier1 = 0xCD9E8D57;
  constexpr std::uint32_t weyl0 = 0x9E3779B9;
  constexpr std::uint32_t weyl1 = 0xBB67AE85;
  constexpr int rounds = 10;
  for (int round = 0; round < rounds; ++round) {
    const std::uint64_t product0 = multiplier0 * counter[0];
    const std::uint64_t product1 = multiplier1 * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
               static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
               static_cast<std::uint32_t>(product0)};
    key[0] += weyl0;
    key[1] += weyl1;
  }
  return counter;
}

// Counter words: [0] block number, [1] low sample, [2] high sample (8 bits) and epoch (24 bits),
// [3] purpose. The seed is the key.
Rng::Rng(std::uint64_t seed, RngPurpose purpose, std::uint64_t epoch, std::uint64_t sample)
    : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
      counter_{0, static_cast<std::uint32_t>(sample),
               static_cast<std::uint32_t>((sample >> 32 & 0xFF) | epoch << 8),
               static_cast<std::uint32_t>(purpose)} {
  check(epoch < 1U << 24, "Rng: epoch is {}, expected less than 2^24", epoch);
}

std::uint32_t Rng::next_u32() {
  if (used_ == 4) {
    block_ = philox4x32(counter_, key_);
    ++counter_[0];
    used_ = 0;
  }
  return block_[used_++];
}

float Rng::uniform() { return static_cast<float>(next_u32() >> 8) * 0x1p-24F; }

std::uint32_t Rng::below(std::uint32_t bound) {
  // Lemire's multiply-and-reject.
  std::uint64_t product = static_cast<std::uint64_t>(next_u32()) * bound;
  if (static_cast<std::uint32_t>(product) < bound) {
    const std::uint32_t threshold = -bound % bound;
    while (static_cast<std::uint32_t>(product) < threshold) {
      product = static_cast<std::uint64_t>(next_u32()) * bound;
    }
  }
  return static_cast<std::uint32_t>(product >> 32);
}

double Rng::normal() {
  const double u = (next_u32() + 0.5) * 0x1p-32;
  const double v = next_u32() * 0x1p-32;
  return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v);
}

double Rng::truncated_normal() {
  for (;;) {
    const double x = normal();
    if (std::abs(x) <= 2.0) return x;
  }
}

}  // namespace lq
