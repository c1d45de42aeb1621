// Strict reading of the lists that a packed file's program consists of. Internal to deploy.
#pragma once

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/error.h"

namespace lq::deploy {

/// Takes the entries of a JSON list one after the other; throws Error for another kind of entry and
/// for too few or too many. The JSON must outlive the object.
class ProgramList {
 public:
  using Json = nlohmann::json;

  ProgramList(const Json& json, std::string_view what) : what_(what) {
    check(json.is_array(), "{}: {} given, expected a list", what, json.type_name());
    list_ = &json;
  }

  bool at_end() const { return position_ == list_->size(); }
  std::size_t size() const { return list_->size(); }

  /// A whole number in [low, high].
  std::int64_t integer(std::int64_t low, std::int64_t high) {
    const Json& entry = next();
    // A number beyond the range of int64 would turn negative.
    const bool fits = entry.is_number_integer() &&
                      (!entry.is_number_unsigned() ||
                       entry.get<std::uint64_t>() <= std::numeric_limits<std::int64_t>::max());
    check(fits, "{}: entry {} is not a whole number", what_, position_ - 1);
    const auto value = entry.get<std::int64_t>();
    check(value >= low && value <= high, "{}: entry {} is {}, expected {} to {}", what_,
          position_ - 1, value, low, high);
    return value;
  }

  std::string text() {
    const Json& entry = next();
    check(entry.is_string(), "{}: entry {} is not a string", what_, position_ - 1);
    return entry.get<std::string>();
  }

  ProgramList list(std::string_view what) { return {next(), what}; }

  void expect_end() const {
    check(at_end(), "{}: {} entries, expected {}", what_, list_->size(), position_);
  }

 private:
  const Json& next() {
    check(!at_end(), "{}: only {} entries", what_, list_->size());
    return (*list_)[position_++];
  }

  const Json* list_ = nullptr;
  std::size_t position_ = 0;
  std::string_view what_;
};

}  // namespace lq::deploy
