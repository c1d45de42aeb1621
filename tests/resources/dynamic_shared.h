// Shared memory that kernels get by their launches.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace lq::testing {

/// Bytes of a block, by short name of the kernel, as the plans of the launches have them. Other
/// kernels have none.
std::map<std::string, std::int64_t> dynamic_shared_bytes();

}  // namespace lq::testing
