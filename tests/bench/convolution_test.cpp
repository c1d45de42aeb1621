#include "bench/convolution.h"

#include <gtest/gtest.h>

#include <cmath>

#include "bench/convolution_shapes.h"
#include "bench/popcount_peak.h"
#include "core/threads.h"
#include "tests/support/errors.h"

namespace lq::bench {
namespace {

using testing::throws_error;

TEST(ConvolutionShapesTest, SuitesAreTheLayersOfTheNetworks) {
  const auto resnet18 = convolution_suite("resnet18");
  ASSERT_EQ(resnet18.size(), 4U);
  EXPECT_EQ(resnet18[0].name, "64x56x56");
  for (const ConvolutionShape& shape : resnet18) {
    // All four cost the same: 9 * 64 * 64 * 56 * 56 products.
    EXPECT_EQ(shape.geometry().y_shape().elements() * 9 * shape.c_in, 115605504);
  }
  for (const std::string& name : convolution_suites()) {
    EXPECT_FALSE(convolution_suite(name).empty()) << name;
  }
  EXPECT_TRUE(throws_error([] { convolution_suite("lenet"); }, "no suite of shapes 'lenet'"));
}

TEST(ConvolutionShapesTest, ShapesAreParsedStrictly) {
  const ConvolutionShape shape = parse_convolution_shape("3,16,28,30,5,2");
  EXPECT_EQ(shape.c_in, 3);
  EXPECT_EQ(shape.c_out, 16);
  EXPECT_EQ(shape.h, 28);
  EXPECT_EQ(shape.w, 30);
  EXPECT_EQ(shape.kernel, 5);
  EXPECT_EQ(shape.stride, 2);
  EXPECT_EQ(shape.name, "3-16x28x30 k5 s2");
  for (const char* text : {"", "1,2,3,4,5", "1,2,3,4,5,6,7", "1,2,3,4,5,6x", "0,2,3,4,5,6",
                           "1,2,3,4,5,-6", "1;2;3;4;5;6", "99999999999,1,1,1,1,1"}) {
    EXPECT_TRUE(throws_error([&] { parse_convolution_shape(text); }, "C_IN,C_OUT,H,W")) << text;
  }
}

TEST(PopcountPeakTest, IsPlausible) {
  // From 32 bits per cycle of a slow processor to 1024 of a fast one.
  EXPECT_GT(popcount_peak(), 1e9);
  EXPECT_LT(popcount_peak(), 1e13);
}

TEST(ConvolutionBenchTest, TimesEveryCombinationAndChecksResults) {
  const int threads = num_threads();
  int reports = 0;
  const auto timings = time_convolutions({.shapes = {parse_convolution_shape("16,16,6,6,3,1")},
                                          .widths = {{1, 2}, {3, 3}},
                                          .batches = {1, 2},
                                          .threads = {1, 2},
                                          .rounds = 1},
                                         [&](const ConvolutionTiming&) { ++reports; });
  set_num_threads(threads);
  EXPECT_EQ(reports, 8);
  ASSERT_EQ(timings.size(), 8U);
  EXPECT_EQ(timings.front().arithmetic, "bits");
  EXPECT_EQ(timings.back().arithmetic, "int8");
  for (const ConvolutionTiming& timing : timings) {
    EXPECT_GT(timing.us, 0);
    EXPECT_GT(timing.fp32_us, 0);
    EXPECT_GT(timing.int8_us, 0);
    EXPECT_EQ(timing.peak_percent.has_value(), timing.arithmetic == "bits");
    EXPECT_TRUE(std::isfinite(timing.peak_percent.value_or(1)) &&
                timing.peak_percent.value_or(1) > 0);
  }
}

TEST(ConvolutionBenchTest, MeansAreGeometric) {
  const std::vector<ConvolutionTiming> timings = {{.us = 1, .fp32_us = 2, .int8_us = 9},
                                                  {.us = 10, .fp32_us = 80, .int8_us = 10}};
  EXPECT_DOUBLE_EQ(geometric_mean_speedup(timings, &ConvolutionTiming::fp32_us), 4.0);
  EXPECT_DOUBLE_EQ(geometric_mean_speedup(timings, &ConvolutionTiming::int8_us), 3.0);
}

TEST(ConvolutionBenchTest, RefusesWhatCannotBeMeant) {
  const auto ignore = [](const ConvolutionTiming&) {};
  const std::vector<ConvolutionShape> shapes = {parse_convolution_shape("16,16,6,6,3,1")};
  EXPECT_TRUE(throws_error(
      [&] {
        time_convolutions({.shapes = shapes, .widths = {{5, 1}}}, ignore);
      },
      "5/1 bits"));
  EXPECT_TRUE(throws_error(
      [&] {
        time_convolutions({.shapes = shapes, .widths = {{1, 1}}, .rounds = 0}, ignore);
      },
      "rounds is 0"));
}

}  // namespace
}  // namespace lq::bench
