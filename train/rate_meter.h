// Counting against the clock.
#pragma once

#include <chrono>
#include <cstdint>

namespace lq {

/// How many of something per second of wall-clock time, since it was made or restarted.
class RateMeter {
 public:
  void restart() { *this = RateMeter(); }
  void add(std::int64_t count) { count_ += count; }

  std::int64_t count() const { return count_; }
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  /// 0 while no time has passed.
  double per_second() const {
    const double elapsed = seconds();
    return elapsed > 0.0 ? static_cast<double>(count_) / elapsed : 0.0;
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::int64_t count_ = 0;
};

}  // namespace lq
