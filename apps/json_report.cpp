#include "apps/json_report.h"

#include <fmt/format.h>

#include "train/json_text.h"

namespace lq::apps {

using nlohmann::ordered_json;

void print_report(const ordered_json& report) {
  fmt::print("{}\n", dump_as_text(report, /*indent=*/2));
}

}  // namespace lq::apps
