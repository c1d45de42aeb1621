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

std::string variant_of_recipe(const Recipe& recipe) {
  return variant_of(recipe.model,
                    {.variant = recipe.variant, .w_bits = recipe.w_bits, .a_bits = recipe.a_bits});
}

/// Variants of a model name other things alike.
void check_variant(const fs::path& path, std::string_view found, const Recipe& recipe) {
  const std::string expected = variant_of_recipe(recipe);
  check(found == expected, "{}: holds a {} of variant {}, expected variant {} (see --variant)",
        path.string(), recipe.model, found, expected);
}

/// Packed files did not always tell it.
void check_packed_variant(const fs::path& path, std::string_view found, const Recipe& recipe) {
  if (!found.empty()) {
    check_variant(path, found, recipe);
  } else if (const std::string expected = variant_of_recipe(recipe); !expected.empty()) {
    warn(fmt::format("{}: does not tell its variant of {}, taken for {}", path.string(),
                     recipe.model, expected));
  }
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
    check_packed_variant(given, packed.variant, recipe);
    return packed_weights(packed, model);
  }
  const fs::path path = checkpoint_path(given);
  Checkpoint checkpoint = load_checkpoint(path);
  check_model(path, checkpoint.recipe.model, recipe);
  check_variant(path, variant_of_recipe(checkpoint.recipe), recipe);
  return std::move(checkpoint.model);
}

}  // namespace lq::apps
