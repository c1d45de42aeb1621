// Comparing what training runs left.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

#include "train/checkpoint.h"

namespace lq::testing {

/// Whether two checkpoints have the same parameters, buffers and optimizer state, bit for bit, and
/// come from runs that stand at the same point.
inline ::testing::AssertionResult trained_alike(const std::filesystem::path& a,
                                                const std::filesystem::path& b) {
  const Checkpoint first = load_checkpoint(a);
  const Checkpoint second = load_checkpoint(b);
  if (!(first.state == second.state)) return ::testing::AssertionFailure() << "other states";
  for (const auto part : {&Checkpoint::model, &Checkpoint::optimizer}) {
    const StateDict& x = first.*part;
    const StateDict& y = second.*part;
    if (x.size() != y.size()) return ::testing::AssertionFailure() << "other tensors";
    for (std::size_t i = 0; i < x.size(); ++i) {
      const auto& [name, tensor] = x[i];
      const bool equal = name == y[i].first && tensor.bytes() == y[i].second.bytes() &&
                         std::memcmp(tensor.raw(), y[i].second.raw(), tensor.bytes()) == 0;
      if (!equal) return ::testing::AssertionFailure() << name << " differs";
    }
  }
  return ::testing::AssertionSuccess();
}

}  // namespace lq::testing
