// A few steps of training: the loss of one batch falls.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "autograd/softmax_cross_entropy.h"
#include "models/model.h"
#include "tests/support/random.h"
#include "tests/support/small_input.h"

namespace lq::testing {
namespace {

constexpr std::int64_t images = 16;
constexpr std::int64_t classes = 4;

/// Whether two losses in a row are a fifth below the first.
bool has_fallen(const std::vector<double>& losses) {
  const std::size_t n = losses.size();
  return n > 2 && std::max(losses[n - 1], losses[n - 2]) < 0.8 * losses.front();
}

/// The losses before each step of plain gradient descent, until they have fallen.
std::vector<double> losses_of(const std::string& name, const ModelOptions& options) {
  constexpr int most_steps = 12;
  constexpr float rate = 0.01F;
  const auto model = make_model(name, options);
  model->initialize(3);
  // A colour for each class, and noise.
  Tensor noisy = random_normal({images, options.input[0], options.input[1], 3}, 1, 0.0, 0.5);
  Tensor labels({images}, DType::i32);
  const Tensor colours = random_normal({classes, 3}, 2);
  const std::int64_t elements = noisy.elements() / images;
  for (std::int64_t i = 0; i < images; ++i) {
    labels.span<std::int32_t>()[i] = static_cast<std::int32_t>(i % classes);
    for (std::int64_t e = 0; e < elements; ++e) {
      noisy.span<float>()[i * elements + e] += colours.span<float>()[i % classes * 3 + e % 3];
    }
  }
  const Variable x(noisy);
  std::vector<double> losses;
  for (int step = 0; step < most_steps && !has_fallen(losses); ++step) {
    Variable loss = autograd::softmax_cross_entropy((*model)(x), labels);
    losses.push_back(static_cast<double>(loss.value().span<float>()[0]));
    loss.backward();
    for (Parameter& parameter : model->parameters()) {
      const auto gradient = parameter.variable.gradient().span<float>();
      const auto values = parameter.variable.value().span<float>();
      for (std::size_t i = 0; i < values.size(); ++i) values[i] -= rate * gradient[i];
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
  const auto losses = losses_of(name, {.classes = classes, .input = input});
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

}  // namespace
}  // namespace lq::testing
