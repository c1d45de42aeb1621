#include "models/vgg_small.h"

#include <string>
#include <vector>

#include "tests/support/random.h"
#include "tests/support/traces.h"

namespace lq::testing {
namespace {

constexpr int float32 = 32;

Records trace_of(int w_bits, int a_bits) {
  VggSmall model({.w_bits = w_bits, .a_bits = a_bits});
  return trace(model, {1, 32, 32, 3});
}

TEST(VggSmallTest, EveryInnerConvolutionHasQuantizers) {
  for (const int w_bits : {2, float32}) {
    for (const int a_bits : {2, float32}) {
      const Records records = trace_of(w_bits, a_bits);
      EXPECT_EQ(quantizers(records, "weights"), w_bits == 2 ? 5 : 0);
      EXPECT_EQ(quantizers(records, "activations"), a_bits == 2 ? 5 : 0);
      expect_quantizers_in_front_of_every_inner_convolution(records, w_bits == 2, a_bits == 2);
    }
  }
}

TEST(VggSmallTest, PoolingComesBeforeBatchNorm) {
  EXPECT_EQ(
      lines_of(trace_of(float32, float32)),
      (std::vector<std::string>{
          "conv0: conv2d",       "act0.bn: batch_norm", "act0: relu",    "conv1: conv2d",
          ": max_pool",          "act1.bn: batch_norm", "act1: relu",    "conv2: conv2d",
          "act2.bn: batch_norm", "act2: relu",          "conv3: conv2d", ": max_pool",
          "act3.bn: batch_norm", "act3: relu",          "conv4: conv2d", "act4.bn: batch_norm",
          "act4: relu",          "conv5: conv2d",       ": max_pool",    "act5.bn: batch_norm",
          "act5: relu",          "fc: reshape",         "fc: linear"}));
}

TEST(VggSmallTest, ShapesOfItsConvolutions) {
  std::vector<Shape> shapes;
  for (const auto& record : trace_of(2, 2)) {
    if (is(record.get(), "conv2d")) shapes.push_back(output_shape(*record));
  }
  EXPECT_EQ(shapes, (std::vector<Shape>{{1, 32, 32, 128},
                                        {1, 32, 32, 128},
                                        {1, 16, 16, 256},
                                        {1, 16, 16, 256},
                                        {1, 8, 8, 512},
                                        {1, 8, 8, 512}}));
}

TEST(VggSmallTest, InitialDeviationFollowsTheFanIn) {
  VggSmall model({});
  model.initialize(1);
  for (const Parameter& parameter : model.parameters()) {
    if (parameter.name != "conv2.weight") continue;  // 128 to 256 channels
    double squares = 0;
    for (const double weight : to_double(parameter.variable.value())) squares += weight * weight;
    // 294912 weights: one standard error is a quarter of a percent.
    EXPECT_NEAR(squares / 294'912 * (9 * 128) / 2, 1.0, 0.02);
  }
}

}  // namespace
}  // namespace lq::testing
