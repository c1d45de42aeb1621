// What somebody may have meant to type.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lq::apps {

/// Fewest insertions, deletions, replacements and swaps of neighbours (no part edited twice) that
/// turn one word into the other.
int edit_distance(std::string_view from, std::string_view to);

/// The word of `known` that is nearest to `word`, the first of several; empty when none is near:
/// at most a third of the letters may be wrong.
std::string nearest_word(std::string_view word, const std::vector<std::string>& known);

/// `message`, with "; did you mean ...?" at its end when there is a near word.
std::string with_suggestion(std::string message, std::string_view word,
                            const std::vector<std::string>& known);

}  // namespace lq::apps
