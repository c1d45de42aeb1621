// What the paper reports.
#pragma once

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

}  // namespace lq
