// The one exception type of the project.
#pragma once

#include <fmt/format.h>

#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace lq {

/// Every failure that a caller can meet. The message is one line that names the operation, the
/// argument, what was given and what is expected. `within()` adds the place as the exception
/// passes through named scopes (a module path, a file), so kernels need not know where they run.
class Error : public std::exception {
 public:
  explicit Error(std::string message) : message_(std::move(message)) {}

  const char* what() const noexcept override { return message_.c_str(); }

  /// Prefixes the message with the place it comes from, once: an outer scope of the same kind
  /// does not add itself again, because an inner path already contains it.
  void within(std::string_view place) {
    if (placed_ || place.empty()) return;
    message_ = fmt::format("{}: {}", place, message_);
    placed_ = true;
  }

 private:
  std::string message_;
  bool placed_ = false;
};

template <typename... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(fmt::format(format, std::forward<Args>(args)...));
}

template <typename... Args>
void check(bool condition, fmt::format_string<Args...> format, Args&&... args) {
  if (!condition) [[unlikely]] {
    throw Error(fmt::format(format, std::forward<Args>(args)...));
  }
}

}  // namespace lq
