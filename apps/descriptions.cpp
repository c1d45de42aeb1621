#include "apps/descriptions.h"

#include <fmt/format.h>

#include <string_view>
#include <vector>

namespace lq::apps {

using nlohmann::ordered_json;

namespace {

std::string describe_bits(int bits, std::string_view what) {
  return bits == float_bits ? fmt::format("float {}", what) : fmt::format("{}-bit {}", bits, what);
}

/// "epoch 3 of 5", or "epoch 3 of 5 (17 steps of it)" for one that is not complete.
std::string epoch_of(std::int64_t epoch, std::int64_t epochs, std::int64_t steps) {
  const std::string text = fmt::format("epoch {} of {}", epoch, epochs);
  return steps == 0 ? text : fmt::format("{} ({} steps of it)", text, steps);
}

}  // namespace

std::string describe_network(const std::string& model, const ModelOptions& options) {
  const std::string variant = variant_of(model, options);
  const std::string network = variant.empty() ? model : fmt::format("{} ({})", model, variant);
  const bool is_float = options.w_bits == float_bits && options.a_bits == float_bits;
  if (is_float) return network + " in floating point";
  return fmt::format("{}, {}, {} ({})", network, describe_bits(options.w_bits, "weights"),
                     describe_bits(options.a_bits, "activations"), options.quantizer);
}

std::string describe_recipe(const Recipe& recipe) {
  const std::vector<std::string> fields = modified_fields(recipe);
  if (fields.empty()) return recipe.name;
  return fmt::format("a modified {} ({})", recipe.name, fmt::join(fields, ", "));
}

std::string describe_best(const BestEvaluation& best, std::int64_t epochs) {
  return fmt::format("best {}, chosen by test accuracy", epoch_of(best.epoch, epochs, best.steps));
}

std::string describe_epoch(const Checkpoint& checkpoint) {
  const TrainingState& state = checkpoint.state;
  const std::int64_t epochs = checkpoint.recipe.epochs;
  if (state.epoch() == 0) return "not trained yet";
  if (state.is_best()) return describe_best(*state.best, epochs);
  const std::string text = epoch_of(state.epoch(), epochs, state.steps_done);
  return state.best ? fmt::format("{} (the best is epoch {})", text, state.best->epoch) : text;
}

ordered_json published_json(const std::optional<PublishedAccuracy>& published) {
  if (!published) return nullptr;
  return {{"top1", published->top1},
          {"top5", published->top5 ? ordered_json(*published->top5) : ordered_json()}};
}

std::string published_text(const std::optional<PublishedAccuracy>& published) {
  if (!published) return "-";
  if (!published->top5) return fmt::format("{:.1f}", published->top1);
  return fmt::format("{:.1f}/{:.1f}", published->top1, *published->top5);
}

ordered_json shape_json(const Shape& shape) {
  return std::vector<std::int64_t>(shape.extents().begin(), shape.extents().end());
}

ordered_json network_json(const std::string& model, const ModelOptions& options) {
  return {{"model", model},
          {"variant", variant_of(model, options)},
          {"w_bits", options.w_bits},
          {"a_bits", options.a_bits},
          {"quantizer", options.quantizer},
          {"classes", options.classes},
          {"input", shape_json(options.input)}};
}

ordered_json recipe_json(const Recipe& recipe) {
  return {{"recipe", recipe.name},
          {"modified", modified_fields(recipe)},
          {"dataset", recipe.dataset},
          {"epochs", recipe.epochs},
          {"seed", recipe.seed}};
}

ordered_json best_json(const std::optional<BestEvaluation>& best) {
  if (!best) return {{"best_accuracy", nullptr}, {"best_epoch", nullptr}};
  return {{"best_accuracy", best->accuracy}, {"best_epoch", best->epoch}};
}

ordered_json training_json(const Checkpoint& checkpoint) {
  const TrainingState& state = checkpoint.state;
  ordered_json object = recipe_json(checkpoint.recipe);
  object["threads"] = checkpoint.threads;
  object["began_with"] = nullptr;
  if (!checkpoint.began_with.empty()) object["began_with"] = checkpoint.began_with;
  object["epochs_done"] = state.epochs_done;
  object["steps_done"] = state.steps_done;
  object["is_best"] = state.is_best();
  object.update(best_json(state.best));
  return object;
}

}  // namespace lq::apps
