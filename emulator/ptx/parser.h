// PTX text to its syntax tree.
#pragma once

#include <string_view>

#include "emulator/ptx/ast.h"

namespace lq::emulator::ptx {

/// Throws Error, with the line, for text that is not PTX. Whether instructions exist and fit their
/// operands is for the decoder to say.
Module parse_module(std::string_view source);

}  // namespace lq::emulator::ptx
