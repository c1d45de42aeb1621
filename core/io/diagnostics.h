// What people read beside the results.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

namespace lq {

/// Writes to a stream that people read, at once. Failures are ignored: a closed terminal or a full
/// disk under a message must not end the work that the message tells about.
void write_diagnostic(std::FILE* stream, std::string_view text) noexcept;

/// A warning as all commands show it.
inline std::string warning_text(std::string_view warning) {
  return fmt::format("lqnet: warning: {}", warning);
}

/// write_diagnostic() of text that is made here and goes to standard error.
template <typename... Args>
void print_diagnostic(fmt::format_string<Args...> format, Args&&... args) {
  write_diagnostic(stderr, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace lq
