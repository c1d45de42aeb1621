#include "data/skipped_images.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

namespace lq {

void SkippedImages::add(std::string message, std::string image) {
  ++count;
  if (named.size() < most_named) named.push_back({std::move(message), std::move(image)});
}

std::string describe(const SkippedImages& skipped, std::string_view part,
                     std::string_view outcome) {
  std::vector<std::string_view> shown;
  const std::size_t count = std::min(SkippedImages::most_described, skipped.named.size());
  for (const SkippedImage& one : std::span(skipped.named).first(count)) {
    shown.push_back(one.message);
  }
  const bool is_one = skipped.count == 1;
  return fmt::format("{} {} image{} could not be read and {} {}: {}{}", skipped.count, part,
                     is_one ? "" : "s", is_one ? "was" : "were", outcome, fmt::join(shown, "; "),
                     std::cmp_less(shown.size(), skipped.count) ? "; ..." : "");
}

}  // namespace lq
