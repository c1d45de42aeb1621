// Instructions and their operands.
#pragma once

#include "emulator/ptx/ast.h"
#include "emulator/ptx/token_stream.h"

namespace lq::emulator::ptx {

/// An instruction up to and with its semicolon.
Instruction parse_instruction(TokenStream& tokens);

}  // namespace lq::emulator::ptx
