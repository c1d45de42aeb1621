#include "apps/initial_values.h"

#include <gtest/gtest.h>

#include "convert/pack.h"
#include "deploy/packed_file.h"
#include "models/model.h"
#include "tests/support/compare.h"
#include "tests/support/quantized_weights.h"
#include "tests/support/random.h"
#include "tests/support/temporary_folder.h"

namespace lq::testing {
namespace {

TEST(InitialValuesTest, APackedNetworkGivesLayersOfManySegmentsToo) {
  Recipe recipe = find_recipe("imagenet-densenet121-w2a2");
  const auto model = make_model(recipe.model, model_options(recipe, 1000, {32, 32, 3}));
  model->initialize(1);
  const TemporaryFolder folder;
  write_packed_model(
      folder / "net.lqn",
      convert::pack(*model, {32, 32, 3}, {.name = recipe.model, .variant = "as-released"}));
  const StateDict values = apps::initial_values(folder / "net.lqn", recipe, *model);
  const QuantizedWeights expected = quantized_weights(*model);
  EXPECT_EQ(expected.quantized, 119);  // all but the first and the last
  ASSERT_EQ(values.size(), expected.weights.size());
  for (const auto& [name, weight] : expected.weights) {
    const auto found = std::ranges::find(values, name, &StateDict::value_type::first);
    ASSERT_NE(found, values.end()) << name;
    ASSERT_EQ(found->second.shape(), weight.shape()) << name;
    EXPECT_TRUE(all_close(found->second.span<float>(), to_double(weight), 1e-6, 0)) << name;
  }
}

TEST(InitialValuesTest, APackedNetworkThatDoesNotTellItsVariantGetsAWarning) {
  const TemporaryFolder folder;
  const auto warning_for = [&](const char* recipe_name) {
    Recipe recipe = find_recipe(recipe_name);
    const Shape input{32, 32, 3};
    const auto model = make_model(recipe.model, model_options(recipe, 10, input));
    model->initialize(1);
    const auto path = folder / fmt::format("{}.lqn", recipe.model);
    write_packed_model(path, convert::pack(*model, input, {.name = recipe.model}));
    ::testing::internal::CaptureStderr();
    EXPECT_FALSE(apps::initial_values(path, recipe, *model).empty());
    return ::testing::internal::GetCapturedStderr();
  };
  EXPECT_EQ(warning_for("imagenet-resnet18-w2a2"),
            fmt::format("lqnet: warning: {}: does not tell its variant of resnet18, taken for "
                        "type-b\n",
                        (folder / "resnet18.lqn").string()));
  EXPECT_EQ(warning_for("cifar10-resnet20"), "");  // there is only one
}

}  // namespace
}  // namespace lq::testing
