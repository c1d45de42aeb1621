// What counters call an instruction.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lq::emulator {

/// "integer", "logic", "popc", "float", "double", "half", "conversion", "special function",
/// "matrix b1" and so on, "load global", "store shared", "atomic", "copy", "control",
/// "synchronisation", "collective", "move" or "other", from an instruction's text without guard.
std::string instruction_kind(std::string_view text);

/// Floating-point operations that a lane does, or the multiplications and additions of a matrix
/// product, of any type, that a warp does.
struct Operations {
  std::uint64_t per_lane = 0;
  std::uint64_t per_warp = 0;
};
Operations instruction_operations(std::string_view text);

}  // namespace lq::emulator
