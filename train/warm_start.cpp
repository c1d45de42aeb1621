#include "train/warm_start.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "core/error.h"

namespace lq {

namespace {

/// Finds the values that fit entries of a state.
class Values {
 public:
  explicit Values(const StateDict& values) {
    for (const auto& [name, value] : values) by_name_.emplace(name, &value);
  }

  /// Null where there is none.
  const Tensor* for_entry(std::string_view name, const Tensor& own) const {
    const auto found = by_name_.find(name);
    if (found == by_name_.end()) return nullptr;
    const Tensor& value = *found->second;
    return value.shape() == own.shape() && value.dtype() == own.dtype() ? &value : nullptr;
  }

 private:
  std::unordered_map<std::string_view, const Tensor*> by_name_;
};

std::string_view module_of(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(0, dot);
}

}  // namespace

WarmStart warm_start(Module& model, const StateDict& given) {
  const Values values(given);
  const std::vector<Parameter> parameters = model.parameters();
  const std::vector<Buffer> buffers = model.buffers();

  WarmStart start;
  std::vector<std::pair<Tensor, Tensor>> copies;  // to and from
  const auto decide = [&](const std::string& name, const Tensor& own, const Tensor* value) {
    (value != nullptr ? start.taken : start.fresh).push_back(name);
    if (value != nullptr) copies.emplace_back(own, *value);
  };
  for (const Parameter& parameter : parameters) {
    const Tensor& own = parameter.variable.value();
    decide(parameter.name, own, values.for_entry(parameter.name, own));
  }
  check(!start.taken.empty(),
        "warm start: no parameter has the name and the shape of one of the network's");

  std::unordered_set<std::string_view> incomplete;  // modules
  for (const Buffer& buffer : buffers) {
    if (values.for_entry(buffer.name, buffer.tensor) == nullptr) {
      incomplete.insert(module_of(buffer.name));
    }
  }
  for (const Buffer& buffer : buffers) {
    const bool is_whole = !incomplete.contains(module_of(buffer.name));
    decide(buffer.name, buffer.tensor,
           is_whole ? values.for_entry(buffer.name, buffer.tensor) : nullptr);
  }
  for (auto& [to, from] : copies) to.copy_from(from);
  return start;
}

std::string describe(const WarmStart& start) {
  constexpr std::size_t most_names = 8;
  std::string text = fmt::format("{} of {} values taken", start.taken.size(),
                                 start.taken.size() + start.fresh.size());
  if (start.fresh.empty()) return text;
  const std::size_t shown = std::min(most_names, start.fresh.size());
  text +=
      fmt::format("; fresh: {}", fmt::join(start.fresh.begin(), start.fresh.begin() + shown, ", "));
  if (shown < start.fresh.size()) text += fmt::format(" and {} more", start.fresh.size() - shown);
  return text;
}

}  // namespace lq
