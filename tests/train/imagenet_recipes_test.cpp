#include "train/imagenet_recipes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <set>
#include <tuple>

#include "models/model.h"
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
    EXPECT_EQ(recipe.augmentation.resize.interpolation, Interpolation::bicubic);
    EXPECT_EQ(recipe.augmentation.resize.order, ChannelOrder::rgb);
    EXPECT_EQ(recipe.augmentation.resize.reducing_gap, 0);
    EXPECT_EQ(recipe.augmentation.style, AugmentationStyle::fb_resnet);
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

struct PublishedRow {
  std::string dataset;
  std::string model;
  std::string bits;  // of weights / of activations
  double top1;
  std::optional<double> top5;
};

/// The paper's tables, typed from spec section 6 by the number of bits rather than by network.
std::vector<PublishedRow> published_rows() {
  std::vector<PublishedRow> rows;
  const auto add = [&rows](const std::string& dataset, const std::string& bits,
                           std::initializer_list<std::tuple<const char*, double, double>> results) {
    for (const auto& [model, top1, top5] : results) {
      rows.push_back(
          {dataset, model, bits, top1, top5 > 0 ? std::optional<double>(top5) : std::nullopt});
    }
  };
  add("imagenet", "1/2",
      {{"resnet18", 62.6, 84.3},
       {"resnet34", 66.6, 86.9},
       {"resnet50", 68.7, 88.4},
       {"alexnet", 55.7, 78.8},
       {"vgg-variant", 67.1, 87.6},
       {"googlenet-variant", 65.6, 86.4}});
  add("imagenet", "2/2",
      {{"resnet18", 64.9, 85.9},
       {"resnet34", 69.8, 89.1},
       {"resnet50", 71.5, 90.3},
       {"alexnet", 57.4, 80.1},
       {"densenet121", 69.6, 89.1},
       {"vgg-variant", 68.8, 88.6},
       {"googlenet-variant", 68.2, 88.1}});
  add("imagenet", "3/3",
      {{"resnet18", 68.2, 87.9}, {"resnet34", 71.9, 90.2}, {"resnet50", 74.2, 91.6}});
  add("imagenet", "4/4", {{"resnet18", 69.3, 88.8}, {"resnet50", 75.1, 92.4}});
  add("imagenet", "2/32",
      {{"resnet18", 68.0, 88.0}, {"resnet50", 75.1, 92.3}, {"alexnet", 60.5, 82.7}});
  add("imagenet", "3/32", {{"resnet18", 69.3, 88.8}});
  add("imagenet", "4/32", {{"resnet18", 70.0, 89.1}, {"resnet50", 76.4, 93.1}});
  add("imagenet", "32/32", {{"resnet50", 76.4, 93.2}, {"alexnet", 61.8, 83.5}});
  add("cifar10", "32/32", {{"resnet20", 92.1, 0}, {"vgg-small", 93.8, 0}});
  add("cifar10", "1/32", {{"vgg-small", 93.5, 0}});
  add("cifar10", "2/32", {{"resnet20", 91.8, 0}, {"vgg-small", 93.8, 0}});
  add("cifar10", "3/32", {{"vgg-small", 93.8, 0}});
  add("cifar10", "1/2", {{"resnet20", 88.4, 0}, {"vgg-small", 93.4, 0}});
  add("cifar10", "2/2", {{"resnet20", 90.2, 0}, {"vgg-small", 93.5, 0}});
  add("cifar10", "2/3", {{"resnet20", 91.1, 0}, {"vgg-small", 93.8, 0}});
  add("cifar10", "3/3", {{"resnet20", 91.6, 0}, {"vgg-small", 93.8, 0}});
  return rows;
}

/// Every number of it, and no other row for any network and any bits.
TEST(PublishedAccuracyTest, IsThatOfThePapersTables) {
  const std::vector<PublishedRow> rows = published_rows();
  std::size_t found = 0;
  for (const char* dataset : {"imagenet", "cifar10"}) {
    for (const ModelInfo& model : models()) {
      for (const int w_bits : {1, 2, 3, 4, 5, 6, 7, 8, 32}) {
        for (const int a_bits : {1, 2, 3, 4, 5, 6, 7, 8, 32}) {
          Recipe recipe;
          recipe.dataset = dataset;
          recipe.model = model.name;
          recipe.w_bits = w_bits;
          recipe.a_bits = a_bits;
          const std::string bits = fmt::format("{}/{}", w_bits, a_bits);
          const std::string place = fmt::format("{} {} {}", dataset, recipe.model, bits);
          const auto published = published_accuracy(recipe);
          const auto row = std::ranges::find_if(rows, [&](const PublishedRow& candidate) {
            return candidate.dataset == dataset && candidate.model == recipe.model &&
                   candidate.bits == bits;
          });
          ASSERT_EQ(published.has_value(), row != rows.end()) << place;
          if (!published) continue;
          ++found;
          EXPECT_EQ(published->top1, row->top1) << place;
          EXPECT_EQ(published->top5, row->top5) << place;
        }
      }
    }
  }
  EXPECT_EQ(found, rows.size());
}

TEST(PublishedAccuracyTest, NeedsTheQuantizerAndTheDataSetOfThePaper) {
  Recipe recipe = find_recipe("imagenet-resnet18-w1a2");
  EXPECT_TRUE(published_accuracy(recipe));
  EXPECT_TRUE(published_accuracy(recipe, 1000));
  EXPECT_FALSE(published_accuracy(recipe, 999));
  recipe.quantizer = "hwgq";
  EXPECT_FALSE(published_accuracy(recipe));
  Recipe cifar = find_recipe("cifar10-vgg-small");
  EXPECT_TRUE(published_accuracy(cifar));
  cifar.dataset = "cifar100";
  EXPECT_FALSE(published_accuracy(cifar));
}

}  // namespace
}  // namespace lq::testing
