// Variables of the environment that choose between a few values.
#pragma once

#include <cstdlib>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/error.h"

namespace lq {

/// What the variable's value stands for; nothing where it is not set. Throws Error that lists the
/// values for any other one.
template <typename Choice>
std::optional<Choice> chosen_by_environment(
    const char* variable, std::initializer_list<std::pair<std::string_view, Choice>> choices) {
  const char* const text = std::getenv(variable);
  if (text == nullptr) return std::nullopt;
  std::string values;
  std::size_t left = choices.size();
  for (const auto& [value, choice] : choices) {
    if (value == text) return choice;
    if (!values.empty()) values += left == 1 ? " or " : ", ";
    values += value;
    --left;
  }
  fail("{} is '{}', expected {}", variable, text, values);
}

/// Whether a variable that is 0 or 1 is 1; `otherwise` where it is not set.
inline bool switched_by_environment(const char* variable, bool otherwise) {
  return chosen_by_environment<bool>(variable, {{"0", false}, {"1", true}}).value_or(otherwise);
}

}  // namespace lq
