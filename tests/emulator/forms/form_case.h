// Expected results of instructions that are rows of tables. Oracles work on bits and in wider
// arithmetic, and share nothing with the tables.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace lq::emulator::testing {

using Values = std::array<std::uint64_t, 4>;  // bits of the operands; predicates are 0 or 1

struct FormCase {
  std::string opcode;
  /// Whether the result is right; nothing where the oracle cannot tell.
  std::function<std::optional<bool>(const Values&, std::uint64_t)> is_right;
};
using FormCases = std::vector<FormCase>;

inline void PrintTo(const FormCase& form_case, std::ostream* stream) {
  *stream << form_case.opcode;
}

inline FormCase exactly(std::string opcode, std::function<std::uint64_t(const Values&)> expected) {
  return {std::move(opcode), [expected](const Values& values, std::uint64_t result) {
            return std::optional<bool>(expected(values) == result);
          }};
}

__extension__ using Int = __int128;

/// A type by its PTX name: "s16".
struct IntegerType {
  std::string name;
  int bits;
  bool is_signed;

  Int value(std::uint64_t raw) const {
    const Int modulus = Int{1} << bits;
    const Int low = static_cast<Int>(raw) & (modulus - 1);
    return is_signed && low >= modulus / 2 ? low - modulus : low;
  }
  std::uint64_t raw(Int value) const {
    return static_cast<std::uint64_t>(value & ((Int{1} << bits) - 1));
  }
  Int lowest() const { return is_signed ? -(Int{1} << (bits - 1)) : Int{0}; }
  Int highest() const { return (Int{1} << (is_signed ? bits - 1 : bits)) - 1; }
  Int clamp(Int value) const {
    return value < lowest() ? lowest() : value > highest() ? highest() : value;
  }
};

inline const std::vector<IntegerType>& integer_types() {
  static const std::vector<IntegerType> types{
      {"u8", 8, false},   {"s8", 8, true},   {"u16", 16, false}, {"s16", 16, true},
      {"u32", 32, false}, {"s32", 32, true}, {"u64", 64, false}, {"s64", 64, true}};
  return types;
}

inline float as_float(std::uint64_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits));
}
inline double as_double(std::uint64_t bits) { return std::bit_cast<double>(bits); }
inline std::uint64_t bits_of(float value) { return std::bit_cast<std::uint32_t>(value); }
inline std::uint64_t bits_of(double value) { return std::bit_cast<std::uint64_t>(value); }

FormCases integer_cases();
FormCases bit_cases();
FormCases compare_cases();
FormCases convert_cases();
FormCases single_cases();
FormCases double_cases();
FormCases directed_cases();
FormCases half_cases();
FormCases small_cases();
FormCases pair_cases();

}  // namespace lq::emulator::testing
