#include "data/skipped_images.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

namespace lq {

void SkippedImages::add(std::string message, std::string image) {
  ++count;
  if (messages.size() == most_messages) return;
  messages.push_back(std::move(message));
  images.push_back(std::move(image));
}

std::string describe(const SkippedImages& skipped, std::string_view part,
                     std::string_view outcome) {
  const std::span shown =
      std::span(skipped.messages)
          .first(std::min(SkippedImages::most_described, skipped.messages.size()));
  const bool is_one = skipped.count == 1;
  return fmt::format("{} {} image{} could not be read and {} {}: {}{}", skipped.count, part,
                     is_one ? "" : "s", is_one ? "was" : "were", outcome, fmt::join(shown, "; "),
                     std::cmp_less(shown.size(), skipped.count) ? "; ..." : "");
}

}  // namespace lq
