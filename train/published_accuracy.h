// What the paper reports.
#pragma once

#include <cstdint>
#include <optional>

#include "train/recipe.h"

namespace lq {

/// Accuracies in per cent, of single images (ImageNet: centre crops).
struct PublishedAccuracy {
  double top1 = 0.0;
  std::optional<double> top5;
};

/// The accuracy that the paper reports for the recipe's model, data set and bits (spec section 6).
/// Nothing where it has no such experiment, for other quantizers, and where its number could not be
/// confirmed by a second source.
std::optional<PublishedAccuracy> published_accuracy(const Recipe& recipe);

/// The same for a network of so many classes: nothing where the paper's has another number, since a
/// folder in ImageNet's layout may hold any images.
std::optional<PublishedAccuracy> published_accuracy(const Recipe& recipe, std::int64_t classes);

}  // namespace lq
