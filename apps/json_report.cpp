#include "apps/json_report.h"

#include <fmt/format.h>

namespace lq::apps {

using nlohmann::ordered_json;

void print_report(const ordered_json& report) {
  constexpr int indent = 2;
  constexpr bool ascii_only = false;
  fmt::print("{}\n", report.dump(indent, ' ', ascii_only, ordered_json::error_handler_t::replace));
}

}  // namespace lq::apps
