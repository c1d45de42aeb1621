// Timing of work on a CUDA stream, in turns.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "core/cuda/graph.h"
#include "core/cuda/timeline.h"
#include "core/stream.h"
#include "core/tensor.h"

namespace lq::bench {

/// What the graphs of contestants hold: the work so many times, since the clock of events ticks in
/// microseconds on many devices, and what comes between.
class Repetition {
 public:
  /// `cold` drives everything else out of the second-level cache in front of each time.
  Repetition(Stream& stream, int times, bool cold);

  Stream& stream() const { return stream_; }
  int times() const { return times_; }
  bool is_cold() const { return memory_.defined(); }

  /// Queues what comes in front of the work.
  void fill_cache() {
    if (is_cold()) memory_.fill_zero();
  }

 private:
  Stream& stream_;
  int times_;
  Tensor memory_;  // twice the cache
};

/// Work that is queued once, launched as one CUDA graph, and timed by events.
class CudaContestant {
 public:
  /// `queue` gives the repetition's stream its work once; what that needs must stay.
  CudaContestant(Repetition& repetition, const std::function<void()>& queue);

  /// Launches the graph twice and waits. Returns the microseconds on the device of one repetition
  /// in the second graph, filling of the cache included: the device is at work on the first one
  /// while the host queues the second, which otherwise would count.
  double run();

 private:
  Stream& stream_;
  int times_;
  CudaGraph graph_;
  CudaTimeline timeline_{2};
};

/// The medians of so many runs, each of which comes behind one of every other contestant; a round
/// to warm up comes first and does not count. Filling of the cache takes turns with the contestants
/// and is subtracted, as by medians_beyond().
std::vector<double> median_us_in_turns(std::span<CudaContestant* const> contestants, int rounds,
                                       Repetition& repetition);

/// The median of each contestant's times, less that of the times that filling the cache took, where
/// there are any. Throws Error where nothing is left.
std::vector<double> medians_beyond(std::span<const std::vector<double>> times,
                                   const std::vector<double>& of_filling);

}  // namespace lq::bench
