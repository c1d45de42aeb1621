// Results as JSON.
#pragma once

#include <nlohmann/json.hpp>

namespace lq::apps {

/// Prints a result, indented, to standard output. Bytes that are no UTF-8, which paths may have,
/// are shown as U+FFFD.
void print_report(const nlohmann::ordered_json& report);

}  // namespace lq::apps
