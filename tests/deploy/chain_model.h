// A packed network whose map is large against everything else.
#pragma once

#include <utility>

#include "deploy/packed_model.h"

namespace lq::testing {

/// Pointwise operations that add one to a map, and the mean of what comes out. Each of them may
/// write over its residual.
inline deploy::PackedModel chain_model(const deploy::Value& map, int operations) {
  deploy::PackedModel model;
  model.values.push_back(map);
  for (int i = 0; i < operations; ++i) {
    deploy::Convolution operation{.name = "step", .residual = model.values.size() - 1};
    operation.description = {.geometry = {.n = 1,
                                          .h = map.h,
                                          .w = map.w,
                                          .c_out = map.c,
                                          .kernel_h = 1,
                                          .kernel_w = 1,
                                          .out_h = map.h,
                                          .out_w = map.w},
                             .scale = std::vector<float>(map.c, 1.0F),
                             .shift = std::vector<float>(map.c, 1.0F),
                             .has_residual = true,
                             .float_outputs = {{}}};
    operation.float_outputs.push_back(model.values.size());
    model.values.push_back(map);
    model.operations.emplace_back(std::move(operation));
  }
  model.output = model.values.size();
  model.operations.emplace_back(
      deploy::GlobalAveragePool{.name = "mean", .input = model.output - 1, .output = model.output});
  model.values.push_back({.c = map.c});
  return model;
}

}  // namespace lq::testing
