#include "train/imagenet_recipes.h"

#include <gtest/gtest.h>

#include <set>

#include "train/published_accuracy.h"

namespace lq::testing {
namespace {

using DecayVariant = decltype(Schedule::decay);

TEST(ImagenetRecipesTest, HaveEveryRowOfThePapersTables) {
  // Spec section 6, W/A of each network; 32/32 stands for its floating-point column.
  const std::set<std::string> expected = {"alexnet-w32a32",
                                          "alexnet-w2a32",
                                          "alexnet-w1a2",
                                          "alexnet-w2a2",
                                          "resnet18-w32a32",
                                          "resnet18-w2a32",
                                          "resnet18-w3a32",
                                          "resnet18-w4a32",
                                          "resnet18-w1a2",
                                          "resnet18-w2a2",
                                          "resnet18-w3a3",
                                          "resnet18-w4a4",
                                          "resnet34-w32a32",
                                          "resnet34-w1a2",
                                          "resnet34-w2a2",
                                          "resnet34-w3a3",
                                          "resnet50-w32a32",
                                          "resnet50-w2a32",
                                          "resnet50-w4a32",
                                          "resnet50-w1a2",
                                          "resnet50-w2a2",
                                          "resnet50-w3a3",
                                          "resnet50-w4a4",
                                          "densenet121-w32a32",
                                          "densenet121-w2a2",
                                          "vgg-variant-w32a32",
                                          "vgg-variant-w1a2",
                                          "vgg-variant-w2a2",
                                          "googlenet-variant-w32a32",
                                          "googlenet-variant-w1a2",
                                          "googlenet-variant-w2a2"};
  std::set<std::string> names;
  for (const Recipe& recipe : imagenet_recipes()) {
    EXPECT_TRUE(names.insert(recipe.name.substr(std::string("imagenet-").size())).second);
    EXPECT_EQ(recipe.name,
              fmt::format("imagenet-{}-w{}a{}", recipe.model, recipe.w_bits, recipe.a_bits));
  }
  EXPECT_EQ(names, expected);
}

TEST(ImagenetRecipesTest, ImagesAreCroppedForTheNetwork) {
  for (const Recipe& recipe : imagenet_recipes()) {
    EXPECT_EQ(recipe.dataset, "imagenet");
    EXPECT_EQ(recipe.augmentation.resize.crop, recipe.model == "alexnet" ? 227 : 224);
    EXPECT_EQ(recipe.augmentation.resize.shorter_side, 256);
    EXPECT_TRUE(recipe.flip);
  }
}

TEST(ImagenetRecipesTest, OneBitWeightsAreTrainedAsInHwgq) {
  struct Row {
    std::string name;
    double rate;
    std::int64_t batch;
    double decay;
  };
  for (const Row& row : {Row{"alexnet", 0.02, 256, 5e-4}, Row{"vgg-variant", 0.01, 128, 5e-4},
                         Row{"googlenet-variant", 0.1, 256, 5e-5}, Row{"resnet18", 0.1, 256, 5e-5},
                         Row{"resnet34", 0.1, 256, 5e-5}, Row{"resnet50", 0.1, 256, 5e-5}}) {
    const Recipe& recipe = find_recipe("imagenet-" + row.name + "-w1a2");
    EXPECT_EQ(recipe.schedule.base_rate, row.rate);
    EXPECT_EQ(recipe.schedule.decay, DecayVariant(PolynomialDecay{.power = 1.0, .end_rate = 0.0}));
    EXPECT_EQ(recipe.schedule.unit, ScheduleUnit::step);
    EXPECT_EQ(recipe.batch, row.batch);
    EXPECT_EQ(recipe.weight_decay, row.decay);
    EXPECT_EQ(recipe.epochs, 64);
    EXPECT_EQ(recipe.augmentation.kind, AugmentationKind::crop);
    EXPECT_EQ(recipe.momentum, 0.9);
    EXPECT_FALSE(recipe.nesterov);
  }
}

TEST(ImagenetRecipesTest, MoreBitsAreTrainedInSteps) {
  int compared = 0;
  for (const Recipe& recipe : imagenet_recipes()) {
    if (recipe.w_bits == 1) continue;
    ++compared;
    EXPECT_EQ(recipe.schedule.base_rate, 0.1);
    EXPECT_EQ(recipe.schedule.decay, DecayVariant(MultiStepDecay{{30, 60, 85, 95, 105}, 10.0}));
    EXPECT_EQ(recipe.schedule.unit, ScheduleUnit::epoch);
    EXPECT_EQ(recipe.batch, 256);
    EXPECT_EQ(recipe.weight_decay, 1e-4);
    EXPECT_EQ(recipe.epochs, 120);
    EXPECT_EQ(recipe.augmentation.kind, AugmentationKind::resized_crop);
    EXPECT_EQ(recipe.momentum, 0.9);
    EXPECT_FALSE(recipe.nesterov);
  }
  EXPECT_EQ(compared, 25);
}

TEST(PublishedAccuracyTest, IsKnownForEveryQuantizedRowOnImagenet) {
  for (const Recipe& recipe : imagenet_recipes()) {
    const auto published = published_accuracy(recipe);
    if (recipe.w_bits == 32) continue;
    ASSERT_TRUE(published) << recipe.name;
    ASSERT_TRUE(published->top5) << recipe.name;
    EXPECT_LT(published->top1, *published->top5) << recipe.name;
  }
}

TEST(PublishedAccuracyTest, IsThatOfModelBitsAndDataSet) {
  Recipe recipe = find_recipe("imagenet-resnet18-w1a2");
  EXPECT_EQ(published_accuracy(recipe)->top1, 62.6);
  EXPECT_EQ(*published_accuracy(recipe)->top5, 84.3);
  recipe.w_bits = 2;
  EXPECT_EQ(published_accuracy(recipe)->top1, 64.9);
  recipe.a_bits = 5;
  EXPECT_FALSE(published_accuracy(recipe));
  recipe.a_bits = 2;
  recipe.quantizer = "hwgq";
  EXPECT_FALSE(published_accuracy(recipe));

  Recipe cifar = find_recipe("cifar10-vgg-small");
  cifar.w_bits = cifar.a_bits = 3;
  EXPECT_EQ(published_accuracy(cifar)->top1, 93.8);
  EXPECT_FALSE(published_accuracy(cifar)->top5);
  cifar.dataset = "cifar100";
  EXPECT_FALSE(published_accuracy(cifar));
}

}  // namespace
}  // namespace lq::testing
