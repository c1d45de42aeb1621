// What tests of matrix instructions share: elements of matrices as numbers, and kernels of one warp
// whose registers the test fills and reads.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "tests/emulator/support/device.h"

namespace lq::emulator::testing {

/// A type of elements: "f16", "s4". Decoded field by field, in arithmetic that is exact.
struct ElementType {
  std::string name;
  int bits;
  int exponent_bits = 0;  // 0: an integer
  int fraction_bits = 0;
  bool is_signed = true;

  double value(std::uint64_t raw) const {
    if (exponent_bits == 0) {
      const auto magnitude = static_cast<double>(raw);
      const bool negative = is_signed && bits > 1 && (raw >> (bits - 1) & 1) != 0;
      return negative ? magnitude - std::ldexp(1.0, bits) : magnitude;
    }
    if (name == "f64") return std::bit_cast<double>(raw);
    const int bias = (1 << (exponent_bits - 1)) - 1;
    const int ignored = bits - 1 - exponent_bits - fraction_bits;  // of tf32
    const std::uint64_t number = raw >> ignored;
    const auto fraction = static_cast<int>(number & ((1U << fraction_bits) - 1));
    const auto exponent = static_cast<int>(number >> fraction_bits & ((1U << exponent_bits) - 1));
    const double sign = (raw >> (bits - 1) & 1) != 0 ? -1 : 1;
    const bool is_e4m3 = name == "e4m3";
    if (is_e4m3 && exponent == 15 && fraction == 7) return std::nan("");
    if (!is_e4m3 && exponent == (1 << exponent_bits) - 1) {
      return fraction != 0 ? std::nan("") : sign * std::numeric_limits<double>::infinity();
    }
    if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias - fraction_bits);
    return sign * std::ldexp(fraction + (1 << fraction_bits), exponent - bias - fraction_bits);
  }
};

inline ElementType element_type(const std::string& name) {
  static const ElementType types[] = {{"f16", 16, 5, 10},
                                      {"bf16", 16, 8, 7},
                                      {"tf32", 32, 8, 10},
                                      {"e4m3", 8, 4, 3},
                                      {"e5m2", 8, 5, 2},
                                      {"f32", 32, 8, 23},
                                      {"f64", 64, 11, 52},
                                      {"s8", 8},
                                      {"u8", 8, 0, 0, false},
                                      {"s4", 4},
                                      {"u4", 4, 0, 0, false},
                                      {"b1", 1, 0, 0, false},
                                      {"s32", 32}};
  for (const ElementType& type : types) {
    if (type.name == name) return type;
  }
  fail("no element type {}", name);
}

/// Registers of a warp: [register][lane].
using LaneValues = std::array<std::uint64_t, warp_size>;
using Registers = std::vector<LaneValues>;

/// Bits of element `index` of a lane's fragment, of which registers have several.
inline std::uint64_t fragment_element(const Registers& registers, const ElementType& type, int lane,
                                      int index) {
  const int per_register = type.bits == 64 ? 1 : 32 / type.bits;
  const std::uint64_t word =
      registers[static_cast<std::size_t>(index / per_register)][static_cast<std::size_t>(lane)];
  if (type.bits == 64) return word;
  return word >> (index % per_register * type.bits) & ((std::uint64_t{1} << type.bits) - 1);
}

struct RegisterList {
  int count = 0;
  int bytes = 4;
};

