#include "bench/published_bars.h"

#include <algorithm>
#include <iterator>

namespace lq::bench {

namespace {

/// A convolution of APNN-TC with as many channels on both sides.
PublishedBar apnn_tc(std::int64_t channels, double us) {
  return {.shape = {.h = 16, .w = 16, .c_in = channels, .c_out = channels},
          .widths = {1, 2},
          .us = us,
          .by = "APNN-TC",
          .gpu = "an Ampere GPU that the source does not name",
          .source = "README of github.com/BoyuanFeng/APNN-TC, \"APNN-TC-CONV-w1a2\"",
          .remark = "3x3 of one image"};
}

}  // namespace

const std::vector<PublishedBar>& published_bars() {
  static const std::vector<PublishedBar> all = {
      apnn_tc(128, 6.213),
      apnn_tc(256, 8.126),
      apnn_tc(384, 10.251),
      apnn_tc(512, 10.370),
      apnn_tc(640, 13.166),
      apnn_tc(768, 24.899),
      apnn_tc(896, 28.499),
      apnn_tc(1024, 25.389),
      {.shape = {.h = 64, .w = 128, .c_in = 8192, .c_out = 8192, .kernel = 1},
       .widths = {1, 1},
       .us = 371,
       .by = "CUTLASS",
       .gpu = "A100-80GB",
       .source = "CUTLASS, b1 AND product of 8192 x 8192 x 8192",
       .remark = "operands packed before, sums of 32 bits as results"}};
  return all;
}

std::vector<PublishedBar> find_published_bars(const ConvolutionShape& shape, BitWidths widths,
                                              std::int64_t batch) {
  const auto is_meant = [&](const PublishedBar& bar) {
    return bar.shape.geometry() == shape.geometry() && bar.widths == widths && bar.batch == batch;
  };
  std::vector<PublishedBar> found;
  std::ranges::copy_if(published_bars(), std::back_inserter(found), is_meant);
  return found;
}

}  // namespace lq::bench
