// A network, data and settings so small that whole training runs fit into tests.
#pragma once

#include <cmath>
#include <filesystem>

#include "autograd/conv2d.h"
#include "autograd/linear.h"
#include "autograd/relu.h"
#include "autograd/reshape.h"
#include "data/synthetic.h"
#include "train/trainer.h"

namespace lq::testing {

/// Convolution with stride 2, ReLU, fully connected. Like a quantizer, it keeps a state that
/// training changes without gradients and that the next forward pass depends on: `gain` divides
/// the input and follows the size of the logits.
class TinyNet final : public Module {
 public:
  explicit TinyNet(std::int64_t classes = 3) : classes_(classes) {
    kernel_ = add_parameter("kernel", {8, 3, 3, 2}, Initializer::variance_scaling(18), true);
    weight_ = add_parameter("weight", {classes, 128}, Initializer::variance_scaling(128), true);
    bias_ = add_parameter("bias", {classes}, Initializer::zeros());
    gain_ = add_buffer("gain", Tensor::full({1}, 1.0F));
  }

 protected:
  Variable forward(const Variable& x) override {
    Tensor scaled = x.value().clone();
    for (float& value : scaled.span<float>()) value /= gain_.span<float>()[0];
    const Variable features = autograd::relu(
        autograd::conv2d(Variable(scaled), kernel_, Variable(), {.stride_h = 2, .stride_w = 2}));
    const Variable logits =
        autograd::linear(autograd::reshape(features, {x.shape()[0], 128}), weight_, bias_);
    if (training()) follow(logits.value());
    return logits;
  }

 private:
  void follow(const Tensor& logits) {
    float sum = 0.0F;
    for (const float value : logits.span<float>()) sum += std::abs(value);
    float& gain = gain_.span<float>()[0];
    gain = 0.9F * gain + 0.1F * (1.0F + sum / static_cast<float>(logits.elements()));
  }

  std::int64_t classes_;
  Variable kernel_;
  Variable weight_;
  Variable bias_;
  Tensor gain_;
};

/// 13 batches of 8 per epoch, and two images that are left over; a test set with a partial batch.
inline constexpr SyntheticOptions tiny_images{.train_images = 106,
                                              .test_images = 30,
                                              .height = 8,
                                              .width = 8,
                                              .channels = 2,
                                              .classes = 3,
                                              .noise = 32.0F,
                                              .seed = 3};

inline DatasetSplits tiny_data() { return make_synthetic(tiny_images); }

inline constexpr std::int64_t tiny_steps_per_epoch = 13;
inline constexpr std::int64_t tiny_test_batches = 4;

/// Which of all questions whether a run shall stop is the one after this step: evaluations ask,
/// too.
constexpr std::int64_t question_after_step(std::int64_t step) {
  return step + (step - 1) / tiny_steps_per_epoch * tiny_test_batches;
}

inline Recipe tiny_recipe() {
  Recipe recipe;
  recipe.name = "tiny";
  recipe.model = "tiny-net";
  recipe.dataset = "synthetic";
  recipe.dataset_options.synthetic = tiny_images;
  recipe.crop_padding = 1;
  recipe.flip = true;
  recipe.epochs = 3;
  recipe.batch = 8;
  recipe.schedule = {.base_rate = 0.2,
                     .decay = PolynomialDecay{},
                     .unit = ScheduleUnit::step,
                     .warmup_epochs = 0.5};
  recipe.weight_decay = 1e-3;
  recipe.seed = 7;
  return recipe;
}

/// A line of metrics for every step, nothing on screen.
inline TrainerOptions tiny_options(const std::filesystem::path& output) {
  TrainerOptions options;
  options.recipe = tiny_recipe();
  options.output = output;
  options.log_interval = 1;
  options.progress.stream = nullptr;
  return options;
}

}  // namespace lq::testing
