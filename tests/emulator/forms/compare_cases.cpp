// Comparisons and selections.

#include <fmt/format.h>

#include <cmath>

#include "tests/emulator/forms/form_case.h"

namespace lq::emulator::testing {
namespace {

bool holds(const std::string& comparison, int order) {
  if (comparison == "eq") return order == 0;
  if (comparison == "ne") return order != 0;
  if (comparison == "lt" || comparison == "lo") return order < 0;
  if (comparison == "le" || comparison == "ls") return order <= 0;
  if (comparison == "gt" || comparison == "hi") return order > 0;
  return order >= 0;
}

void add_integers(const IntegerType& type, const std::string& name,
                  const std::vector<std::string>& comparisons, FormCases& cases) {
  for (const std::string& comparison : comparisons) {
    cases.push_back(exactly(fmt::format("setp.{}.{}", comparison, name), [=](const Values& v) {
      const Int a = type.value(v[0]), b = type.value(v[1]);
      return std::uint64_t{holds(comparison, a < b ? -1 : a > b ? 1 : 0)};
    }));
  }
}

/// `read` gives an operand as a double, which holds every value.
void add_floats(const std::string& name, const std::vector<std::string>& comparisons,
                const std::function<double(std::uint64_t)>& read, FormCases& cases) {
  for (const std::string& comparison : comparisons) {
    cases.push_back(exactly(fmt::format("setp.{}.{}", comparison, name), [=](const Values& v) {
      const double a = read(v[0]), b = read(v[1]);
      const bool unordered = std::isnan(a) || std::isnan(b);
      if (comparison == "num") return std::uint64_t{!unordered};
      if (comparison == "nan") return std::uint64_t{unordered};
      const bool or_unordered = comparison.size() == 3;
      if (unordered) return std::uint64_t{or_unordered};
      return std::uint64_t{holds(comparison.substr(0, 2), a < b ? -1 : a > b ? 1 : 0)};
    }));
  }
}

double flushed(std::uint64_t bits) {
  const float value = as_float(bits);
  return std::fpclassify(value) == FP_SUBNORMAL ? 0.0 : value;
}

void add_selections(FormCases& cases) {
  for (const char* const type :
       {"b16", "u16", "s16", "b32", "u32", "s32", "f32", "b64", "u64", "s64", "f64"}) {
    const std::string name = type;
    cases.push_back(exactly(fmt::format("selp.{}", name),
                            [](const Values& v) { return v[2] != 0 ? v[0] : v[1]; }));
    cases.push_back(exactly(fmt::format("slct.{}.s32", name),
                            [](const Values& v) { return (v[2] >> 31 & 1) != 0 ? v[1] : v[0]; }));
    cases.push_back(exactly(fmt::format("slct.{}.f32", name),
                            [](const Values& v) { return as_float(v[2]) >= 0 ? v[0] : v[1]; }));
  }
}

}  // namespace

FormCases compare_cases() {
  FormCases cases;
  for (const IntegerType& type : integer_types()) {
    if (type.bits == 8) continue;
    add_integers(type, type.name, {"eq", "ne", "lt", "le", "gt", "ge"}, cases);
    if (!type.is_signed) {
      add_integers(type, type.name, {"lo", "ls", "hi", "hs"}, cases);
      add_integers(type, fmt::format("b{}", type.bits), {"eq", "ne"}, cases);
    }
  }
  const std::vector<std::string> all{"eq",  "ne",  "lt",  "le",  "gt",  "ge",  "equ",
                                     "neu", "ltu", "leu", "gtu", "geu", "num", "nan"};
  add_floats(
      "f32", all, [](std::uint64_t bits) { return double{as_float(bits)}; }, cases);
  add_floats("ftz.f32", all, flushed, cases);
  add_floats("f64", all, as_double, cases);
  add_selections(cases);
  return cases;
}

}  // namespace lq::emulator::testing
