// Integer arithmetic against 128 bits, and products of 64 bits against schoolbook multiplication.

#include <cstdlib>

#include "tests/emulator/forms/form_case.h"

namespace lq::emulator::testing {
namespace {

/// Upper half of a product, from products of halves.
std::uint64_t high_unsigned(std::uint64_t a, std::uint64_t b) {
  const std::uint64_t a0 = a & 0xFFFFFFFF, a1 = a >> 32, b0 = b & 0xFFFFFFFF, b1 = b >> 32;
  const std::uint64_t middle = (a0 * b0 >> 32) + (a1 * b0 & 0xFFFFFFFF) + (a0 * b1 & 0xFFFFFFFF);
  return a1 * b1 + (a1 * b0 >> 32) + (a0 * b1 >> 32) + (middle >> 32);
}

std::uint64_t high(const IntegerType& type, std::uint64_t a, std::uint64_t b) {
  if (type.bits < 64) return type.raw((type.value(a) * type.value(b)) >> type.bits);
  std::uint64_t result = high_unsigned(a, b);
  if (type.is_signed && type.value(a) < 0) result -= b;
  if (type.is_signed && type.value(b) < 0) result -= a;
  return result;
}

void add_common(const IntegerType& type, FormCases& cases) {
  const auto add = [&](const std::string& name, auto&& function) {
    cases.push_back(exactly(name + "." + type.name, [type, function](const Values& v) {
      return type.raw(function(type.value(v[0]), type.value(v[1]), type.value(v[2])));
    }));
  };
  add("add", [](Int a, Int b, Int) { return a + b; });
  add("sub", [](Int a, Int b, Int) { return a - b; });
  add("min", [](Int a, Int b, Int) { return a < b ? a : b; });
  add("max", [](Int a, Int b, Int) { return a > b ? a : b; });
  add("sad", [](Int a, Int b, Int c) { return c + (a < b ? b - a : a - b); });
  // Division by zero is checked for what devices do.
  add("div", [](Int a, Int b, Int) { return b == 0 ? Int{-1} : a / b; });
  add("rem", [](Int a, Int b, Int) { return b == 0 ? a : a % b; });
  if (type.is_signed) {
    add("neg", [](Int a, Int, Int) { return -a; });
    add("abs", [](Int a, Int, Int) { return a < 0 ? -a : a; });
  }
  const auto low = [](const Values& v) { return v[0] * v[1]; };
  cases.push_back(exactly("mul.lo." + type.name, [type, low](const Values& v) {
    return type.raw(static_cast<Int>(low(v)));
  }));
  cases.push_back(exactly("mad.lo." + type.name, [type, low](const Values& v) {
    return type.raw(static_cast<Int>(low(v) + v[2]));
  }));
  cases.push_back(
      exactly("mul.hi." + type.name, [type](const Values& v) { return high(type, v[0], v[1]); }));
  cases.push_back(exactly("mad.hi." + type.name, [type](const Values& v) {
    return type.raw(static_cast<Int>(high(type, v[0], v[1]) + v[2]));
  }));
  if (type.bits == 64) return;
  const IntegerType wide{"", 2 * type.bits, type.is_signed};
  cases.push_back(exactly("mul.wide." + type.name, [type, wide](const Values& v) {
    return wide.raw(type.value(v[0]) * type.value(v[1]));
  }));
  cases.push_back(exactly("mad.wide." + type.name, [type, wide](const Values& v) {
    return wide.raw(type.value(v[0]) * type.value(v[1]) + wide.value(v[2]));
  }));
}

void add_24_bits(const IntegerType& type, FormCases& cases) {
  const IntegerType part{"", 24, type.is_signed};
  const auto product = [part](const Values& v) { return part.value(v[0]) * part.value(v[1]); };
  cases.push_back(
      exactly("mul24.lo." + type.name, [=](const Values& v) { return type.raw(product(v)); }));
  cases.push_back(exactly("mul24.hi." + type.name,
                          [=](const Values& v) { return type.raw(product(v) >> 16); }));
  cases.push_back(exactly("mad24.hi." + type.name, [=](const Values& v) {
    return type.raw(type.value(type.raw(product(v) >> 16)) + type.value(v[2]));
  }));
  if (type.is_signed) {
    cases.push_back(exactly("mad24.hi.sat." + type.name, [=](const Values& v) {
      return type.raw(type.clamp(type.value(type.raw(product(v) >> 16)) + type.value(v[2])));
    }));
  }
  cases.push_back(exactly("mad24.lo." + type.name, [=](const Values& v) {
    return type.raw(product(v) + type.value(v[2]));
  }));
}

void add_saturating(FormCases& cases) {
  const IntegerType type{"s32", 32, true};
  cases.push_back(exactly("add.sat.s32", [type](const Values& v) {
    return type.raw(type.clamp(type.value(v[0]) + type.value(v[1])));
  }));
  cases.push_back(exactly("sub.sat.s32", [type](const Values& v) {
    return type.raw(type.clamp(type.value(v[0]) - type.value(v[1])));
  }));
  cases.push_back(exactly("mad.hi.sat.s32", [type](const Values& v) {
    const Int upper = (type.value(v[0]) * type.value(v[1])) >> 32;
    return type.raw(type.clamp(upper + type.value(v[2])));
  }));
}

/// `count` parts of a times as many bytes of b, from byte `first` on.
FormCase dot_product(const std::string& opcode, int count, int first, bool a_signed,
                     bool b_signed) {
  const IntegerType a_type{"", 32 / count, a_signed};
  const IntegerType b_type{"", 8, b_signed};
  return exactly(opcode, [=](const Values& v) {
    Int sum = static_cast<Int>(v[2]);
    for (int i = 0; i < count; ++i) {
      sum += a_type.value(v[0] >> (a_type.bits * i)) * b_type.value(v[1] >> (8 * (first + i)));
    }
    return IntegerType{"", 32, false}.raw(sum);
  });
}

}  // namespace

FormCases integer_cases() {
  FormCases cases;
  for (const IntegerType& type : integer_types()) {
    if (type.bits == 8) continue;
    add_common(type, cases);
    if (type.bits == 32) add_24_bits(type, cases);
  }
  add_saturating(cases);
  for (const char a : {'u', 's'}) {
    for (const char b : {'u', 's'}) {
      const std::string types = std::string(".") + a + "32." + b + "32";
      cases.push_back(dot_product("dp4a" + types, 4, 0, a == 's', b == 's'));
      cases.push_back(dot_product("dp2a.lo" + types, 2, 0, a == 's', b == 's'));
      cases.push_back(dot_product("dp2a.hi" + types, 2, 2, a == 's', b == 's'));
    }
  }
  return cases;
}

}  // namespace lq::emulator::testing
