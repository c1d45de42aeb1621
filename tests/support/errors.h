// Errors that a test expects.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "core/error.h"

namespace lq::testing {

/// Whether `action` throws an Error of one line whose message contains `part`.
template <typename Action>
::testing::AssertionResult throws_error(Action&& action, std::string_view part) {
  try {
    action();
  } catch (const Error& error) {
    const std::string_view message = error.what();
    if (message.find('\n') != std::string_view::npos) {
      return ::testing::AssertionFailure() << "more than one line: " << message;
    }
    if (message.find(part) == std::string_view::npos) {
      return ::testing::AssertionFailure()
             << "the message is \"" << message << "\", expected it to contain \"" << part << '"';
    }
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure() << "no Error, expected \"" << part << '"';
}

}  // namespace lq::testing
