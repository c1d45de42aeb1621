// Division by numbers that a launch knows. For *_cuda.cu files.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

#include "core/error.h"

namespace lq::kernels::cuda {

/// Quotients of numbers below 2^31 by one multiplication.
class Divider {
 public:
  Divider() = default;
  /// divisor: 1 to 2^31 - 1.
  explicit Divider(std::int64_t divisor) : divisor_(static_cast<std::uint32_t>(divisor)) {
    while ((std::uint64_t{1} << shift_) < divisor_) ++shift_;
    const std::uint64_t power = std::uint64_t{1} << shift_;
    multiplier_ = static_cast<std::uint32_t>(((power - divisor_) << 32) / divisor_ + 1);
  }

  /// Replaces `dividend` by the remainder and returns the quotient.
  __device__ std::uint32_t divide(std::uint32_t& dividend) const {
    const std::uint32_t quotient = (__umulhi(dividend, multiplier_) + dividend) >> shift_;
    dividend -= quotient * divisor_;
    return quotient;
  }

  __host__ __device__ int value() const { return static_cast<int>(divisor_); }

  __device__ int quotient(int dividend) const {
    auto rest = static_cast<std::uint32_t>(dividend);
    return static_cast<int>(divide(rest));
  }

  /// Returns the quotient, and the remainder beside it.
  __device__ int split(int dividend, int& remainder) const {
    auto rest = static_cast<std::uint32_t>(dividend);
    const std::uint32_t quotient = divide(rest);
    remainder = static_cast<int>(rest);
    return static_cast<int>(quotient);
  }

 private:
  std::uint32_t divisor_ = 1;
  std::uint32_t multiplier_ = 0;
  std::uint32_t shift_ = 0;
};

/// An extent as kernels count it, with room for a tile behind it; throws Error naming the operation
/// for larger ones.
inline int index_extent(std::string_view operation, std::int64_t extent) {
  constexpr int most = std::numeric_limits<int>::max() - (1 << 16);
  check(extent <= most, "{}: {} pixels, channels or products, expected at most {} on a GPU",
        operation, extent, most);
  return static_cast<int>(extent);
}

}  // namespace lq::kernels::cuda
