#include "apps/option_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "apps/suggestion.h"

namespace lq::apps {

namespace {

/// The whole of `text` as a number.
template <typename T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [next, status] = std::from_chars(text.data(), end, value);
  if (status != std::errc() || next != end) return std::nullopt;
  return value;
}

template <typename Predicate>
CLI::Validator real_number(Predicate accepts, const char* expected) {
  return {[accepts, expected](std::string& text) {
            const std::optional<double> value = parse_number<double>(text);
            if (value && std::isfinite(*value) && accepts(*value)) return std::string();
            return fmt::format("{} given, expected {}", text, expected);
          },
          ""};
}

}  // namespace

CLI::Option* configure(CLI::Option* option, const OptionSpec& spec) {
  // transform() is check() for those that may also rewrite the value.
  return option->type_name(spec.type)->transform(spec.check)->group(spec.group);
}

std::string list_names(std::string_view what, const std::vector<std::string>& names) {
  constexpr std::size_t width = 70;
  std::string text = fmt::format("{}:", what);
  std::size_t column = text.size();
  for (const std::string& name : names) {
    const std::string word = fmt::format(" {}{}", name, &name == &names.back() ? "" : ",");
    if (column + word.size() > width) {
      text += "\n ";
      column = 1;
    }
    text += word;
    column += word.size();
  }
  return text;
}

CLI::Validator whole_number(std::uint64_t least, std::uint64_t most) {
  return {[least, most](std::string& text) {
            const std::optional<std::uint64_t> value = parse_number<std::uint64_t>(text);
            if (!value || *value < least || *value > most) {
              return fmt::format("{} given, expected a whole number from {} to {}", text, least,
                                 most);
            }
            text = std::to_string(*value);  // a leading zero would be read as octal
            return std::string();
          },
          ""};
}

CLI::Validator positive_number() {
  return real_number([](double value) { return value > 0; }, "a number above 0");
}

CLI::Validator non_negative_number() {
  return real_number([](double value) { return value >= 0; }, "a number of at least 0");
}

CLI::Validator some_path() {
  return {[](std::string& path) {
            return path.empty() ? std::string("the path is empty") : std::string();
          },
          ""};
}

CLI::Validator known_name(std::vector<std::string> known) {
  return {[known = std::move(known)](std::string& name) {
            if (std::ranges::find(known, name) != known.end()) return std::string();
            return with_suggestion(
                fmt::format("'{}' is not known, expected one of: {}", name, fmt::join(known, ", ")),
                name, known);
          },
          ""};
}

}  // namespace lq::apps
