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
  write_packed_model(folder / "net.lqn",
                     convert::pack(*model, {32, 32, 3}, {.name = recipe.model}));
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

}  // namespace
}  // namespace lq::testing
