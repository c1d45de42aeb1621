// lqnet train --init, as users call it.

#include <gtest/gtest.h>

#include "tests/apps/process.h"
#include "tests/apps/tiny_recipe.h"
#include "tests/support/compare.h"
#include "tests/support/quantized_weights.h"
#include "train/checkpoint.h"

namespace lq::testing {
namespace {

class InitTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    Recipe recipe = tiny_recipe();
    recipe.epochs = 1;
    write_recipe(*folder_ / "tiny.json", recipe);
    ASSERT_EQ(train({"--w-bits", "32", "--a-bits", "32", "--out", "float"}).exit_code, 0);
    ASSERT_EQ(train({"--out", "two"}).exit_code, 0);
    ASSERT_EQ(run({"pack", "--checkpoint", "two", "--out", "two.lqn"}).exit_code, 0);
  }
  static void TearDownTestSuite() { delete folder_; }

  static ProcessResult run(const std::vector<std::string>& arguments) {
    return run_lqnet(arguments, {.folder = folder_->path()});
  }
  static ProcessResult train(const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"train", "--recipe", "tiny.json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  }
  static Checkpoint checkpoint(const char* name) { return load_checkpoint(*folder_ / name); }

  static inline TemporaryFolder* folder_ = nullptr;
};

const Tensor& value(const StateDict& state, const std::string& name) {
  return std::ranges::find(state, name, &StateDict::value_type::first)->second;
}

TEST_F(InitTest, ARunBeginsWithACheckpointOfOtherBits) {
  const ProcessResult result = train({"--init", "float", "--lr", "1e-20", "--weight-decay", "0",
                                      "--max-steps", "1", "--out", "begun"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("warm start: "), std::string::npos) << result.err;
  const ProcessResult info = run({"info", "--checkpoint", "begun", "--json"});
  EXPECT_EQ(info.json()["training"]["began_with"], "float");
  const ProcessResult stats = run({"stats", "--checkpoint", "begun", "--images", "8", "--json"});
  EXPECT_NE(stats.err.find("the run began with the values of float; what is shown as initial is "
                           "what its seed makes"),
            std::string::npos)
      << stats.err;
  // A step of such a size leaves every weight as it was.
  const Checkpoint begun = checkpoint("begun/last.safetensors");
  const Checkpoint source = checkpoint("float/best.safetensors");
  int compared = 0;
  for (const auto& [name, tensor] : source.model) {
    if (!name.ends_with(".weight")) continue;
    ++compared;
    EXPECT_TRUE(std::ranges::equal(tensor.span<float>(), value(begun.model, name).span<float>()))
        << name;
  }
  EXPECT_GT(compared, 2);
}

TEST_F(InitTest, ARunBeginsWithTheWeightsOfAPackedNetwork) {
  const ProcessResult result = train({"--init", "two.lqn", "--lr", "1e-20", "--weight-decay", "0",
                                      "--max-steps", "1", "--out", "unpacked"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Checkpoint begun = checkpoint("unpacked/last.safetensors");
  const auto model = restore_model(checkpoint("two/best.safetensors"));
  const QuantizedWeights expected = quantized_weights(*model);
  ASSERT_EQ(expected.quantized, 2);
  ASSERT_EQ(expected.weights.size(), 4U);
  for (const auto& [name, weight] : expected.weights) {
    const auto actual = value(begun.model, name).span<float>();
    const std::vector<double> levels(weight.span<float>().begin(), weight.span<float>().end());
    EXPECT_TRUE(all_close(actual, levels, 1e-6, 0)) << name;
  }
}

TEST_F(InitTest, VariantsAreToldApart) {
  const std::vector<std::string> one_step = {"--model", "resnet18", "--max-steps", "1"};
  const auto train_resnet = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), one_step.begin(), one_step.end());
    return train(arguments);
  };
  ASSERT_EQ(train_resnet({"--w-bits", "32", "--a-bits", "32", "--out", "post"}).exit_code, 0);
  const ProcessResult refused = train_resnet({"--init", "post", "--out", "failed"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_NE(refused.err.find("post/best.safetensors: holds a resnet18 of variant post-activation, "
                             "expected variant type-b (see --variant)"),
            std::string::npos)
      << refused.err;
  ASSERT_EQ(run({"pack", "--checkpoint", "post", "--out", "post.lqn"}).exit_code, 0);
  const ProcessResult packed = train_resnet({"--init", "post.lqn", "--out", "failed"});
  EXPECT_EQ(packed.exit_code, 1);
  EXPECT_NE(packed.err.find("post.lqn: holds a resnet18 of variant post-activation, expected "
                            "variant type-b (see --variant)"),
            std::string::npos)
      << packed.err;
  const ProcessResult begun =
      train_resnet({"--init", "post", "--w-bits", "2", "--a-bits", "32", "--out", "weights_only"});
  EXPECT_EQ(begun.exit_code, 0) << begun.err;
}

TEST_F(InitTest, WhatCannotBeBegunWithIsSaidInOneLine) {
  const auto expect_error = [](const std::vector<std::string>& arguments, int exit_code,
                               const std::string& message) {
    const ProcessResult result = train(arguments);
    EXPECT_EQ(result.exit_code, exit_code) << result.err;
    EXPECT_NE(result.err.find(message), std::string::npos) << result.err;
    EXPECT_FALSE(std::filesystem::exists(*folder_ / "failed" / "last.safetensors"));
  };
  expect_error({"--init", "float", "--model", "resnet20", "--out", "failed"}, 1,
               "float/best.safetensors: holds a small-cnn, expected a resnet20");
  expect_error({"--init", "two.lqn", "--model", "resnet20", "--out", "failed"}, 1,
               "two.lqn: holds a small-cnn, expected a resnet20");
  expect_error({"--init", "nothing", "--out", "failed"}, 1, "nothing: ");
  expect_error({"--init", "nothing.lqn", "--out", "failed"}, 1, "nothing.lqn: ");
  expect_error({"--init", "float", "--resume", "--out", "two"}, 2, "--init excludes --resume");
}

}  // namespace
}  // namespace lq::testing
