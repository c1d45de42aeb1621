#include "apps/compute_options.h"

#include "apps/option_spec.h"
#include "core/device.h"
#include "core/isa.h"
#include "core/threads.h"

namespace lq::apps {

void add_options(CLI::App& command, ComputeOptions& options) {
  constexpr const char* group = "Machine";
  add_option(command,
             {"--threads", "N", "Threads that compute (default: one per core)",
              whole_number(1, 1024), group},
             options.threads);
  add_option(command,
             {"--device", "DEVICE", "Where to compute: cpu, or cuda in a CUDA build",
              parsed_by(Device::parse), group},
             options.device)
      ->capture_default_str();
}

void apply(const ComputeOptions& options) {
  if (options.threads) set_num_threads(*options.threads);
  device_memory(Device::parse(options.device));
  active_isa();
}

}  // namespace lq::apps
