#include "train/published_accuracy.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "layers/quantizers/quantizer.h"

namespace lq {

namespace {

struct Row {
  std::string_view dataset;
  std::string_view model;
  int w_bits;
  int a_bits;
  PublishedAccuracy accuracy;
};

constexpr std::string_view cifar10 = "cifar10";
constexpr std::string_view imagenet = "imagenet";

constexpr std::array rows = std::to_array<Row>({
    {cifar10, "resnet20", float_bits, float_bits, {92.1, {}}},
    {cifar10, "resnet20", 2, float_bits, {91.8, {}}},
    {cifar10, "resnet20", 1, 2, {88.4, {}}},
    {cifar10, "resnet20", 2, 2, {90.2, {}}},
    {cifar10, "resnet20", 2, 3, {91.1, {}}},
    {cifar10, "resnet20", 3, 3, {91.6, {}}},
    {cifar10, "vgg-small", float_bits, float_bits, {93.8, {}}},
    {cifar10, "vgg-small", 1, float_bits, {93.5, {}}},
    {cifar10, "vgg-small", 2, float_bits, {93.8, {}}},
    {cifar10, "vgg-small", 3, float_bits, {93.8, {}}},
    {cifar10, "vgg-small", 1, 2, {93.4, {}}},
    {cifar10, "vgg-small", 2, 2, {93.5, {}}},
    {cifar10, "vgg-small", 2, 3, {93.8, {}}},
    {cifar10, "vgg-small", 3, 3, {93.8, {}}},
    {imagenet, "resnet18", 1, 2, {62.6, 84.3}},
    {imagenet, "resnet18", 2, 2, {64.9, 85.9}},
    {imagenet, "resnet18", 3, 3, {68.2, 87.9}},
    {imagenet, "resnet18", 4, 4, {69.3, 88.8}},
    {imagenet, "resnet18", 2, float_bits, {68.0, 88.0}},
    {imagenet, "resnet18", 3, float_bits, {69.3, 88.8}},
    {imagenet, "resnet18", 4, float_bits, {70.0, 89.1}},
    {imagenet, "resnet34", 1, 2, {66.6, 86.9}},
    {imagenet, "resnet34", 2, 2, {69.8, 89.1}},
    {imagenet, "resnet34", 3, 3, {71.9, 90.2}},
    {imagenet, "resnet50", 1, 2, {68.7, 88.4}},
    {imagenet, "resnet50", 2, 2, {71.5, 90.3}},
    {imagenet, "resnet50", 3, 3, {74.2, 91.6}},
    {imagenet, "resnet50", 4, 4, {75.1, 92.4}},
    {imagenet, "resnet50", 2, float_bits, {75.1, 92.3}},
    {imagenet, "resnet50", 4, float_bits, {76.4, 93.1}},
    {imagenet, "resnet50", float_bits, float_bits, {76.4, 93.2}},
    {imagenet, "alexnet", float_bits, float_bits, {61.8, 83.5}},
    {imagenet, "alexnet", 1, 2, {55.7, 78.8}},
    {imagenet, "alexnet", 2, 2, {57.4, 80.1}},
    {imagenet, "alexnet", 2, float_bits, {60.5, 82.7}},
    {imagenet, "densenet121", 2, 2, {69.6, 89.1}},
    {imagenet, "vgg-variant", 1, 2, {67.1, 87.6}},
    {imagenet, "vgg-variant", 2, 2, {68.8, 88.6}},
    {imagenet, "googlenet-variant", 1, 2, {65.6, 86.4}},
    {imagenet, "googlenet-variant", 2, 2, {68.2, 88.1}},
});

}  // namespace

std::optional<PublishedAccuracy> published_accuracy(const Recipe& recipe) {
  // A network in floating point has no quantizer, whatever the recipe's field says.
  if (recipe.quantizer != "lq" && (recipe.w_bits != float_bits || recipe.a_bits != float_bits))
    return std::nullopt;
  const auto row = std::ranges::find_if(rows, [&recipe](const Row& candidate) {
    return candidate.dataset == recipe.dataset && candidate.model == recipe.model &&
           candidate.w_bits == recipe.w_bits && candidate.a_bits == recipe.a_bits;
  });
  if (row == rows.end()) return std::nullopt;
  return row->accuracy;
}

std::optional<PublishedAccuracy> published_accuracy(const Recipe& recipe, std::int64_t classes) {
  const std::int64_t of_the_paper = recipe.dataset == imagenet ? 1000 : 10;
  return classes == of_the_paper ? published_accuracy(recipe) : std::nullopt;
}

}  // namespace lq
