// Functions that device code calls and the driver supplies.
#pragma once

#include <string_view>

#include "emulator/machine/instruction.h"

namespace lq::emulator {

/// vprintf, __assertfail; null for other names. Instruction::detail is the call site, source 0 the
/// local base.
Handler device_library_function(std::string_view name);

}  // namespace lq::emulator
