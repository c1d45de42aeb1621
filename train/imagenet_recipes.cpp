#include "train/imagenet_recipes.h"

#include <string_view>

namespace lq {

namespace {

struct Bits {
  int weights;
  int activations;
};

/// A network with its rows, and HWGQ's settings, which it shares with the one of 1/2 bits.
struct Network {
  std::string_view model;
  std::string_view title;
  int crop;
  std::int64_t batch;
  double base_rate;
  double weight_decay;
  std::vector<Bits> rows;
};

std::vector<Network> networks() {
  return {
      {"alexnet", "AlexNet", 227, 256, 0.02, 5e-4, {{32, 32}, {2, 32}, {1, 2}, {2, 2}}},
      {"resnet18",
       "ResNet-18",
       224,
       256,
       0.1,
       5e-5,
       {{32, 32}, {2, 32}, {3, 32}, {4, 32}, {1, 2}, {2, 2}, {3, 3}, {4, 4}}},
      {"resnet34", "ResNet-34", 224, 256, 0.1, 5e-5, {{32, 32}, {1, 2}, {2, 2}, {3, 3}}},
      {"resnet50",
       "ResNet-50",
       224,
       256,
       0.1,
       5e-5,
       {{32, 32}, {2, 32}, {4, 32}, {1, 2}, {2, 2}, {3, 3}, {4, 4}}},
      {"densenet121", "DenseNet-121", 224, 256, 0.1, 5e-5, {{32, 32}, {2, 2}}},
      {"vgg-variant", "VGG-Variant", 224, 128, 0.01, 5e-4, {{32, 32}, {1, 2}, {2, 2}}},
      {"googlenet-variant", "GoogLeNet-Variant", 224, 256, 0.1, 5e-5, {{32, 32}, {1, 2}, {2, 2}}},
  };
}

bool is_trained_as_hwgq(Bits bits) { return bits.weights == 1 && bits.activations == 2; }

std::string describe(Bits bits) {
  if (bits.weights == 32) return "floating point";
  if (bits.activations == 32) return fmt::format("{}-bit weights", bits.weights);
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
    recipe.batch = network.batch;
    recipe.weight_decay = network.weight_decay;
    recipe.schedule = {
        .base_rate = network.base_rate, .decay = PolynomialDecay{}, .unit = ScheduleUnit::step};
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
