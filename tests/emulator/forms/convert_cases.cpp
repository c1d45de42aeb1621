// Conversions between integers and floating-point numbers, to nearest; what rounds in a direction
// is in directed_cases.cpp.

#include <algorithm>
#include <cmath>

#include "tests/emulator/forms/form_case.h"

namespace lq::emulator::testing {
namespace {

/// Bytes are extended to their register of 16 bits.
std::uint64_t in_register(const IntegerType& type, Int value) {
  const Int wrapped = type.value(type.raw(value));
  return type.bits == 8 ? IntegerType{"", 16, false}.raw(wrapped) : type.raw(wrapped);
}

void add_integers(FormCases& cases) {
  for (const IntegerType& to : integer_types()) {
    for (const IntegerType& from : integer_types()) {
      const std::string types = to.name + "." + from.name;
      cases.push_back(exactly("cvt." + types,
                              [=](const Values& v) { return in_register(to, from.value(v[0])); }));
      if (to.name == from.name) continue;
      cases.push_back(exactly("cvt.sat." + types, [=](const Values& v) {
        return in_register(to, to.clamp(from.value(v[0])));
      }));
    }
  }
}

float flushed(float value) {
  return std::fpclassify(value) == FP_SUBNORMAL ? std::copysign(0.0F, value) : value;
}

/// A long double holds every integer of 64 bits and every double.
long double rounded(const std::string& mode, long double value) {
  if (mode == "rni") return std::nearbyint(value);
  if (mode == "rzi") return std::trunc(value);
  return mode == "rmi" ? std::floor(value) : std::ceil(value);
}

std::uint64_t to_integer(const IntegerType& to, const std::string& mode, long double value) {
  if (std::isnan(value)) return 0;
  const long double result = rounded(mode, value);
  if (result >= static_cast<long double>(to.highest())) return in_register(to, to.highest());
  if (result <= static_cast<long double>(to.lowest())) return in_register(to, to.lowest());
  return in_register(to, static_cast<Int>(result));
}

void add_float_to_integer(FormCases& cases) {
  for (const std::string mode : {"rni", "rzi", "rmi", "rpi"}) {
    for (const IntegerType& to : integer_types()) {
      for (const char* const sat : {".", ".sat."}) {
        cases.push_back(exactly("cvt." + mode + sat + to.name + ".f32", [=](const Values& v) {
          return to_integer(to, mode, as_float(v[0]));
        }));
        cases.push_back(exactly("cvt." + mode + sat + to.name + ".f64", [=](const Values& v) {
          return to_integer(to, mode, as_double(v[0]));
        }));
      }
      cases.push_back(exactly("cvt." + mode + ".ftz." + to.name + ".f32", [=](const Values& v) {
        return to_integer(to, mode, flushed(as_float(v[0])));
      }));
    }
    const auto same = [](double expected, double result) {
      return std::isnan(expected) ? std::isnan(result) : bits_of(expected) == bits_of(result);
    };
    cases.push_back({"cvt." + mode + ".f32.f32", [=](const Values& v, std::uint64_t r) {
                       const long double exact = as_float(v[0]);
                       return std::optional(
                           same(static_cast<double>(rounded(mode, exact)), as_float(r)));
                     }});
    cases.push_back({"cvt." + mode + ".ftz.f32.f32", [=](const Values& v, std::uint64_t r) {
                       const long double exact = flushed(as_float(v[0]));
                       return std::optional(
                           same(static_cast<double>(rounded(mode, exact)), as_float(r)));
                     }});
    cases.push_back({"cvt." + mode + ".f64.f64", [=](const Values& v, std::uint64_t r) {
                       const long double exact = as_double(v[0]);
                       return std::optional(
                           same(static_cast<double>(rounded(mode, exact)), as_double(r)));
                     }});
  }
}

void add_float_to_float(FormCases& cases) {
  const auto add = [&](const std::string& opcode, auto&& expected, bool from_double,
                       bool to_double) {
    cases.push_back({opcode, [=](const Values& v, std::uint64_t r) {
                       const double x = from_double ? as_double(v[0]) : double{as_float(v[0])};
                       const double wanted = expected(x);
                       const double result = to_double ? as_double(r) : double{as_float(r)};
                       return std::optional(std::isnan(wanted)
                                                ? std::isnan(result)
                                                : bits_of(wanted) == bits_of(result));
                     }});
  };
  const auto flush = [](double x) { return double{flushed(static_cast<float>(x))}; };
  const auto clamp = [](double x) { return x > 0 ? std::min(x, 1.0) : 0.0; };
  const auto narrow = [](double x) { return double{static_cast<float>(x)}; };
  const auto same = [](double x) { return x; };
  add("cvt.f32.f32", same, false, false);
  add("cvt.ftz.f32.f32", flush, false, false);
  add("cvt.sat.f32.f32", clamp, false, false);
  add(
      "cvt.sat.ftz.f32.f32", [=](double x) { return clamp(flush(x)); }, false, false);
  add(
      "cvt.ftz.sat.f32.f32", [=](double x) { return clamp(flush(x)); }, false, false);
  add("cvt.f64.f64", same, true, true);
  add("cvt.f64.f32", same, false, true);
  add("cvt.ftz.f64.f32", flush, false, true);
  add("cvt.rn.f32.f64", narrow, true, false);
  add(
      "cvt.rn.ftz.f32.f64", [=](double x) { return flush(narrow(x)); }, true, false);
}

}  // namespace

FormCases convert_cases() {
  FormCases cases;
  add_integers(cases);
  add_float_to_integer(cases);
  add_float_to_float(cases);
  for (const IntegerType& from : integer_types()) {
    cases.push_back(exactly("cvt.rn.f32." + from.name, [=](const Values& v) {
      return bits_of(static_cast<float>(static_cast<long double>(from.value(v[0]))));
    }));
    cases.push_back(exactly("cvt.rn.f64." + from.name, [=](const Values& v) {
      return bits_of(static_cast<double>(static_cast<long double>(from.value(v[0]))));
    }));
  }
  return cases;
}

}  // namespace lq::emulator::testing
