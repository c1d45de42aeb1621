#include "apps/compute_options.h"

#include "core/device.h"
#include "core/threads.h"

namespace lq::apps {

void add_options(CLI::App& command, ComputeOptions& options) {
  command.add_option("--threads", options.threads, "Threads that compute (default: one per core)")
      ->type_name("N")
      ->group("Machine");
  command.add_option("--device", options.device, "Where to compute: cpu, or cuda in a CUDA build")
      ->type_name("DEVICE")
      ->capture_default_str()
      ->group("Machine");
}

void apply(const ComputeOptions& options) {
  if (options.threads) set_num_threads(*options.threads);
  device_memory(Device::parse(options.device));
}

}  // namespace lq::apps
