#include "layers/linear.h"

#include <cmath>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/errors.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random.h"

namespace lq::testing {
namespace {

TEST(LinearLayerTest, MultipliesAndAdds) {
  Linear layer(3, 2);
  layer.parameters()[0].variable.value().copy_from(
      Tensor::from(std::vector<float>{1, 2, 3, 4, 5, 6}, {2, 3}));
  layer.parameters()[1].variable.value().copy_from(Tensor::from(std::vector{0.5F, -0.5F}, {2}));
  const Variable y = layer(Variable(Tensor::from(std::vector<float>{1, 10, 100}, {1, 3})));
  EXPECT_TRUE(all_close(y.value().span<float>(), std::vector{321.5, 653.5}, 0, 0));
}

TEST(LinearLayerTest, FlattensMaps) {
  Linear layer(12, 5);
  layer.initialize(1);
  const Tensor values = random_normal({3, 2, 2, 3}, 2);
  Variable map(values, true), flat(values.reshape({3, 12}), true);
  const Tensor grad_y = random_normal({3, 5}, 3);
  Variable y = layer(map), expected = layer(flat);
  EXPECT_TRUE(all_close(y.value().span<float>(), expected.value().span<float>(), 0, 0));
  y.backward(grad_y);
  expected.backward(grad_y);
  EXPECT_EQ(map.gradient().shape(), map.shape());
  EXPECT_TRUE(all_close(map.gradient().span<float>(), flat.gradient().span<float>(), 0, 0));
}

TEST(LinearLayerTest, ParametersAndTheirStart) {
  Linear layer(500, 40);
  layer.initialize(1);
  const auto parameters = layer.parameters();
  ASSERT_EQ(parameters.size(), 2U);
  EXPECT_EQ(parameters[0].name, "weight");
  EXPECT_EQ(parameters[0].variable.shape(), (Shape{40, 500}));
  EXPECT_TRUE(parameters[0].decay);
  EXPECT_EQ(parameters[1].name, "bias");
  EXPECT_FALSE(parameters[1].decay);
  double squares = 0;
  for (const double weight : to_double(parameters[0].variable.value())) squares += weight * weight;
  // Fan-in: 2 / 500, known to about 0.8 percent from 20000 weights (one standard error).
  EXPECT_NEAR(squares / 20'000 * 500 / 2, 1.0, 0.04);
  EXPECT_TRUE(
      all_close(parameters[1].variable.value().span<float>(), std::vector<float>(40, 0.0F), 0, 0));
}

TEST(LinearLayerTest, AnotherInitializerTakesThePlaceOfTheFanIn) {
  Linear layer(500, 40, Initializer::normal(0.25));
  layer.initialize(1);
  double squares = 0;
  for (const double weight : to_double(layer.parameters()[0].variable.value())) {
    squares += weight * weight;
  }
  // One standard error is one percent.
  EXPECT_NEAR(squares / 20'000 / (0.25 * 0.25), 1.0, 0.05);
}

TEST(LinearLayerTest, RefusesOtherSizes) {
  Linear layer(12, 5);
  EXPECT_TRUE(throws_error(
      [&] {
        layer(Variable(Tensor::zeros({2, 13})));
      },
      "x is 2x13, expected 2x12"));
  EXPECT_TRUE(throws_error([&] { layer(Variable(Tensor::zeros({2, 2, 2, 4}))); }, "2x2x2x4"));
  EXPECT_TRUE(throws_error([&] { layer(Variable(Tensor::full({}, 1.0F))); }, "scalar"));
}

}  // namespace
}  // namespace lq::testing
