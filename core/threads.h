// Threads for training loops (OpenMP).
#pragma once

#include <omp.h>

#include <algorithm>
#include <cstdint>
#include <exception>

namespace lq {

/// Threads that parallel loops use, whichever thread starts them; at first OMP_NUM_THREADS or the
/// number of cores.
int num_threads();
/// 1 to 1024; throws Error otherwise. Also bounds the threads that oneDNN uses when it is called
/// from the same thread as this function (OpenMP keeps that number per thread).
void set_num_threads(int count);

/// Runs body(chunk) for every chunk in [0, chunks), contiguous runs of chunks per thread.
/// Reductions stay independent of the number of threads when each chunk keeps its own partial
/// result and these are added in order afterwards. The first exception of any chunk is rethrown.
template <typename Body>
void parallel_for(std::int64_t chunks, Body&& body) {
  const int threads = static_cast<int>(std::min<std::int64_t>(num_threads(), chunks));
  if (threads <= 1) {
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) body(chunk);
    return;
  }
  std::exception_ptr error;
#pragma omp parallel for schedule(static) num_threads(threads)
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
    try {
      body(chunk);
    } catch (...) {
#pragma omp critical(lq_parallel_for_error)
      if (!error) error = std::current_exception();
    }
  }
  if (error) std::rethrow_exception(error);
}

/// Splits [0, elements) into chunks of `grain` (the last may be shorter) and runs
/// body(begin, end) for each.
template <typename Body>
void parallel_for_ranges(std::int64_t elements, std::int64_t grain, Body&& body) {
  parallel_for((elements + grain - 1) / grain, [&](std::int64_t chunk) {
    body(chunk * grain, std::min(elements, (chunk + 1) * grain));
  });
}

}  // namespace lq
