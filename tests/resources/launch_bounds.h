// The launch bounds of kernels, from the PTX in an object that nvcc made.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>

namespace lq::testing {

/// Threads of a block by mangled name of the kernel, the most of all architectures; 0 for one
/// without
/// __launch_bounds__. Throws Error for an object without PTX.
std::map<std::string, int> launch_bounds_of(std::span<const std::byte> object);

}  // namespace lq::testing
