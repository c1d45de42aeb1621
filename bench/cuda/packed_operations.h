// What packed networks compute, on two devices.
#pragma once

#include <vector>

#include "bench/cuda/trial.h"

namespace lq::bench {

/// Bit-convolutions in each of the ways that the device has, whatever it would choose, and whole
/// packed networks.
std::vector<Operation> packed_operations(Device device);

}  // namespace lq::bench
