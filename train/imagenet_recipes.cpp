#include "train/imagenet_recipes.h"

#include <optional>
#include <string_view>

#include "layers/quantizers/quantizer.h"

namespace lq {

namespace {

struct Bits {
  int weights;
  int activations;
};

/// How HWGQ trains a network.
struct HwgqSettings {
  double base_rate = 0;
  double weight_decay = 0;
  std::int64_t batch = 256;
};

/// A network with its rows.
struct Network {
  std::string_view model;
  std::string_view title;
  int crop = 224;
  std::optional<HwgqSettings> hwgq;  ///< where a row has 1/2 bits
  std::vector<Bits> rows;
};

constexpr Bits floats{.weights = float_bits, .activations = float_bits};

constexpr Bits weights_only(int bits) { return {.weights = bits, .activations = float_bits}; }

std::vector<Network> networks() {
  constexpr HwgqSettings usual{.base_rate = 0.1, .weight_decay = 5e-5};
  return {
      {.model = "alexnet",
       .title = "AlexNet",
       .crop = 227,
       .hwgq = {{.base_rate = 0.02, .weight_decay = 5e-4}},
       .rows = {floats, weights_only(2), {1, 2}, {2, 2}}},
      {.model = "resnet18",
       .title = "ResNet-18",
       .hwgq = usual,
       .rows = {floats,
                weights_only(2),
                weights_only(3),
                weights_only(4),
                {1, 2},
                {2, 2},
                {3, 3},
                {4, 4}}},
      {.model = "resnet34",
       .title = "ResNet-34",
       .hwgq = usual,
       .rows = {floats, {1, 2}, {2, 2}, {3, 3}}},
      {.model = "resnet50",
       .title = "ResNet-50",
       .hwgq = usual,
       .rows = {floats, weights_only(2), weights_only(4), {1, 2}, {2, 2}, {3, 3}, {4, 4}}},
      {.model = "densenet121", .title = "DenseNet-121", .hwgq = {}, .rows = {floats, {2, 2}}},
      {.model = "vgg-variant",
       .title = "VGG-Variant",
       .hwgq = {{.base_rate = 0.01, .weight_decay = 5e-4, .batch = 128}},
       .rows = {floats, {1, 2}, {2, 2}}},
      {.model = "googlenet-variant",
       .title = "GoogLeNet-Variant",
       .hwgq = usual,
       .rows = {floats, {1, 2}, {2, 2}}},
  };
}

bool is_trained_as_hwgq(Bits bits) { return bits.weights == 1 && bits.activations == 2; }

std::string describe(Bits bits) {
  if (bits.weights == float_bits) return "floating point";
  if (bits.activations == float_bits) return fmt::format("{}-bit weights", bits.weights);
  return fmt::format("{}-bit weights, {}-bit activations", bits.weights, bits.activations);
}

Recipe make(const Network& network, Bits bits) {
  Recipe recipe;
  recipe.name = fmt::format("imagenet-{}-w{}a{}", network.model, bits.weights, bits.activations);
  recipe.summary = fmt::format("{}, {}", network.title, describe(bits));
  recipe.model = network.model;
  recipe.w_bits = bits.weights;
  recipe.a_bits = bits.activations;
  recipe.dataset = "imagenet";
  recipe.momentum = 0.9;
  recipe.augmentation.resize.crop = network.crop;
  if (is_trained_as_hwgq(bits)) {
    recipe.augmentation.kind = AugmentationKind::crop;
    recipe.epochs = 64;
    const HwgqSettings& hwgq = network.hwgq.value();
    recipe.batch = hwgq.batch;
    recipe.weight_decay = hwgq.weight_decay;
    recipe.schedule = {
        .base_rate = hwgq.base_rate, .decay = PolynomialDecay{}, .unit = ScheduleUnit::step};
  } else {
    recipe.augmentation.kind = AugmentationKind::resized_crop;
    recipe.epochs = 120;
    recipe.batch = 256;
    recipe.weight_decay = 1e-4;
    recipe.schedule = {.base_rate = 0.1,
                       .decay = MultiStepDecay{.boundaries = {30, 60, 85, 95, 105}}};
  }
  return recipe;
}

}  // namespace

std::vector<Recipe> imagenet_recipes() {
  std::vector<Recipe> recipes;
  for (const Network& network : networks()) {
    for (const Bits bits : network.rows) recipes.push_back(make(network, bits));
  }
  return recipes;
}

}  // namespace lq
