// From a graph with one convolution to a way to compute it.
#pragma once

#include <string>
#include <vector>

#include "emulator/libraries/cudnn_convolution.h"
#include "emulator/libraries/cudnn_descriptor.h"

namespace lq::emulator::cudnn {

/// Checks a descriptor that has all it needs, and adds what programs may read of it. `complaint` is
/// set to what is not supported; the status is then not_supported.
Status finish(Node& node, std::string& complaint);

/// What a plan computes.
struct Execution {
  Convolution convolution;
  const Node* x = nullptr;  // tensors
  const Node* w = nullptr;
  const Node* y = nullptr;
  bool is_deterministic = true;
};

Execution execution_of(const Node& plan);

}  // namespace lq::emulator::cudnn
