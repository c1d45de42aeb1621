// Integer arithmetic with carry: add.cc, addc, sub.cc, subc, mad.cc, madc.
#pragma once

#include <string_view>

#include "emulator/machine/instruction.h"

namespace lq::emulator {

/// Of "add", "sub", "mad.lo", "mad.hi" and a type of 32 or 64 bits; null for what PTX does not
/// have. Sources 0 to 2 are the operands (0 and 1 but for mad), source 3 the predicate of carries
/// that come in, if any; result 1 is the predicate of those that go out, if any. Subtraction
/// carries where it does not borrow.
Handler carry_handler(std::string_view operation, std::string_view type);

}  // namespace lq::emulator
