// Timings that a summary takes together.
#pragma once

#include <algorithm>
#include <vector>

namespace lq::apps {

/// Those with the same `key(timing)` together, in the order in which keys first occur.
template <typename Timing, typename Key>
std::vector<std::vector<Timing>> grouped(const std::vector<Timing>& timings, Key&& key) {
  std::vector<std::vector<Timing>> groups;
  for (const Timing& timing : timings) {
    const auto found = std::ranges::find_if(groups, [&](const std::vector<Timing>& group) {
      return key(group.front()) == key(timing);
    });
    if (found == groups.end()) {
      groups.push_back({timing});
    } else {
      found->push_back(timing);
    }
  }
  return groups;
}

}  // namespace lq::apps
