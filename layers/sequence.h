// Modules one after the other.
#pragma once

#include <span>

#include "layers/module.h"

namespace lq {

/// What the last of the modules makes of what the first one makes of x; x without modules.
inline Variable run_sequence(std::span<Module* const> modules, Variable x) {
  for (Module* module : modules) x = (*module)(x);
  return x;
}

}  // namespace lq
