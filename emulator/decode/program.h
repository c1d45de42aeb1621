// A parsed module, decoded and with its variables in device memory.
#pragma once

#include "emulator/machine/device_memory.h"
#include "emulator/machine/function.h"
#include "emulator/ptx/ast.h"

namespace lq::emulator {

/// Throws Error if variables do not fit. A function with a form that is not known is kept with its
/// error, and stops who runs it.
Program load_program(const ptx::Module& module, DeviceMemory& memory);

}  // namespace lq::emulator
