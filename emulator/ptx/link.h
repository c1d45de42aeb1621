// One module out of those of files that were compiled separately (nvcc -rdc=true), as a linker
// makes it.
#pragma once

#include <vector>

#include "emulator/ptx/ast.h"

namespace lq::emulator::ptx {

/// Of the items with a name that modules share, the strongest is kept, and of equal ones the first.
/// Names that a module keeps to itself are changed where another module has the same. Version and
/// target are those of the first module; there has to be one. Throws Error for a name with two
/// definitions that are not weak.
Module link_modules(std::vector<Module> modules);

}  // namespace lq::emulator::ptx
