#include "apps/loader_options.h"

#include <algorithm>
#include <thread>

#include "apps/option_spec.h"
#include "data/loader.h"

namespace lq::apps {

CLI::Option* add_loader_threads_option(CLI::App& command, std::optional<int>& threads) {
  return add_option(
      command,
      {"--loader-threads", "N",
       "Threads that prepare images; 0: in turn with the computing (default: one for\n"
       "each core for image files, few for images in memory)",
       whole_number(0, most_loader_threads), "Machine"},
      threads);
}

int loader_threads(std::optional<int> asked, const Dataset& images, int in_memory) {
  if (asked) return *asked;
  // Images of one size are those of data sets that are read as a whole.
  if (images.image_shape()[0] > 0) return in_memory;
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  return std::clamp(cores, 1, most_loader_threads);
}

}  // namespace lq::apps
