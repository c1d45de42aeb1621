#include "apps/initial_values.h"

#include <algorithm>
#include <string_view>

#include "apps/run_files.h"
#include "core/error.h"
#include "deploy/decoded_weights.h"
#include "deploy/packed_file.h"

namespace lq::apps {

namespace {

namespace fs = std::filesystem;

void check_model(const fs::path& path, std::string_view found, const Recipe& recipe) {
  check(found == recipe.model, "{}: holds a {}, expected a {}", path.string(), found, recipe.model);
}

/// Variants of a model name other things alike.
void check_variant(const fs::path& path, const Recipe& found, const Recipe& recipe) {
  const auto variant = [](const Recipe& of) {
    return variant_of(of.model, {.variant = of.variant, .w_bits = of.w_bits, .a_bits = of.a_bits});
  };
  check(variant(found) == variant(recipe),
        "{}: holds a {} of variant {}, expected variant {} (see --variant)", path.string(),
        found.model, variant(found), variant(recipe));
}

/// The weights in the shape that the model keeps them in: fully connected layers have flat ones.
StateDict packed_weights(const deploy::PackedModel& packed, const Module& model) {
  const std::vector<Parameter> parameters = model.parameters();
  StateDict values;
  for (const deploy::Operation& operation : packed.operations) {
    const auto* layer = std::get_if<deploy::Convolution>(&operation);
    if (layer == nullptr) continue;
    const std::vector<float> weights = deploy::decoded_weights(packed, *layer);
    const auto parameter = std::ranges::find(parameters, layer->name + ".weight", &Parameter::name);
    if (parameter == parameters.end()) continue;
    const Shape& shape = parameter->variable.shape();
    if (shape[0] != layer->description.geometry.c_out || shape.elements() != std::ssize(weights)) {
      continue;
    }
    values.emplace_back(parameter->name, Tensor::from(weights, shape));
  }
  return values;
}

}  // namespace

StateDict initial_values(const fs::path& given, const Recipe& recipe, const Module& model) {
  if (given.extension() == ".lqn") {
    const deploy::PackedModel packed = deploy::read_packed_model(given);
    check_model(given, packed.name, recipe);
    return packed_weights(packed, model);
  }
  const fs::path path = checkpoint_path(given);
  Checkpoint checkpoint = load_checkpoint(path);
  check_model(path, checkpoint.recipe.model, recipe);
  check_variant(path, checkpoint.recipe, recipe);
  return std::move(checkpoint.model);
}

}  // namespace lq::apps
