#include "train/warm_start.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "core/error.h"

namespace lq {

WarmStart warm_start(Module& model, const StateDict& values) {
  std::unordered_map<std::string_view, const Tensor*> by_name;
  for (const auto& [name, value] : values) by_name.emplace(name, &value);

  WarmStart start;
  std::vector<std::pair<Tensor, Tensor>> copies;  // to and from
  for (const auto& [name, own] : model.state_dict()) {
    const auto found = by_name.find(name);
    const bool fits = found != by_name.end() && found->second->shape() == own.shape() &&
                      found->second->dtype() == own.dtype();
    (fits ? start.taken : start.fresh).push_back(name);
    if (fits) copies.emplace_back(own, *found->second);
  }
  const auto is_taken = [&start](const Parameter& parameter) {
    return std::ranges::find(start.taken, parameter.name) != start.taken.end();
  };
  check(std::ranges::any_of(model.parameters(), is_taken),
        "warm start: no parameter has the name and the shape of one of the network's");
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
