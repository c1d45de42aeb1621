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

/// Work that is queued once, launched as one CUDA graph, and timed by events.
class CudaContestant {
 public:
  /// `queue` gives the stream its work; what that needs must stay.
  CudaContestant(Stream& stream, const std::function<void()>& queue);

  /// Runs once and waits. Returns the microseconds on the device.
  double run();

 private:
  Stream& stream_;
  CudaGraph graph_;
  CudaTimeline timeline_{2};
};

/// Drives everything else out of the second-level cache, if it is to be cold.
class CacheFiller {
 public:
  CacheFiller(Device device, bool cold);

  void fill() {
    if (memory_.defined()) memory_.fill_zero();
  }

 private:
  Tensor memory_;
};

/// The medians of so many runs, each of which comes behind one of every other contestant; runs to
/// warm up come first and do not count.
std::vector<double> median_us_in_turns(std::span<CudaContestant* const> contestants, int rounds,
                                       int warm_up, CacheFiller& filler);

}  // namespace lq::bench
