// Timing of contestants in turns.
#pragma once

#include <algorithm>
#include <chrono>
#include <limits>
#include <thread>
#include <utility>

namespace lq::bench {

/// Microseconds of one of several runs in a row.
template <typename Run>
double elapsed_us(Run&& run, int repetitions) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < repetitions; ++i) run();
  const std::chrono::duration<double, std::micro> elapsed =
      std::chrono::steady_clock::now() - start;
  return elapsed.count() / repetitions;
}

/// One of several contestants that take turns: the fastest of its rounds counts, so that what else
/// the machine does is left out. Short runs are repeated within a round.
template <typename Run>
class Contestant {
 public:
  explicit Contestant(Run run) : run_(std::move(run)) {
    run_();
    const double once = elapsed_us(run_, 1);
    repetitions_ = std::max(1, static_cast<int>(round_us / std::max(once, 1.0)));
  }

  void round() {
    // Threads of the contestant before may still spin, waiting for more to do (OpenMP's do so for
    // some milliseconds). Then one run in vain, to wake one's own.
    std::this_thread::sleep_for(settling_time);
    run_();
    best_us_ = std::min(best_us_, elapsed_us(run_, repetitions_));
  }
  double best_us() const { return best_us_; }

 private:
  static constexpr double round_us = 2000;
  static constexpr std::chrono::milliseconds settling_time{20};

  Run run_;
  int repetitions_ = 1;
  double best_us_ = std::numeric_limits<double>::infinity();
};

}  // namespace lq::bench
