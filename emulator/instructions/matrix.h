// Handlers of matrix instructions. They run with all 32 lanes. Fragments are laid out as the
// figures of the PTX ISA's section on mma tell.
#pragma once

#include <string_view>

#include "emulator/machine/instruction.h"

namespace lq::emulator {

/// A kind of mma: its text behind "mma.sync.aligned.", and the numbers of registers of d, a, b, c,
/// which are the instruction's list in this order.
struct MatrixForm {
  std::string_view text;
  Handler handler;
  int d;
  int a;
  int b;
  int c;
};

/// Null if there is no such form.
const MatrixForm* find_matrix_form(std::string_view text);

}  // namespace lq::emulator
