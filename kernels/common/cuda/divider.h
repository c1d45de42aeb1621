// Division by numbers that a launch knows. For *_cuda.cu files.
#pragma once

#include <cstdint>

namespace lq::kernels::cuda {

/// Quotients of numbers below 2^31 by one multiplication.
class Divider {
 public:
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

 private:
  std::uint32_t divisor_;
  std::uint32_t multiplier_ = 0;
  std::uint32_t shift_ = 0;
};

}  // namespace lq::kernels::cuda
