// Types of this project as arguments of fmt::format(), check() and fail().
#pragma once

#include <fmt/format.h>

#include <string_view>

namespace lq {

/// Base of fmt::formatter for a type with to_string(). check() takes its arguments by reference,
/// so a type that has a formatter costs nothing where the check holds; a string made for the
/// message would.
template <typename T>
struct ToStringFormatter : fmt::formatter<std::string_view> {
  template <typename Context>
  auto format(const T& value, Context& context) const {
    return fmt::formatter<std::string_view>::format(value.to_string(), context);
  }
};

}  // namespace lq
