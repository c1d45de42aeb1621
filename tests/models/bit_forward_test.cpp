#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "autograd/softmax_cross_entropy.h"
#include "models/model.h"
#include "tests/support/compare.h"
#include "tests/support/random.h"

namespace lq::testing {
namespace {

constexpr std::int64_t images = 32;
constexpr std::int64_t classes = 4;

/// Noise around one pattern per class, so that there is something to learn.
struct Example {
  Tensor x{{images, 12, 12, 3}};
  Tensor labels{{images}, DType::i32};

  Example() {
    const Tensor patterns = random_normal({classes, 12, 12, 3}, 1);
    const Tensor noise = random_normal(x.shape(), 2, 0.0, 0.5);
    const std::int64_t pixels = patterns.elements() / classes;
    for (std::int64_t i = 0; i < x.elements(); ++i) {
      const std::int64_t label = i / pixels % classes;
      labels.span<std::int32_t>()[i / pixels] = static_cast<std::int32_t>(label);
      x.span<float>()[i] =
          noise.span<float>()[i] + patterns.span<float>()[label * pixels + i % pixels];
    }
  }
};

struct Outcome {
  std::vector<double> losses;
  std::vector<std::int64_t> predictions;
  std::set<std::string> operations;
};

Outcome trained(const std::string& name, ModelOptions options, bool bit_forward) {
  options.classes = classes;
  options.input = {12, 12, 3};
  options.bit_forward = bit_forward;
  const auto model = make_model(name, options);
  model->initialize(3);
  const Example example;
  Outcome outcome;
  Variable logits;
  for (int step = 0; step < 6; ++step) {
    logits = (*model)(Variable(example.x));
    Variable loss = autograd::softmax_cross_entropy(logits, example.labels);
    outcome.losses.push_back(static_cast<double>(loss.value().span<float>()[0]));
    for (const auto& record : autograd::records_of(loss)) {
      outcome.operations.emplace(record->operation);
    }
    loss.backward();
    for (auto& parameter : model->parameters()) {
      const auto gradient = parameter.variable.gradient().span<float>();
      const auto value = parameter.variable.value().span<float>();
      for (std::size_t i = 0; i < value.size(); ++i) value[i] -= 0.02F * gradient[i];
      parameter.variable.clear_gradient();
    }
  }
  const auto scores = logits.value().span<float>();
  for (std::int64_t n = 0; n < images; ++n) {
    const auto row = scores.subspan(n * classes, classes);
    outcome.predictions.push_back(std::ranges::max_element(row) - row.begin());
  }
  return outcome;
}

/// One network trained both ways.
struct Comparison {
  Outcome bits, floats;

  Comparison(const std::string& name, const ModelOptions& options)
      : bits(trained(name, options, true)), floats(trained(name, options, false)) {
    EXPECT_TRUE(bits.operations.contains("bit_conv2d")) << name;
    EXPECT_FALSE(floats.operations.contains("bit_conv2d")) << name;
    EXPECT_LT(bits.losses.back(), bits.losses.front()) << name;
  }
};

void expect_same_training(const ModelOptions& options) {
  const Comparison training("small-cnn", options);
  // Rounding moves a value across a threshold now and then, and grows from step to step.
  EXPECT_TRUE(all_close(training.bits.losses, training.floats.losses, 1e-3, 0));
  std::int64_t equal = 0;
  for (std::int64_t n = 0; n < images; ++n) {
    equal += training.bits.predictions[n] == training.floats.predictions[n] ? 1 : 0;
  }
  EXPECT_GE(equal, images - 1);
}

TEST(BitForwardTest, TrainingIsTheSameButForRounding) {
  expect_same_training({.w_bits = 2, .a_bits = 2});
  expect_same_training({.w_bits = 1, .a_bits = 1});
  expect_same_training({.w_bits = 3, .a_bits = 4});
}

TEST(BitForwardTest, OtherKindsOfQuantizersTrainAlike) {
  expect_same_training({.w_bits = 2, .a_bits = 2, .quantizer = "dorefa"});
  expect_same_training({.w_bits = 1, .a_bits = 2, .quantizer = "hwgq"});
}

TEST(BitForwardTest, ADeepNetworkTrainsAsWell) {
  // Through 18 quantized layers one value that crosses a threshold changes many more, and the steps
  // part: scaling the images by 1 - 2^-23 makes the losses of the float convolutions differ by 5 %
  // at the third step. Only the first loss can be compared; there it may be 1 %.
  const Comparison training("resnet20", {.w_bits = 2, .a_bits = 2});
  EXPECT_NEAR(training.bits.losses[0], training.floats.losses[0], 0.02 * training.floats.losses[0]);
}

}  // namespace
}  // namespace lq::testing
