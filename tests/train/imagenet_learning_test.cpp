// Networks for ImageNet on JPEG files: they learn.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "autograd/softmax_cross_entropy.h"
#include "data/dataset_registry.h"
#include "data/resize_transforms.h"
#include "data/synthetic_photographs.h"
#include "models/model.h"
#include "tests/support/small_input.h"
#include "tests/support/temporary_folder.h"
#include "train/device_batches.h"
#include "train/trainer.h"

namespace lq::testing {
namespace {

constexpr std::int64_t images = 16;
constexpr std::int64_t classes = 4;

/// Whether two losses in a row are a fifth below the first.
bool has_fallen(const std::vector<double>& losses) {
  const std::size_t n = losses.size();
  return n > 2 && std::max(losses[n - 1], losses[n - 2]) < 0.8 * losses.front();
}

/// A folder of JPEG files in ImageNet's layout, with classes that can be told apart.
class Photographs {
 public:
  Photographs() {
    write_photographs(folder_.path(), {.classes = classes,
                                       .train_images = images / classes,
                                       .val_images = 1,
                                       .height = 96,
                                       .width = 128});
  }
  DatasetSplits open() const { return open_dataset("imagenet", folder_.path()); }

 private:
  TemporaryFolder folder_;
};

Batch all_images(const DatasetSplits& data, int crop) {
  Loader loader(data.train,
                std::make_shared<CentreCropTransform>(
                    ResizeOptions{.crop = crop, .shorter_side = crop + crop / 8}),
                {.batch = images, .threads = 0});
  DeviceBatches batches(loader, Device{});
  batches.start(/*epoch=*/0);
  return *batches.next();
}

double root_mean_square(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value) * static_cast<double>(value);
  return std::sqrt(sum / static_cast<double>(values.size()));
}

/// A step along the gradient whose length is a share of the values' own. Gradients themselves grow
/// from block to block on their way back through quantizers, up to 1e5 in ResNet-152 as it begins.
void descend(std::span<float> values, std::span<const float> gradient) {
  constexpr double share = 0.003;
  constexpr double least = 0.1;  // for those that begin at 0
  const double length = root_mean_square(gradient);
  if (length == 0.0) return;
  const double rate = share * std::max(root_mean_square(values), least) / length;
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] -= static_cast<float>(rate * static_cast<double>(gradient[i]));
  }
}

/// The losses before each step, until they have fallen.
std::vector<double> losses_of(const std::string& name, const Shape& input) {
  constexpr int most_steps = 12;
  const auto model = make_model(name, {.classes = classes, .input = input});
  model->initialize(3);
  const Photographs photographs;
  const Batch batch = all_images(photographs.open(), static_cast<int>(input[0]));
  const Variable x(batch.images);
  std::vector<double> losses;
  for (int step = 0; step < most_steps && !has_fallen(losses); ++step) {
    Variable loss = autograd::softmax_cross_entropy((*model)(x), batch.labels);
    losses.push_back(static_cast<double>(loss.value().span<float>()[0]));
    loss.backward();
    for (Parameter& parameter : model->parameters()) {
      descend(parameter.variable.value().span<float>(),
              parameter.variable.gradient().span<float>());
    }
    model->clear_gradients();
  }
  return losses;
}

class LearningTest : public ::testing::TestWithParam<std::string> {};

TEST_P(LearningTest, LossFalls) {
  const std::string name = GetParam();
  Shape input = small_input(name);
  if (input[0] < 32) input = {32, 32, 3};
  const auto losses = losses_of(name, input);
  EXPECT_TRUE(has_fallen(losses)) << fmt::format("losses {:.3f}", fmt::join(losses, ", "));
}

std::vector<std::string> imagenet_models() {
  std::vector<std::string> names;
  for (const ModelInfo& info : models()) {
    if (info.classes == 1000) names.emplace_back(info.name);
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(ImageNet, LearningTest, ::testing::ValuesIn(imagenet_models()),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(ImagenetTrainingTest, ResNet18LearnsItsImagesByHeart) {
  const Photographs photographs;
  DatasetSplits data = photographs.open();
  data.test = data.train;
  Recipe recipe = find_recipe("imagenet-resnet18-w2a2");
  recipe.augmentation.kind = AugmentationKind::crop;
  recipe.augmentation.resize.crop = 48;
  recipe.augmentation.resize.shorter_side = 52;
  recipe.batch = 8;
  recipe.epochs = 12;
  recipe.schedule = {.base_rate = 0.02, .decay = PolynomialDecay{}, .unit = ScheduleUnit::step};
  const TemporaryFolder folder;
  const auto model = make_model(recipe.model, model_options(recipe, classes, {48, 48, 3}));
  TrainerOptions options{.recipe = recipe, .output = folder / "run"};
  options.progress.stream = nullptr;
  const TrainingResult result = Trainer(*model, data, options).run();
  EXPECT_EQ(result.best->accuracy, 1.0);
}

}  // namespace
}  // namespace lq::testing
