// What the JSON parser says of a text.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace lq {

/// The message without the number that the parser gives to its errors.
inline std::string_view reason(const nlohmann::json::exception& error) {
  const std::string_view what = error.what();
  const std::size_t number_end = what.find("] ");
  return number_end == std::string_view::npos ? what : what.substr(number_end + 2);
}

}  // namespace lq
