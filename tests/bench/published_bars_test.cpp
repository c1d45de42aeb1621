#include "bench/published_bars.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace lq::bench {
namespace {

TEST(PublishedBarsTest, SuitesHaveTheirLayers) {
  std::vector<ConvolutionShape> shapes = convolution_suite("apnn-tc");
  EXPECT_EQ(shapes.size(), 8U);
  std::ranges::copy(convolution_suite("gemm-8192"), std::back_inserter(shapes));
  ASSERT_EQ(published_bars().size(), shapes.size());
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const PublishedBar& bar = published_bars()[i];
    EXPECT_EQ(bar.shape.geometry(), shapes[i].geometry()) << shapes[i].name;
    EXPECT_EQ(find_published_bars(shapes[i], bar.widths, 1).size(), 1U) << shapes[i].name;
    EXPECT_TRUE(find_published_bars(shapes[i], bar.widths, 2).empty()) << shapes[i].name;
    EXPECT_TRUE(find_published_bars(shapes[i], {2, 2}, 1).empty()) << shapes[i].name;
    EXPECT_FALSE(bar.gpu.empty() || bar.source.empty());
  }
}

TEST(PublishedBarsTest, TimesAreThoseOfTheOperationsPerSecondBesideThem) {
  // What the sources say, too: 2965 TOPS, and of APNN-TC those of 128 and of 1024 channels.
  const auto tops = [](const PublishedBar& bar) {
    const kernels::Conv2dGeometry g = bar.shape.geometry();
    return 2e-6 * static_cast<double>(g.out_h * g.out_w * g.weight_shape().elements()) / bar.us;
  };
  EXPECT_NEAR(tops(published_bars().front()), 12.15, 0.01);
  EXPECT_NEAR(tops(published_bars()[7]), 190.31, 0.05);
  EXPECT_NEAR(tops(published_bars().back()), 2965, 5);
}

}  // namespace
}  // namespace lq::bench
