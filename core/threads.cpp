#include "core/threads.h"

#include <atomic>

#include "core/error.h"

namespace lq {

namespace {

std::atomic<int>& thread_count() {
  static std::atomic<int> count = omp_get_max_threads();
  return count;
}

}  // namespace

int num_threads() { return thread_count().load(std::memory_order_relaxed); }

void set_num_threads(int count) {
  check(count >= 1 && count <= 1024, "threads: {} given, expected 1 to 1024", count);
  thread_count() = count;
  omp_set_num_threads(count);
}

}  // namespace lq
