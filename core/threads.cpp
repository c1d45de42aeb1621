#include "core/threads.h"

#include "core/error.h"

namespace lq {

int num_threads() { return omp_get_max_threads(); }

void set_num_threads(int count) {
  check(count >= 1 && count <= 1024, "threads: {} given, expected 1 to 1024", count);
  omp_set_num_threads(count);
}

}  // namespace lq
