#include "train/recipe.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "core/error.h"
#include "core/io/file.h"
#include "train/imagenet_recipes.h"

namespace lq {

namespace {

/// Short: a newcomer's first run. The rate climbs and falls along straight lines, as in one-cycle
/// training, which gets most out of few epochs.
Recipe fashion_mnist_resnet20() {
  Recipe recipe;
  recipe.name = "fashion-mnist-resnet20";
  recipe.summary = "ResNet-20 on Fashion-MNIST in a few epochs; needs no download";
  // Twice the steps of 128 in the same time: 90.7 against 90.0 % with 2-bit weights and
  // activations.
  recipe.batch = 64;
  recipe.schedule = {.base_rate = 0.1,
                     .decay = PolynomialDecay{},
                     .unit = ScheduleUnit::step,
                     .warmup_epochs = 0.5};
  return recipe;
}

/// What the CIFAR-10 recipes share (supplement section 2.1).
Recipe cifar10() {
  Recipe recipe;
  recipe.dataset = "cifar10";
  recipe.crop_padding = 4;
  recipe.flip = true;
  recipe.epochs = 200;
  recipe.momentum = 0.9;
  return recipe;
}

Recipe cifar10_resnet20() {
  Recipe recipe = cifar10();
  recipe.name = "cifar10-resnet20";
  recipe.summary = "ResNet-20 on CIFAR-10 as in the paper's supplement, 200 epochs";
  recipe.model = "resnet20";
  recipe.batch = 128;
  recipe.schedule = {.base_rate = 0.1, .decay = MultiStepDecay{.boundaries = {82, 123}}};
  recipe.weight_decay = 1e-4;
  return recipe;
}

Recipe cifar10_vgg_small() {
  Recipe recipe = cifar10();
  recipe.name = "cifar10-vgg-small";
  recipe.summary = "VGG-Small on CIFAR-10 as in the paper's supplement, 200 epochs";
  recipe.model = "vgg-small";
  recipe.batch = 100;
  recipe.schedule = {.base_rate = 0.02, .decay = MultiStepDecay{.boundaries = {80, 160}}};
  recipe.weight_decay = 5e-4;
  return recipe;
}

const std::vector<Recipe>& recipes() {
  static const std::vector<Recipe> all = [] {
    std::vector<Recipe> table = {fashion_mnist_resnet20(), cifar10_resnet20(), cifar10_vgg_small()};
    std::ranges::move(imagenet_recipes(), std::back_inserter(table));
    return table;
  }();
  return all;
}

/// Folders are called after recipes, and messages show the names.
void check_name(const std::string& name) {
  constexpr unsigned char del = 0x7f;
  const auto spoils_folder_or_line = [](unsigned char byte) {
    return byte == '/' || byte < ' ' || byte == del;
  };
  check(!name.empty() && std::ranges::none_of(name, spoils_folder_or_line),
        "recipe: name is {:?}, expected a word without '/' and control characters", name);
}

void check_registries(const Recipe& recipe) {
  dataset_info(recipe.dataset);
  try {
    variant_of(recipe.model, {.variant = recipe.variant, .a_bits = recipe.a_bits});
  } catch (const Error& error) {
    fail("recipe: {}", error.what());
  }
  validate(Quantization{recipe.quantizer, recipe.w_bits, recipe.a_bits});
}

}  // namespace

std::vector<std::string> recipe_names() {
  std::vector<std::string> names;
  for (const Recipe& recipe : recipes()) names.push_back(recipe.name);
  return names;
}

const Recipe& find_recipe(std::string_view name) {
  const auto found = std::ranges::find(recipes(), name, &Recipe::name);
  check(found != recipes().end(), "recipe '{}' is not known; known are {}", name,
        fmt::join(recipe_names(), ", "));
  return *found;
}

void validate(const Recipe& recipe) {
  constexpr std::int64_t most_epochs = 1 << 24;  // that the loader keeps apart
  check(recipe.epochs >= 1 && recipe.epochs <= most_epochs,
        "recipe: epochs is {}, expected 1 to {}", recipe.epochs, most_epochs);
  check(recipe.batch >= 1, "recipe: batch is {}, expected at least 1", recipe.batch);
  check(recipe.accumulation >= 1 && recipe.batch % recipe.accumulation == 0,
        "recipe: accumulation is {}, expected a divisor of the batch of {}", recipe.accumulation,
        recipe.batch);
  check(recipe.crop_padding >= 0, "recipe: crop_padding is {}, expected at least 0",
        recipe.crop_padding);
  if (recipe.augmentation.kind != AugmentationKind::pad_crop) validate(recipe.augmentation.resize);
  check(recipe.momentum >= 0.0 && recipe.momentum < 1.0,
        "recipe: momentum is {}, expected at least 0 and less than 1", recipe.momentum);
  check(std::isfinite(recipe.weight_decay) && recipe.weight_decay >= 0.0,
        "recipe: weight_decay is {}, expected at least 0", recipe.weight_decay);
  const LearnedBases& bases = recipe.learned_bases;
  check(bases.momentum >= 0.0 && bases.momentum < 1.0,
        "recipe: learned_bases.momentum is {}, expected at least 0 and less than 1",
        bases.momentum);
  for (const double ridge : {bases.weight_ridge, bases.activation_ridge_per_value}) {
    check(std::isfinite(ridge) && ridge >= 0.0,
          "recipe: a ridge of learned_bases is {}, expected at least 0", ridge);
  }
  validate(recipe.schedule);
}

Recipe load_recipe(const std::filesystem::path& path) {
  constexpr std::uint64_t largest_file = 1 << 20;
  const std::vector<std::byte> bytes = read_file(path, largest_file);
  return within_file(path, [&] {
    Recipe recipe = recipe_from_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    check_name(recipe.name);
    validate(recipe);
    check_registries(recipe);
    return recipe;
  });
}

DatasetSplits open_dataset(const Recipe& recipe, const std::filesystem::path& folder) {
  return open_dataset(recipe.dataset, folder, recipe.dataset_options);
}

ModelOptions model_options(const Recipe& recipe, std::int64_t classes, const Shape& input) {
  LqOptions lq;
  const LearnedBases& bases = recipe.learned_bases;
  for (kernels::QemOptions* side : {&lq.weights, &lq.activations}) {
    side->momentum = bases.momentum;
    side->debias = bases.debias;
  }
  lq.weights.ridge = bases.weight_ridge;
  lq.activations.ridge_per_value = bases.activation_ridge_per_value;
  return {.variant = recipe.variant,
          .w_bits = recipe.w_bits,
          .a_bits = recipe.a_bits,
          .quantizer = recipe.quantizer,
          .classes = classes,
          .input = input,
          .lq = lq};
}

std::optional<RecipeDifference> conflict(const Recipe& stored, const Recipe& recipe) {
  for (RecipeDifference& difference : differences(stored, recipe)) {
    if (difference.field != "epochs" || recipe.epochs < stored.epochs) return difference;
  }
  return std::nullopt;
}

std::vector<std::string> modified_fields(const Recipe& recipe) {
  std::vector<std::string> fields;
  const auto built_in = std::ranges::find(recipes(), recipe.name, &Recipe::name);
  if (built_in == recipes().end()) return fields;
  for (RecipeDifference& difference : differences(*built_in, recipe)) {
    fields.push_back(std::move(difference.field));
  }
  return fields;
}

}  // namespace lq
