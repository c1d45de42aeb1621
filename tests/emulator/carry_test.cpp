// add.cc, addc, sub.cc, subc, mad.cc, madc, against integers of 128 bits.

#include <gtest/gtest.h>

#include "tests/emulator/support/warp_code.h"

namespace lq::emulator {
namespace {

using testing::edge_words;
using testing::run_warp_code;
using testing::u32;
using u64 = std::uint64_t;
__extension__ using Int = __int128;
__extension__ using Unsigned = unsigned __int128;

struct CarryCase {
  std::string operation;  // "mad.hi"
  std::string type;
};
void PrintTo(const CarryCase& carry_case, std::ostream* stream) {
  *stream << carry_case.operation << '.' << carry_case.type;
}

class CarryTest : public ::testing::TestWithParam<CarryCase> {};

/// The exact result without carry.
Int exact(const CarryCase& c, int bits, u64 a, u64 b, u64 addend) {
  const Int modulus = Int{1} << bits;
  if (c.operation == "add") return Int{a} + b;
  if (c.operation == "sub") return Int{a} - b;
  const auto low = static_cast<u64>((static_cast<Unsigned>(a) * b) % modulus);
  if (c.operation == "mad.lo") return Int{low} + addend;
  const auto high = static_cast<u64>((static_cast<Unsigned>(a) * b) >> bits);
  if (c.type[0] == 'u') return Int{high} + addend;
  // The signed product has the other one's high half, less what the signs take away.
  Int corrected = high;
  if ((a >> (bits - 1)) != 0) corrected -= b;
  if ((b >> (bits - 1)) != 0) corrected -= a;
  return ((corrected % modulus + modulus) % modulus) + addend;
}

TEST_P(CarryTest, CarriesComeInAndGoOut) {
  const CarryCase& c = GetParam();
  const int bits = c.type.ends_with("64") ? 64 : 32;
  const bool is_mad = c.operation.starts_with("mad");
  const std::string base = c.operation.substr(0, 3);
  const std::string half = is_mad ? c.operation.substr(3) : "";
  // Three operands of 64 bits per lane; whether a carry comes in is the first one's bit 1.
  const auto words = edge_words(32 * 6, static_cast<u32>(std::hash<std::string>()(c.operation)));
  const std::string e = bits == 64 ? "%e" : "%w";
  std::string body =
      ".reg .b32 %w<9>;\n.reg .b64 %e<9>;\nmul.wide.u32 %d5, %r0, 24;\nadd.s64 %d5, %d0, %d5;\n";
  for (int i = 0; i < 3; ++i) {
    body += fmt::format("ld.global.b{} {}{}, [%d5+{}];\n", bits, e, i, 8 * i);
  }
  const std::string operands =
      is_mad ? fmt::format("{0}0, {0}1, {0}2", e) : fmt::format("{0}0, {0}1", e);
  body += fmt::format(
      "ld.global.b32 %r8, [%d5];\nshr.u32 %r8, %r8, 1;\nand.b32 %r8, %r8, 1;\n"
      "{0}{1}.cc.{2} {3}3, {4};\naddc.u32 %r3, 0, 0;\n"  // no carry comes in
      "add.cc.u32 %r9, %r8, -1;\n"                       // the flag, from here on
      "{0}c{1}.cc.{2} {3}4, {4};\naddc.u32 %r5, 0, 0;\n"
      "add.cc.u32 %r9, %r8, -1;\n{0}c{1}.{2} {3}5, {4};\naddc.u32 %r7, 0, 0;\n",
      base, half, c.type, e, operands);
  // Results of 64 bits are folded into a word that tells them apart.
  const auto fold = [&](const std::string& to, const std::string& from) {
    return bits == 32 ? fmt::format("mov.b32 {}, {};\n", to, from)
                      : fmt::format(
                            "mov.b64 {{%r10, %r11}}, {1};\nmad.lo.u32 {0}, %r11, "
                            "0x9E3779B1, %r10;\n",
                            to, from);
  };
  body += fold("%r2", e + "3") + fold("%r4", e + "4") + fold("%r6", e + "5") +
          // The third result has to be the second, and its carry the one that came in.
          "sub.u32 %r6, %r6, %r4;\nshl.b32 %r6, %r6, 2;\nsub.u32 %r7, %r7, %r8;\n"
          "shl.b32 %r7, %r7, 1;\nadd.u32 %r5, %r5, %r6;\nadd.u32 %r5, %r5, %r7;";
  const auto out = run_warp_code(body, words);
  const auto fold_host = [&](u64 value) {
    return bits == 32 ? static_cast<u32>(value)
                      : static_cast<u32>(value >> 32) * 0x9E3779B1U + static_cast<u32>(value);
  };
  for (std::size_t lane = 0; lane < 32; ++lane) {
    u64 x[3];
    for (std::size_t i = 0; i < 3; ++i) {
      x[i] = words[6 * lane + 2 * i];
      if (bits == 64) x[i] |= u64{words[6 * lane + 2 * i + 1]} << 32;
    }
    const Int modulus = Int{1} << bits;
    const u32 carry_in = words[6 * lane] >> 1 & 1;
    for (int part = 0; part < 2; ++part) {
      Int result = exact(c, bits, x[0], x[1], x[2]);
      // Subtraction borrows one where no carry comes in, and carries where it does not borrow.
      const bool is_sub = c.operation == "sub";
      if (part == 1) result += is_sub ? Int{carry_in} - 1 : Int{carry_in};
      const bool carry_out = is_sub ? result >= 0 : result >= modulus;
      const auto value = static_cast<u64>((result + modulus) % modulus);
      EXPECT_EQ(out[static_cast<std::size_t>(64 * part) + lane], fold_host(value)) << lane;
      EXPECT_EQ(out[static_cast<std::size_t>(64 * part) + 32 + lane], u32{carry_out}) << lane;
    }
  }
}

std::vector<CarryCase> carry_cases() {
  std::vector<CarryCase> cases;
  for (const char* const operation : {"add", "sub", "mad.lo", "mad.hi"}) {
    for (const char* const type : {"u32", "s32", "u64", "s64"}) cases.push_back({operation, type});
  }
  return cases;
}
INSTANTIATE_TEST_SUITE_P(AllForms, CarryTest, ::testing::ValuesIn(carry_cases()));

TEST(CarryFlagTest, BelongsToLanesAndGuards) {
  // Odd lanes leave the flag alone.
  const auto out = run_warp_code(R"(
    and.b32 %r6, %r0, 1;
    setp.eq.u32 %p1, %r6, 0;
    add.cc.u32 %r7, %r0, 0;
    @%p1 add.cc.u32 %r7, %r1, 1;
    addc.u32 %r2, 0, 0;)",
                                 std::vector<u32>(32, 0xFFFFFFFF));
  for (u32 lane = 0; lane < 32; ++lane) EXPECT_EQ(out[lane], 1 - lane % 2);
}

}  // namespace
}  // namespace lq::emulator
