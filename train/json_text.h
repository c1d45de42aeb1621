// JSON with names of files and folders in it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace lq {

/// `value` (nlohmann's json or ordered_json) as UTF-8, on one line unless there is an indent. Names
/// can be any bytes: those that are no UTF-8 are replaced by U+FFFD, where dump() alone throws.
template <typename Json>
std::string dump_as_text(const Json& value, int indent = -1) {
  constexpr bool ascii_only = false;
  return value.dump(indent, ' ', ascii_only, Json::error_handler_t::replace);
}

}  // namespace lq