/// Runs "opcode d, sources...", all vectors of registers, in one warp and returns d.
inline Registers run_on_registers(const std::string& opcode, RegisterList d,
                                  const std::vector<std::pair<RegisterList, Registers>>& sources) {
  std::string loads, stores, operands;
  std::vector<std::uint64_t> in;
  int next = 0;
  const auto name = [](int bytes, int index) {
    return fmt::format("{}{}", bytes == 8 ? "%fd" : "%f", index);
  };
  const auto list = [&](RegisterList registers, auto&& each) {
    std::string text;
    for (int r = 0; r < registers.count; ++r, ++next) {
      text += (r == 0 ? "" : ", ") + name(registers.bytes, next);
      each(name(registers.bytes, next), registers.bytes, r);
    }
    return "{" + text + "}";
  };
  operands = list(d, [&](const std::string& text, int bytes, int r) {
    stores += fmt::format("st.global.b{} [%d3+{}], {};\n", 8 * bytes, 256 * r, text);
  });
  for (const auto& [registers, values] : sources) {
    operands += ", " + list(registers, [&](const std::string& text, int bytes, int r) {
                  loads +=
                      fmt::format("ld.global.b{} {}, [%d2+{}];\n", 8 * bytes, text, 8 * in.size());
                  const LaneValues& lanes = values[static_cast<std::size_t>(r)];
                  in.insert(in.end(), lanes.begin(), lanes.end());
                });
  }
  Device device(
      ".visible .entry k(.param .u64 in, .param .u64 out)\n{\n.reg .b32 %r<2>;\n.reg .b64 %d<4>;\n"
      ".reg .b32 %f<400>;\n.reg .b64 %fd<100>;\nld.param.u64 %d0, [in];\nld.param.u64 %d1, [out];\n"
      "mov.u32 %r0, %laneid;\nmul.wide.u32 %d2, %r0, 8;\nadd.s64 %d3, %d1, %d2;\n"
      "add.s64 %d2, %d0, %d2;\n" +
      loads + opcode + " " + operands + ";\n" + stores + "ret;\n}\n");
  const std::uint64_t input = device.upload(in);
  const auto words = static_cast<std::size_t>(d.count) * warp_size;
  const std::uint64_t output = device.upload(std::vector<std::uint64_t>(words));
  device.launch("k", {1, 1, 1}, {32, 1, 1}, {input, output});
  const auto out = device.download<std::uint64_t>(output, words);
  Registers result(static_cast<std::size_t>(d.count));
  for (std::size_t i = 0; i < words; ++i) result[i / warp_size][i % warp_size] = out[i];
  return result;
}

/// Gives the bits of one element after the other.
using Choose = std::function<std::uint64_t()>;

/// Elements packed into registers.
inline Registers registers_of(RegisterList list, const ElementType& type, const Choose& choose) {
  Registers registers(static_cast<std::size_t>(list.count));
  for (LaneValues& lanes : registers) {
    for (std::uint64_t& word : lanes) {
      word = 0;
      for (int at = 0; at < 8 * list.bytes; at += type.bits) {
        word |= choose() << at;
      }
    }
  }
  return registers;
}

/// Bits of multiples of 1/4 from -1 to 1: their products and the sums of these are exact in every
/// order, and fit into 11 bits.
class SmallElements {
 public:
  SmallElements(const ElementType& type, std::uint32_t seed) : generator_(seed) {
    const int shown = std::min(type.bits, 16);
    for (std::uint64_t raw = 0; raw < std::uint64_t{1} << shown; ++raw) {
      const std::uint64_t bits = raw << (type.bits - shown);
      const double quarters = 4 * type.value(bits);
      if (std::abs(quarters) <= 4 && quarters == std::floor(quarters)) values_.push_back(bits);
    }
  }
  std::uint64_t operator()() { return values_[generator_() % values_.size()]; }

 private:
  std::mt19937 generator_;
  std::vector<std::uint64_t> values_;
};

/// Random elements: small ones of types with a fraction, and of integers all there are. Those of 32
/// bits are close to the ends in many places, so that sums go beyond.
inline Choose random_elements(const ElementType& type, std::uint32_t seed) {
  if (type.exponent_bits != 0) return SmallElements(type, seed);
  return [generator = std::mt19937(seed), type]() mutable -> std::uint64_t {
    const auto random = static_cast<std::uint32_t>(generator());
    if (type.bits == 32 && random >> 31 != 0) {
      return random >> 30 == 2 ? 0x7FFFFFFF - random % 128 : 0x80000000 + random % 128;
    }
    return random & ((std::uint64_t{1} << type.bits) - 1);
  };
}

/// What 32 bits hold of a sum of integers: the closest number there is, or the sum modulo 2^32.
inline std::int32_t sum_of_32_bits(std::int64_t exact, bool saturates) {
  if (saturates) exact = std::clamp<std::int64_t>(exact, INT32_MIN, INT32_MAX);
  return static_cast<std::int32_t>(exact);
}

}  // namespace lq::emulator::testing
