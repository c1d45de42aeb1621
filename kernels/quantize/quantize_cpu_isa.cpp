#include "kernels/common/level_assign.h"
#include "kernels/quantize/quantize_isa.h"

namespace lq::kernels::LQNET_ISA {

namespace {

void assign(const QuantizeRun& run) {
  const Above above{run.above_counts, run.above_sums};
  for (std::int64_t begin = 0; begin < run.n; begin += assign_block_size) {
    const std::int64_t rest = run.n - begin;
    assign_levels(run.x + begin, run.y + begin, rest < assign_block_size ? rest : assign_block_size,
                  run.thresholds, run.levels, run.threshold_count, above, *run.total);
  }
}

}  // namespace

extern const QuantizeKernels quantize_kernels = {assign};

}  // namespace lq::kernels::LQNET_ISA
