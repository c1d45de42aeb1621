// Variables of the environment, for tests of what reads them.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>

namespace lq::testing {

/// Gives a variable a value, or none at all, while the scope lives.
class EnvironmentScope {
 public:
  EnvironmentScope(const char* name, const char* value) : name_(name) {
    if (const char* const before = std::getenv(name)) before_ = before;
    set(value);
  }
  ~EnvironmentScope() { set(before_ ? before_->c_str() : nullptr); }
  EnvironmentScope(const EnvironmentScope&) = delete;
  EnvironmentScope& operator=(const EnvironmentScope&) = delete;

 private:
  void set(const char* value) const {
    if (value == nullptr) {
      ::unsetenv(name_);
    } else {
      ::setenv(name_, value, /*overwrite=*/1);
    }
  }

  const char* name_;
  std::optional<std::string> before_;
};

}  // namespace lq::testing
