// Declarations of variables, registers and parameters.
#pragma once

#include "emulator/ptx/ast.h"
#include "emulator/ptx/token_stream.h"

namespace lq::emulator::ptx {

/// Whether the next token is a state space, with which declarations begin.
bool sees_state_space(const TokenStream& tokens);

/// A declaration from its state space to before its semicolon or comma. Several names that share
/// one declaration (`.reg .b32 a, b`) give several variables.
std::vector<Variable> parse_variables(TokenStream& tokens);

/// A list of parameters in parentheses.
std::vector<Variable> parse_parameters(TokenStream& tokens);

}  // namespace lq::emulator::ptx
