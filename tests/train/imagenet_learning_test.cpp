// Networks for ImageNet on JPEG files: they learn.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <string>
#include <utility>
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

/// Whether the mean of four losses in a row, which go up and down, is a fifth below the first.
bool has_fallen(const std::vector<double>& losses) {
  constexpr std::ptrdiff_t row = 4;
  if (std::ssize(losses) <= row) return false;
  return std::accumulate(losses.end() - row, losses.end(), 0.0) / row < 0.8 * losses.front();
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

/// By what a gradient is multiplied to be a share of the values as long. Gradients themselves grow
/// from block to block on their way back through quantizers, up to 1e5 in ResNet-152 as it begins.
double rate_of(std::span<const float> values, std::span<const float> gradient, double share) {
  constexpr double least = 0.1;  // for those that begin at 0
  const double length = root_mean_square(gradient);
  return length == 0.0 ? 0.0 : share * std::max(root_mean_square(values), least) / length;
}

void descend(std::span<float> values, std::span<const float> gradient) {
  const double rate = rate_of(values, gradient, 0.003);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] -= static_cast<float>(rate * static_cast<double>(gradient[i]));
  }
}

/// The losses before each step, until they have fallen.
std::vector<double> losses_of(const std::string& name, const Shape& input) {
  constexpr int most_steps = 20;
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

/// By how much a gradient says that the loss of a float network changes, where each parameter moves
/// by the same small share of its own length, divided by how much it does.
double slope_ratio(const std::string& name, const Shape& input) {
  constexpr double change = 0.01;
  const auto model = make_model(
      name, {.w_bits = float_bits, .a_bits = float_bits, .classes = classes, .input = input});
  model->initialize(3);
  const Photographs photographs;
  const Batch batch = all_images(photographs.open(), static_cast<int>(input[0]));
  const Variable x(batch.images);
  const auto loss = [&] { return autograd::softmax_cross_entropy((*model)(x), batch.labels); };
  loss().backward();
  double slope = 0;
  std::vector<Tensor> starts, directions;
  for (Parameter& parameter : model->parameters()) {
    const auto values = std::as_const(parameter.variable.value()).span<float>();
    const auto gradient = parameter.variable.gradient().span<float>();
    const double rate = rate_of(values, gradient, /*share=*/1);
    starts.push_back(parameter.variable.value().clone());
    directions.emplace_back(parameter.variable.shape(), DType::f32);
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      const double step = rate * static_cast<double>(gradient[i]);
      directions.back().span<float>()[i] = static_cast<float>(step);
      slope += step * static_cast<double>(gradient[i]);
    }
  }
  const autograd::NoGradScope no_tape;
  const auto loss_at = [&](double distance) {
    std::size_t index = 0;
    for (Parameter& parameter : model->parameters()) {
      const auto start = std::as_const(starts[index]).span<float>();
      const auto direction = std::as_const(directions[index++]).span<float>();
      const auto values = parameter.variable.value().span<float>();
      for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = static_cast<float>(start[i] + distance * direction[i]);
      }
    }
    return static_cast<double>(loss().value().span<float>()[0]);
  };
  return 2 * change / (loss_at(change / slope) - loss_at(-change / slope));
}

class LearningTest : public ::testing::TestWithParam<std::string> {
 protected:
  Shape input() const {
    const Shape small = small_input(GetParam());
    return small[0] < 32 ? Shape{32, 32, 3} : small;
  }
};

TEST_P(LearningTest, GradientIsTheSlopeOfTheLoss) {
  EXPECT_NEAR(slope_ratio(GetParam(), input()), 1.0, 0.02);
}

TEST_P(LearningTest, LossFalls) {
  const auto losses = losses_of(GetParam(), input());
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
