// Several numbers in a register, and what newer devices add to minimum and maximum.

#include <algorithm>
#include <cmath>

#include "tests/emulator/forms/form_case.h"

namespace lq::emulator::testing {
namespace {

/// Both halves of .f32x2, by the cases of .f32.
void add_single_pairs(FormCases& cases) {
  for (const FormCases& singles : {single_cases(), directed_cases()}) {
    for (const FormCase& single : singles) {
      const std::string base = single.opcode.substr(0, 3);
      const bool has_pair = (base == "add" || base == "sub" || base == "mul" || base == "fma") &&
                            single.opcode.ends_with(".f32") &&
                            single.opcode.find(".sat") == std::string::npos;
      if (!has_pair) continue;
      const auto check = [single](const Values& v, std::uint64_t result) -> std::optional<bool> {
        std::optional<bool> verdict;
        for (const int shift : {0, 32}) {
          Values half{};
          for (std::size_t i = 0; i < v.size(); ++i) half[i] = v[i] >> shift & 0xFFFFFFFF;
          const auto right = single.is_right(half, result >> shift & 0xFFFFFFFF);
          if (right) verdict = verdict.value_or(true) && *right;
        }
        return verdict;
      };
      cases.push_back({single.opcode + "x2", check});
    }
  }
}

/// The signs are those of a product, the magnitudes those that min and max choose.
void add_magnitudes(FormCases& cases) {
  for (const bool smaller : {true, false}) {
    for (const char* const modifiers : {"", ".ftz", ".NaN", ".ftz.NaN"}) {
      const std::string text = modifiers;
      const bool flushes = text.starts_with(".ftz"), propagates = text.ends_with(".NaN");
      cases.push_back(
          exactly((smaller ? "min" : "max") + text + ".xorsign.abs.f32", [=](const Values& v) {
            const auto read = [&](std::uint64_t bits) {
              const float x = as_float(bits);
              return flushes && std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(0.0F, x) : x;
            };
            const float a = read(v[0]), b = read(v[1]);
            const bool both = std::isnan(a) && std::isnan(b);
            if (both || (propagates && (std::isnan(a) || std::isnan(b)))) {
              return std::uint64_t{0x7FFFFFFF};
            }
            const float x = std::fabs(std::isnan(a) ? b : a);
            const float y = std::fabs(std::isnan(b) ? a : b);
            const float chosen = (x < y) == smaller ? x : y;
            return bits_of(std::signbit(a) != std::signbit(b) ? -chosen : chosen);
          }));
    }
  }
}

void add_integer_pairs(FormCases& cases) {
  const auto add = [&](const std::string& opcode, const IntegerType& type, auto&& function) {
    cases.push_back(exactly(opcode, [=](const Values& v) {
      std::uint64_t result = 0;
      for (int shift = 0; shift < 32; shift += type.bits) {
        result |= type.raw(function(type.value(v[0] >> shift), type.value(v[1] >> shift))) << shift;
      }
      return result;
    }));
  };
  const auto low = [](Int a, Int b) { return a < b ? a : b; };
  const auto high = [](Int a, Int b) { return a > b ? a : b; };
  for (const bool is_signed : {false, true}) {
    const IntegerType half{"", 16, is_signed};
    const std::string type = is_signed ? ".s16x2" : ".u16x2";
    add("add" + type, half, [](Int a, Int b) { return a + b; });
    add("min" + type, half, low);
    add("max" + type, half, high);
  }
  const auto low_relu = [](Int a, Int b) { return std::max<Int>(0, std::min(a, b)); };
  const auto high_relu = [](Int a, Int b) { return std::max<Int>(0, std::max(a, b)); };
  for (const auto& [name, bits] : {std::pair{"s16x2", 16}, std::pair{"s32", 32}}) {
    const IntegerType type{"", bits, true};
    const std::string text = name;
    for (const bool first : {false, true}) {
      const std::string modifiers = first ? ".relu." + text : "." + text + ".relu";
      add("min" + modifiers, type, low_relu);
      add("max" + modifiers, type, high_relu);
    }
  }
}

/// The pseudocode of the PTX ISA.
std::uint64_t nth_set(const Values& v) {
  const auto offset = static_cast<std::int32_t>(v[2]);
  auto position = static_cast<std::int64_t>(v[1]);
  if (offset == 0) return position < 32 && (v[0] >> position & 1) != 0 ? v[1] : 0xFFFFFFFF;
  auto count = std::int64_t{offset < 0 ? -std::int64_t{offset} : offset} - 1;
  const int increment = offset > 0 ? 1 : -1;
  while (position >= 0 && position < 32) {
    if ((v[0] >> position & 1) != 0) {
      if (count == 0) return static_cast<std::uint64_t>(position);
      --count;
    }
    position += increment;
  }
  return 0xFFFFFFFF;
}

}  // namespace

FormCases pair_cases() {
  FormCases cases;
  add_single_pairs(cases);
  add_magnitudes(cases);
  add_integer_pairs(cases);
  cases.push_back(exactly("fns.b32", nth_set));
  return cases;
}

}  // namespace lq::emulator::testing
