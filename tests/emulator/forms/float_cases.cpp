// Arithmetic in single and double precision, to nearest. A long double (64 bits or more) rounds
// sums, products, quotients and roots of singles once too often without harm, since it has more
// than twice their bits and two; a quadruple does so for doubles. Fused operations are those of the
// C library.

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/emulator/forms/form_case.h"

namespace lq::emulator::testing {
namespace {

__extension__ using Quad = __float128;

float flushed(float value) {
  return std::fpclassify(value) == FP_SUBNORMAL ? std::copysign(0.0F, value) : value;
}

bool same(float expected, float result) {
  return std::isnan(expected) ? bits_of(result) == 0x7FFFFFFF
                              : bits_of(expected) == bits_of(result);
}
bool same(double expected, double result) {
  return std::isnan(expected) ? std::isnan(result) : bits_of(expected) == bits_of(result);
}

using Single = std::function<float(float, float, float)>;

void add_form(const std::string& opcode, bool flushes, bool saturates, const Single& function,
              FormCases& cases) {
  cases.push_back({opcode, [=](const Values& v, std::uint64_t r) {
                     float x[3] = {as_float(v[0]), as_float(v[1]), as_float(v[2])};
                     for (float& value : x) value = flushes ? flushed(value) : value;
                     float expected = function(x[0], x[1], x[2]);
                     if (flushes) expected = flushed(expected);
                     if (saturates) {
                       expected = std::isnan(expected) ? 0.0F : std::clamp(expected, 0.0F, 1.0F);
                       // Zeros lose their sign.
                       expected = expected == 0 ? 0.0F : expected;
                     }
                     return std::optional(same(expected, as_float(r)));
                   }});
}

void add_single(const std::string& name, bool may_saturate, const Single& function,
                FormCases& cases) {
  add_form(name + ".f32", false, false, function, cases);
  add_form(name + ".ftz.f32", true, false, function, cases);
  if (!may_saturate) return;
  add_form(name + ".sat.f32", false, true, function, cases);
  add_form(name + ".ftz.sat.f32", true, true, function, cases);
}

/// Within `steps` numbers of the expected one: what the C library and the emulator round from
/// results of different width.
void add_close(const std::string& name, bool flushes, long double (*function)(long double),
               int steps, FormCases& cases) {
  cases.push_back({name, [=](const Values& v, std::uint64_t r) {
                     const float x = flushes ? flushed(as_float(v[0])) : as_float(v[0]);
                     float expected = static_cast<float>(function(x));
                     if (flushes) expected = flushed(expected);
                     float low = expected, high = expected;
                     for (int i = 0; i < steps; ++i) {
                       low = std::nextafter(low, -std::numeric_limits<float>::infinity());
                       high = std::nextafter(high, std::numeric_limits<float>::infinity());
                     }
                     const float result = as_float(r);
                     if (std::isnan(expected)) return std::optional(std::isnan(result));
                     return std::optional(low <= result && result <= high);
                   }});
}

float minimum(float a, float b) {
  if (std::isnan(a)) return b;
  if (std::isnan(b)) return a;
  if (a == 0 && b == 0) return std::signbit(a) ? a : b;
  return a < b ? a : b;
}
float maximum(float a, float b) { return -minimum(-a, -b); }

void add_classes(FormCases& cases) {
  const std::pair<const char*, bool (*)(int)> classes[] = {
      {"finite", [](int c) { return c != FP_NAN && c != FP_INFINITE; }},
      {"infinite", [](int c) { return c == FP_INFINITE; }},
      {"number", [](int c) { return c != FP_NAN; }},
      {"notanumber", [](int c) { return c == FP_NAN; }},
      {"normal", [](int c) { return c == FP_NORMAL; }},
      {"subnormal", [](int c) { return c == FP_SUBNORMAL; }}};
  for (const auto& [name, test] : classes) {
    const auto is = test;
    cases.push_back(exactly(std::string("testp.") + name + ".f32", [is](const Values& v) {
      return std::uint64_t{is(std::fpclassify(as_float(v[0])))};
    }));
    cases.push_back(exactly(std::string("testp.") + name + ".f64", [is](const Values& v) {
      return std::uint64_t{is(std::fpclassify(as_double(v[0])))};
    }));
  }
}

long double rsqrt(long double x) { return 1 / std::sqrt(x); }
long double sine(long double x) { return std::sin(x); }
long double cosine(long double x) { return std::cos(x); }
long double logarithm(long double x) { return std::log2(x); }
long double power(long double x) { return std::exp2(x); }
long double tangent(long double x) { return std::tanh(x); }

}  // namespace

FormCases single_cases() {
  FormCases cases;
  using Wide = long double;
  const Single add = [](float a, float b, float) { return static_cast<float>(Wide{a} + b); };
  const Single sub = [](float a, float b, float) { return static_cast<float>(Wide{a} - b); };
  const Single mul = [](float a, float b, float) { return static_cast<float>(Wide{a} * b); };
  const Single div = [](float a, float b, float) { return static_cast<float>(Wide{a} / b); };
  const Single fma = [](float a, float b, float c) { return std::fma(a, b, c); };
  const Single root = [](float a, float, float) { return static_cast<float>(std::sqrt(Wide{a})); };
  const Single inverse = [](float a, float, float) { return static_cast<float>(1 / Wide{a}); };
  for (const char* const rounding : {"", ".rn"}) {
    const std::string r = rounding;
    add_single("add" + r, true, add, cases);
    add_single("sub" + r, true, sub, cases);
    add_single("mul" + r, true, mul, cases);
    add_single("mad" + r, true, fma, cases);
  }
  add_single("fma.rn", true, fma, cases);
  for (const char* const kind : {".rn", ".approx", ".full"}) {
    add_single(std::string("div") + kind, false, div, cases);
  }
  for (const char* const kind : {".rn", ".approx"}) {
    add_single(std::string("sqrt") + kind, false, root, cases);
    add_single(std::string("rcp") + kind, false, inverse, cases);
  }
  const Single low = [](float a, float b, float) { return minimum(a, b); };
  const Single high = [](float a, float b, float) { return maximum(a, b); };
  const Single low_nan = [](float a, float b, float) {
    return std::isnan(a) || std::isnan(b) ? a + b : minimum(a, b);
  };
  const Single high_nan = [](float a, float b, float) {
    return std::isnan(a) || std::isnan(b) ? a + b : maximum(a, b);
  };
  add_single("min", false, low, cases);
  add_single("max", false, high, cases);
  add_form("min.NaN.f32", false, false, low_nan, cases);
  add_form("max.NaN.f32", false, false, high_nan, cases);
  add_form("min.ftz.NaN.f32", true, false, low_nan, cases);
  add_form("max.ftz.NaN.f32", true, false, high_nan, cases);
  const auto flush_bits = [](std::uint64_t bits) { return bits_of(flushed(as_float(bits))); };
  const std::uint64_t sign = 0x80000000;
  cases.push_back(exactly("abs.f32", [=](const Values& v) { return v[0] & ~sign; }));
  cases.push_back(exactly("neg.f32", [=](const Values& v) { return v[0] ^ sign; }));
  cases.push_back(
      exactly("abs.ftz.f32", [=](const Values& v) { return flush_bits(v[0]) & ~sign; }));
  cases.push_back(exactly("neg.ftz.f32", [=](const Values& v) { return flush_bits(v[0]) ^ sign; }));
  cases.push_back(
      exactly("copysign.f32", [=](const Values& v) { return (v[1] & ~sign) | (v[0] & sign); }));
  const std::pair<const char*, long double (*)(long double)> functions[] = {
      {"rsqrt.approx", rsqrt},
      {"sin.approx", sine},
      {"cos.approx", cosine},
      {"lg2.approx", logarithm},
      {"ex2.approx", power}};
  for (const auto& [name, function] : functions) {
    add_close(std::string(name) + ".f32", false, function, 1, cases);
    add_close(std::string(name) + ".ftz.f32", true, function, 1, cases);
  }
  add_close("tanh.approx.f32", false, tangent, 1, cases);
  add_classes(cases);
  return cases;
}

FormCases double_cases() {
  FormCases cases;
  const auto add = [&](const std::string& opcode, auto&& function) {
    cases.push_back({opcode, [=](const Values& v, std::uint64_t r) {
                       const double expected =
                           function(as_double(v[0]), as_double(v[1]), as_double(v[2]));
                       return std::optional(same(expected, as_double(r)));
                     }});
  };
  for (const char* const rounding : {"", ".rn"}) {
    const std::string r = rounding;
    add("add" + r + ".f64", [](double a, double b, double) { return double(Quad{a} + b); });
    add("sub" + r + ".f64", [](double a, double b, double) { return double(Quad{a} - b); });
    add("mul" + r + ".f64", [](double a, double b, double) { return double(Quad{a} * b); });
  }
  add("div.rn.f64", [](double a, double b, double) { return double(Quad{a} / b); });
  add("rcp.rn.f64", [](double a, double, double) { return double(Quad{1} / a); });
  for (const char* const opcode : {"fma.rn.f64", "mad.rn.f64"}) {
    add(opcode, [](double a, double b, double c) { return std::fma(a, b, c); });
  }
  // The root's square and that of the ends of its rounding interval are exact in a quadruple.
  cases.push_back({"sqrt.rn.f64", [](const Values& v, std::uint64_t r) -> std::optional<bool> {
                     const double a = as_double(v[0]), root = as_double(r);
                     if (std::isnan(a) || a < 0) return std::isnan(root);
                     if (a == 0 || std::isinf(a)) return bits_of(a) == r;
                     const Quad below = (Quad{std::nextafter(root, 0.0)} + root) / 2;
                     const Quad above = (Quad{std::nextafter(root, INFINITY)} + root) / 2;
                     return below * below <= a && a <= above * above;
                   }});
  add("rsqrt.approx.f64", [](double a, double, double) { return 1 / std::sqrt(a); });
  const auto low = [](double a, double b, double) {
    if (std::isnan(a)) return b;
    if (std::isnan(b)) return a;
    if (a == 0 && b == 0) return std::signbit(a) ? a : b;
    return a < b ? a : b;
  };
  add("min.f64", low);
  add("max.f64", [low](double a, double b, double) { return -low(-a, -b, 0); });
  const std::uint64_t sign = std::uint64_t{1} << 63;
  cases.push_back(exactly("abs.f64", [=](const Values& v) { return v[0] & ~sign; }));
  cases.push_back(exactly("neg.f64", [=](const Values& v) { return v[0] ^ sign; }));
  cases.push_back(
      exactly("copysign.f64", [=](const Values& v) { return (v[1] & ~sign) | (v[0] & sign); }));
  // Good to 20 bits, of which the lower word is zero.
  const auto add_approximate = [&](const std::string& opcode, auto&& function) {
    cases.push_back({opcode, [=](const Values& v, std::uint64_t r) -> std::optional<bool> {
                       const double expected = function(as_double(v[0]));
                       const double result = as_double(r);
                       if (std::fpclassify(as_double(v[0])) != FP_NORMAL ||
                           std::fpclassify(expected) != FP_NORMAL) {
                         return std::nullopt;
                       }
                       return (r & 0xFFFFFFFF) == 0 &&
                              std::fabs(result - expected) <= 0x1p-18 * std::fabs(expected);
                     }});
  };
  add_approximate("rcp.approx.ftz.f64", [](double a) { return 1 / a; });
  add_approximate("rsqrt.approx.ftz.f64", [](double a) { return 1 / std::sqrt(a); });
  return cases;
}

}  // namespace lq::emulator::testing
