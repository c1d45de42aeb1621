// Networks, recipes and checkpoints in words and as JSON, the same for all commands.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "models/model.h"
#include "train/checkpoint.h"
#include "train/published_accuracy.h"
#include "train/recipe.h"

namespace lq::apps {

/// "resnet20, 2-bit weights, 2-bit activations (lq)"; "resnet18 (type-b), ..." for a model with
/// variants.
std::string describe_network(const std::string& model, const ModelOptions& options);

/// "cifar10-resnet20", or "a modified cifar10-resnet20 (epochs, batch)" when fields differ from the
/// built-in recipe of that name.
std::string describe_recipe(const Recipe& recipe);

/// "best epoch 3 of 5, chosen by test accuracy".
std::string describe_best(const BestEvaluation& best, std::int64_t epochs);

/// The same for a checkpoint of the best epoch; otherwise "epoch 4 of 5 (the best is epoch 3)".
std::string describe_epoch(const Checkpoint& checkpoint);

/// An accuracy in per cent: "62.6/84.3" (top 1 and 5), or the first number alone, or "-".
std::string published_text(const std::optional<PublishedAccuracy>& published);
/// The same: keys top1 and top5 (or null), or null.
nlohmann::ordered_json published_json(const std::optional<PublishedAccuracy>& published);

/// An array of the extents.
nlohmann::ordered_json shape_json(const Shape& shape);

/// Keys model, variant (empty for a model without), w_bits, a_bits, quantizer, classes and input.
nlohmann::ordered_json network_json(const std::string& model, const ModelOptions& options);

/// Keys recipe, modified (fields, see modified_fields()), dataset, epochs and seed.
nlohmann::ordered_json recipe_json(const Recipe& recipe);

/// Keys best_accuracy and best_epoch; null before the first evaluation that counts.
nlohmann::ordered_json best_json(const std::optional<BestEvaluation>& best);

/// How a checkpoint was trained: the keys of the recipe, threads, epochs_done, steps_done (of the
/// next epoch), is_best, and those of best_json().
nlohmann::ordered_json training_json(const Checkpoint& checkpoint);

}  // namespace lq::apps
