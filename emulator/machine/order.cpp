#include "emulator/machine/order.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

namespace lq::emulator {
namespace {

/// A permutation of numbers with an even number of bits: a Feistel network.
std::uint64_t scramble(std::uint64_t value, int half_bits, std::uint64_t seed) {
  const std::uint64_t mask = (std::uint64_t{1} << half_bits) - 1;
  std::uint64_t left = value >> half_bits;
  std::uint64_t right = value & mask;
  for (std::uint64_t round = 0; round < 4; ++round) {
    const std::uint64_t key = RandomNumbers(seed + (right << 2 | round)).next();
    left = std::exchange(right, left ^ (key & mask));
  }
  return left << half_bits | right;
}

}  // namespace

std::uint64_t RandomNumbers::next() {
  state_ += 0x9E3779B97F4A7C15;
  std::uint64_t value = state_;
  value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9;
  value = (value ^ value >> 27) * 0x94D049BB133111EB;
  return value ^ value >> 31;
}

std::uint64_t block_at(const Order& order, std::uint64_t position, std::uint64_t blocks) {
  if (order.kind == OrderKind::forward) return position;
  if (order.kind == OrderKind::reverse) return blocks - 1 - position;
  const int half_bits = (static_cast<int>(std::bit_width(blocks - 1)) + 1) / 2;
  // The network permutes up to four times as many numbers. Following it until it comes back below
  // `blocks` leaves a permutation of these.
  std::uint64_t block = position;
  do {
    block = scramble(block, half_bits, order.seed);
  } while (block >= blocks);
  return block;
}

void Turns::start(const Order& order, std::uint64_t block, std::size_t warps,
                  std::uint64_t length) {
  order_ = order;
  random_ = RandomNumbers(order.seed ^ RandomNumbers(block).next());
  length_ = length;
  warps_.resize(warps);
  std::iota(warps_.begin(), warps_.end(), 0U);
  if (order.kind == OrderKind::reverse) std::reverse(warps_.begin(), warps_.end());
}

std::span<const std::uint32_t> Turns::next_round() {
  for (std::size_t i = warps_.size(); order_.kind == OrderKind::random && i > 1; --i) {
    std::swap(warps_[i - 1], warps_[random_.next() % i]);
  }
  return warps_;
}

std::uint64_t Turns::next_length() {
  if (order_.kind != OrderKind::random) return length_;
  // All orders of magnitude are as likely.
  const auto magnitude = static_cast<std::uint64_t>(std::bit_width(length_));
  return std::min(length_, std::uint64_t{1} << random_.next() % magnitude);
}

}  // namespace lq::emulator
