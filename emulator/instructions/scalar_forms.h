// Tables of instructions that are calculated lane by lane, once for all instruction sets.
#pragma once

#include "emulator/machine/instruction.h"

namespace lq::emulator {

extern const FormTable directed_forms;        // rounded up, down or towards zero
extern const FormTable transcendental_forms;  // sin, cos, lg2, ex2, tanh

extern const FormTable small_conversion_forms;   // of numbers of 16 bits
extern const FormTable packed_conversion_forms;  // of formats that come in packs
extern const FormTable packed_integer_forms;     // several integers in a register

}  // namespace lq::emulator
