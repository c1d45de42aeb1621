// Tables of instructions that are calculated lane by lane, once for all instruction sets.
#pragma once

#include "emulator/machine/instruction.h"

namespace lq::emulator {

extern const FormTable directed_forms;        // rounded up, down or towards zero
extern const FormTable transcendental_forms;  // sin, cos, lg2, ex2, tanh

}  // namespace lq::emulator
