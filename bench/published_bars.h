// Times of others that were published, to hold one's own against. Nobody of this project has
// measured them.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "bench/convolution_problem.h"
#include "bench/convolution_shapes.h"

namespace lq::bench {

struct PublishedBar {
  ConvolutionShape shape;
  BitWidths widths;
  std::int64_t batch = 1;
  double us = 0;
  std::string_view by;      ///< "APNN-TC"
  std::string_view gpu;     ///< that it was measured on, as far as the source says
  std::string_view source;  ///< where the number stands
  std::string_view remark;  ///< what it does otherwise than a packed convolution of this project
};

const std::vector<PublishedBar>& published_bars();

/// Those for this layer, pair of widths and batch.
std::vector<PublishedBar> find_published_bars(const ConvolutionShape& shape, BitWidths widths,
                                              std::int64_t batch);

}  // namespace lq::bench
