// A packed network whose map is large against everything else.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "deploy/packed_model.h"

namespace lq::testing {

/// An operation without inputs that adds a number to a map of floats, and has no outputs yet.
inline deploy::Convolution pointwise_operation(std::string name, std::size_t residual,
                                               const deploy::Value& map, float shift) {
  deploy::Convolution operation{.name = std::move(name), .residual = residual};
  operation.description = {.geometry = {.n = 1,
                                        .h = map.h,
                                        .w = map.w,
                                        .c_out = map.c,
                                        .kernel_h = 1,
                                        .kernel_w = 1,
                                        .out_h = map.h,
                                        .out_w = map.w},
                           .scale = std::vector<float>(map.c, 1.0F),
                           .shift = std::vector<float>(map.c, shift),
                           .has_residual = true};
  return operation;
}

/// Pointwise operations that add one to a map, and the mean of what comes out. Each of them may
/// write over its residual.
inline deploy::PackedModel chain_model(const deploy::Value& map, int operations) {
  deploy::PackedModel model;
  model.values.push_back(map);
  for (int i = 0; i < operations; ++i) {
    deploy::Convolution operation =
        pointwise_operation("step", model.values.size() - 1, map, /*shift=*/1.0F);
    operation.description.float_outputs = {{}};
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
