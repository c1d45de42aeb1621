// Numbers of 16 bits. Rounding is a search among all of them.

#include <algorithm>
#include <cmath>

#include "tests/emulator/forms/form_case.h"

namespace lq::emulator::testing {
namespace {

__extension__ using Quad = __float128;

/// A format by the bits of its fraction; the sign takes one bit and the exponent the rest.
struct Format {
  std::string name;
  int fraction;

  double value(std::uint64_t bits) const {
    const int exponent_bits = 15 - fraction;
    const int bias = (1 << (exponent_bits - 1)) - 1;
    const int exponent = static_cast<int>(bits >> fraction) & ((1 << exponent_bits) - 1);
    const double part = std::ldexp(static_cast<double>(bits & ((1U << fraction) - 1)), -fraction);
    const double sign = (bits & 0x8000) != 0 ? -1 : 1;
    if (exponent == (1 << exponent_bits) - 1) return part == 0 ? sign * INFINITY : NAN;
    return sign *
           (exponent == 0 ? std::ldexp(part, 1 - bias) : std::ldexp(1 + part, exponent - bias));
  }

  /// The bits closest to the magnitude, to even if two are.
  std::uint64_t round(Quad exact, bool negative) const {
    const std::uint64_t sign = negative ? 0x8000 : 0;
    const Quad magnitude = exact < 0 ? -exact : exact;
    const std::uint64_t infinity = (std::uint64_t{1} << 15) - (std::uint64_t{1} << fraction);
    std::uint64_t low = 0, high = infinity;
    while (high - low > 1) {
      const std::uint64_t middle = (low + high) / 2;
      (Quad{value(middle)} <= magnitude ? low : high) = middle;
    }
    // Infinity stands where the next number would.
    const Quad next = high == infinity ? 2 * Quad{value(low)} - value(low - 1) : Quad{value(high)};
    const Quad below = magnitude - value(low);
    const Quad above = next - magnitude;
    const bool up = below > above || (below == above && (low & 1) != 0);
    return sign | (up ? high : low);
  }
};

bool is_nan(const Format& format, std::uint64_t bits) { return std::isnan(format.value(bits)); }

/// An operation of up to three numbers whose exact result a quadruple holds, unless numbers are too
/// far apart.
struct Operation {
  std::string name;
  std::function<Quad(double, double, double)> exact;
  std::function<double(double, double, double)> special;  // for what is not finite
  int operands;
};

std::optional<bool> is_right(const Format& format, const Operation& operation, const Values& v,
                             std::uint64_t result) {
  double x[3] = {};
  bool finite = true;
  int least = 1000, most = -1000;
  for (int i = 0; i < operation.operands; ++i) {
    x[i] = format.value(v[static_cast<std::size_t>(i)]);
    finite = finite && std::isfinite(x[i]);
    if (x[i] != 0 && std::isfinite(x[i])) {
      least = std::min(least, std::ilogb(x[i]));
      most = std::max(most, std::ilogb(x[i]));
    }
  }
  const double plain = operation.special(x[0], x[1], x[2]);
  if (!finite) {
    if (std::isnan(plain)) return result == 0x7FFF;
    return format.value(result) == plain;
  }
  const bool is_fused = operation.operands == 3;
  if (is_fused && (most - least > 40 || most > 40 || least < -40)) return std::nullopt;
  if (most - least > 90) return std::nullopt;
  const Quad exact = operation.exact(x[0], x[1], x[2]);
  const bool negative = exact == 0 ? std::signbit(plain) : exact < 0;
  return result == format.round(exact, negative);
}

void add_both(const Format& format, const std::string& name,
              const std::function<std::optional<bool>(const Values&, std::uint64_t)>& check,
              FormCases& cases) {
  cases.push_back({name + "." + format.name, check});
  cases.push_back({name + "." + format.name + "x2",
                   [check](const Values& v, std::uint64_t result) -> std::optional<bool> {
                     Values low{}, high{};
                     for (std::size_t i = 0; i < v.size(); ++i) {
                       low[i] = v[i] & 0xFFFF;
                       high[i] = v[i] >> 16 & 0xFFFF;
                     }
                     const auto first = check(low, result & 0xFFFF);
                     const auto second = check(high, result >> 16);
                     if (!first || !second) return std::nullopt;
                     return *first && *second;
                   }});
}

void add_arithmetic(const Format& format, FormCases& cases) {
  const Operation operations[] = {
      {"add", [](double a, double b, double) { return Quad{a} + b; },
       [](double a, double b, double) { return a + b; }, 2},
      {"sub", [](double a, double b, double) { return Quad{a} - b; },
       [](double a, double b, double) { return a - b; }, 2},
      {"mul", [](double a, double b, double) { return Quad{a} * b; },
       [](double a, double b, double) { return a * b; }, 2},
      {"fma", [](double a, double b, double c) { return Quad{a} * b + c; },
       [](double a, double b, double c) { return a * b + c; }, 3}};
  for (const Operation& operation : operations) {
    const auto check = [format, operation](const Values& v, std::uint64_t result) {
      return is_right(format, operation, v, result);
    };
    if (operation.operands == 2) add_both(format, operation.name, check, cases);
    add_both(format, operation.name + ".rn", check, cases);
  }
  const Operation fma = operations[3];
  if (format.name == "f16") {
    for (const Operation& operation : operations) {
      // Below 0 and what is no number become 0, above 1 becomes 1; in between nothing changes.
      const auto check = [format, operation](const Values& v, std::uint64_t result) {
        const double a = format.value(v[0]), b = format.value(v[1]), c = format.value(v[2]);
        const double plain = operation.special(a, b, c);
        if (std::isnan(plain) || plain <= 0) return std::optional(result == 0);
        if (plain >= 1) return std::optional(result == 0x3C00);
        return is_right(format, operation, v, result);
      };
      if (operation.operands == 2) add_both(format, operation.name + ".sat", check, cases);
      add_both(format, operation.name + ".rn.sat", check, cases);
    }
  }
  add_both(
      format, "fma.rn.relu",
      [format, fma](const Values& v, std::uint64_t result) {
        // Zero instead of what is negative; otherwise the same.
        if ((result & 0x8000) != 0) return std::optional(false);
        const double plain =
            fma.special(format.value(v[0]), format.value(v[1]), format.value(v[2]));
        if (!std::isnan(plain) && (plain < 0 || (plain == 0 && std::signbit(plain)))) {
          return std::optional(result == 0);
        }
        return is_right(format, fma, v, result);
      },
      cases);
}

void add_choices(const Format& format, FormCases& cases) {
  const auto choose = [format](bool smaller) {
    return [format, smaller](const Values& v, std::uint64_t result) -> std::optional<bool> {
      const double a = format.value(v[0]), b = format.value(v[1]);
      if (std::isnan(a) && std::isnan(b)) return result == 0x7FFF;
      if (std::isnan(a) || std::isnan(b)) return result == (std::isnan(a) ? v[1] : v[0]);
      if (a == b) return result == ((std::signbit(a) == smaller) ? v[0] : v[1]);
      return result == ((a < b) == smaller ? v[0] : v[1]);
    };
  };
  const auto propagate = [format](const auto& chosen) {
    return [format, chosen](const Values& v, std::uint64_t result) -> std::optional<bool> {
      if (is_nan(format, v[0]) || is_nan(format, v[1])) return result == 0x7FFF;
      return chosen(v, result);
    };
  };
  add_both(format, "min", choose(true), cases);
  add_both(format, "max", choose(false), cases);
  add_both(format, "min.NaN", propagate(choose(true)), cases);
  add_both(format, "max.NaN", propagate(choose(false)), cases);
  add_both(
      format, "neg",
      [](const Values& v, std::uint64_t result) {
        return std::optional(result == (v[0] ^ 0x8000));
      },
      cases);
  add_both(
      format, "abs",
      [](const Values& v, std::uint64_t result) {
        return std::optional(result == (v[0] & 0x7FFF));
      },
      cases);
  const std::pair<const char*, bool (*)(double, double)> comparisons[] = {
      {"eq", [](double a, double b) { return a == b; }},
      {"ne", [](double a, double b) { return std::islessgreater(a, b); }},
      {"lt", [](double a, double b) { return a < b; }},
      {"le", [](double a, double b) { return a <= b; }},
      {"gt", [](double a, double b) { return a > b; }},
      {"ge", [](double a, double b) { return a >= b; }},
      {"neu", [](double a, double b) { return !(a == b); }},
      {"equ", [](double a, double b) { return a == b || std::isunordered(a, b); }},
      {"ltu", [](double a, double b) { return a < b || std::isunordered(a, b); }},
      {"leu", [](double a, double b) { return a <= b || std::isunordered(a, b); }},
      {"gtu", [](double a, double b) { return a > b || std::isunordered(a, b); }},
      {"geu", [](double a, double b) { return a >= b || std::isunordered(a, b); }},
      {"num", [](double a, double b) { return !std::isunordered(a, b); }},
      {"nan", [](double a, double b) { return std::isunordered(a, b); }}};
  for (const auto& [name, test] : comparisons) {
    const auto holds = test;
    cases.push_back(
        exactly(std::string("setp.") + name + "." + format.name, [format, holds](const Values& v) {
          return std::uint64_t{holds(format.value(v[0]), format.value(v[1]))};
        }));
    const std::string pair = "." + format.name + "x2";
    for (const std::string& to : {pair.substr(1), std::string("u32"), std::string("s32")}) {
      const std::uint64_t yes = to.ends_with("32")      ? 0xFFFF
                                : format.fraction == 10 ? 0x3C00
                                                        : 0x3F80;
      const std::string opcode = std::string("set.") + name + "." + to + pair;
      cases.push_back(exactly(opcode, [format, holds, yes](const Values& v) {
        std::uint64_t result = 0;
        for (const int shift : {0, 16}) {
          const double a = format.value(v[0] >> shift & 0xFFFF);
          const double b = format.value(v[1] >> shift & 0xFFFF);
          result |= (holds(a, b) ? yes : 0) << shift;
        }
        return result;
      }));
    }
  }
}

std::uint64_t rounded(const Format& format, double value);

/// Rounded from what the library of the host gives in extended precision.
void add_functions(FormCases& cases) {
  const auto add = [&](const Format& format, const std::string& name, bool flushes,
                       long double (*function)(long double)) {
    add_both(
        format, name,
        [=](const Values& v, std::uint64_t result) {
          long double exact = function(format.value(v[0]));
          if (flushes && exact < 0x1p-126L) exact = 0;
          return std::optional(result == rounded(format, static_cast<double>(exact)));
        },
        cases);
  };
  const auto power = [](long double x) { return std::exp2(x); };
  const auto tangent = [](long double x) { return std::tanh(x); };
  add({"f16", 10}, "tanh.approx", false, tangent);
  add({"bf16", 7}, "tanh.approx", false, tangent);
  add({"f16", 10}, "ex2.approx", false, power);
  add({"bf16", 7}, "ex2.approx.ftz", true, power);
}

std::uint64_t rounded(const Format& format, double value) {
  if (std::isnan(value)) return 0x7FFF;
  if (std::isinf(value)) {
    return (value < 0 ? 0x8000U : 0U) | ((1U << 15) - (1U << format.fraction));
  }
  return format.round(value, std::signbit(value));
}

void add_conversions(const Format& format, FormCases& cases) {
  cases.push_back({"cvt.f32." + format.name, [format](const Values& v, std::uint64_t r) {
                     const double expected = format.value(v[0]);
                     return std::optional(std::isnan(expected)
                                              ? r == 0x7FFFFFFF
                                              : bits_of(expected) == bits_of(double{as_float(r)}));
                   }});
  cases.push_back(exactly("cvt.rn." + format.name + ".f32",
                          [format](const Values& v) { return rounded(format, as_float(v[0])); }));
  cases.push_back(exactly("cvt.rn.relu." + format.name + ".f32", [format](const Values& v) {
    const float value = as_float(v[0]);
    return value <= 0 ? 0 : rounded(format, value);
  }));
  cases.push_back(exactly("cvt.rn." + format.name + "x2.f32", [format](const Values& v) {
    return rounded(format, as_float(v[0])) << 16 | rounded(format, as_float(v[1]));
  }));
}

}  // namespace

FormCases half_cases() {
  FormCases cases;
  const Format binary16{"f16", 10};
  for (const Format& format : {binary16, Format{"bf16", 7}}) {
    add_arithmetic(format, cases);
    add_choices(format, cases);
    add_conversions(format, cases);
  }
  add_functions(cases);
  cases.push_back({"cvt.f64.f16", [=](const Values& v, std::uint64_t r) {
                     const double expected = binary16.value(v[0]);
                     return std::optional(is_nan(binary16, v[0]) ? std::isnan(as_double(r))
                                                                 : bits_of(expected) == r);
                   }});
  cases.push_back(exactly("cvt.rn.f16.f64",
                          [=](const Values& v) { return rounded(binary16, as_double(v[0])); }));
  cases.push_back({"cvt.rna.tf32.f32", [](const Values& v, std::uint64_t r) -> std::optional<bool> {
                     const double x = as_float(v[0]);
                     if (!std::isfinite(x) || std::fabs(x) > 1e38) return std::nullopt;
                     // Ten bits of fraction; half a unit away goes away from zero.
                     const int exponent = x == 0 ? -126 : std::max(std::ilogb(x), -126);
                     const double unit = std::ldexp(1.0, exponent - 10);
                     const double expected =
                         std::copysign(std::floor(std::fabs(x) / unit + 0.5) * unit, x);
                     return bits_of(static_cast<float>(expected)) == r;
                   }});
  return cases;
}

}  // namespace lq::emulator::testing
