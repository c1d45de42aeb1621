// The order in which blocks start and warps take their turns. A device promises none, so a program
// whose results depend on it is wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lq::emulator {

enum class OrderKind : std::uint8_t { forward, reverse, random };

struct Order {
  OrderKind kind = OrderKind::forward;
  std::uint64_t seed = 0;  // of random orders
};

/// Numbers that depend on the seed alone (SplitMix64).
class RandomNumbers {
 public:
  explicit RandomNumbers(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();

 private:
  std::uint64_t state_;
};

/// The block that starts at this position: a permutation of 0 to blocks - 1.
std::uint64_t block_at(const Order& order, std::uint64_t position, std::uint64_t blocks);

/// The turns of a block's warps. Random ones depend on the block, not on the host thread it runs
/// on.
class Turns {
 public:
  /// `length` is the most that a warp runs before others have their turn, in instructions.
  void start(const Order& order, std::uint64_t block, std::size_t warps, std::uint64_t length);
  /// The warps in the order of their next turns, each once.
  std::span<const std::uint32_t> next_round();
  std::uint64_t next_length();

 private:
  Order order_;
  RandomNumbers random_{0};
  std::uint64_t length_ = 0;
  std::vector<std::uint32_t> warps_;
};

}  // namespace lq::emulator
