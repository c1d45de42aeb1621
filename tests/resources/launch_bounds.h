// What kernels want of a launch, from the PTX in an object that nvcc made.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>

namespace lq::testing {

struct LaunchBounds {
  int threads = 0;  // of a block, the most of all architectures; 0 without __launch_bounds__
  bool has_dynamic_shared = false;  // whether it names memory that is sized at its launch
};

/// By mangled name of the kernel. Throws Error for an object without PTX.
std::map<std::string, LaunchBounds> launch_bounds_of(std::span<const std::byte> object);

}  // namespace lq::testing
