// Arithmetic that is no row of a table: SIMD video instructions, comparisons to numbers,
// second results; and atomics on packs and vectors.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/emulator/support/warp_code.h"

namespace lq::emulator {
namespace {

using testing::Device;
using testing::edge_words;
using testing::random_words;
using testing::run_warp_code;
using testing::u32;
using u64 = std::uint64_t;

/// Of the parts of a register, each by itself.
int part(u32 word, int index, int bits, bool is_signed) {
  const int value = static_cast<int>(word >> (index * bits) & ((1U << bits) - 1));
  return is_signed && value >= 1 << (bits - 1) ? value - (1 << bits) : value;
}

struct VideoCase {
  std::string form;  // "vadd4.s32.u32.u32.sat"
  int bits;
  bool d_signed, a_signed, b_signed, saturates, accumulates;
  int (*apply)(int, int);
};
void PrintTo(const VideoCase& video_case, std::ostream* stream) { *stream << video_case.form; }

class VideoTest : public ::testing::TestWithParam<VideoCase> {};

TEST_P(VideoTest, AgreesWithEachPart) {
  const VideoCase& c = GetParam();
  const auto in = edge_words(96, 31);
  const auto out = run_warp_code("ld.global.u32 %r6, [%d3+128];\nld.global.u32 %r7, [%d3+256];\n" +
                                     c.form + " %r2, %r1, %r6, %r7;",
                                 in);
  for (std::size_t lane = 0; lane < 32; ++lane) {
    u32 expected = c.accumulates ? in[64 + lane] : 0;
    for (int i = 0; i < 32 / c.bits; ++i) {
      int value = c.apply(part(in[lane], i, c.bits, c.a_signed),
                          part(in[32 + lane], i, c.bits, c.b_signed));
      if (c.saturates) {
        const int most = c.d_signed ? (1 << (c.bits - 1)) - 1 : (1 << c.bits) - 1;
        value = std::clamp(value, c.d_signed ? -most - 1 : 0, most);
      }
      const u32 bits = static_cast<u32>(value);
      expected += c.accumulates ? bits : (bits << (32 - c.bits)) >> (32 - c.bits) << (i * c.bits);
    }
    EXPECT_EQ(out[lane], expected) << lane;
  }
}

std::vector<VideoCase> video_cases() {
  struct Operation {
    const char* name;
    int (*apply)(int, int);
  };
  const Operation operations[] = {
      {"vadd", [](int a, int b) { return a + b; }},
      {"vsub", [](int a, int b) { return a - b; }},
      {"vabsdiff", [](int a, int b) { return a > b ? a - b : b - a; }},
      {"vmin", [](int a, int b) { return a < b ? a : b; }},
      {"vmax", [](int a, int b) { return a < b ? b : a; }},
      // Halves are rounded away from zero.
      {"vavrg", [](int a, int b) { return static_cast<int>(std::lround((a + b) / 2.0)); }}};
  std::vector<VideoCase> cases;
  for (const int bits : {8, 16}) {
    const char parts = bits == 8 ? '4' : '2';
    for (int signs = 0; signs < 8; ++signs) {
      const bool d = (signs & 4) != 0, a = (signs & 2) != 0, b = (signs & 1) != 0;
      const auto type = [](bool is_signed) { return is_signed ? "s32" : "u32"; };
      for (const Operation& operation : operations) {
        const std::string form =
            fmt::format("{}{}.{}.{}.{}", operation.name, parts, type(d), type(a), type(b));
        cases.push_back({form, bits, d, a, b, false, false, operation.apply});
        cases.push_back({form + ".sat", bits, d, a, b, true, false, operation.apply});
        cases.push_back({form + ".add", bits, d, a, b, false, true, operation.apply});
      }
      if (d) continue;
      const Operation comparisons[] = {{"eq", [](int x, int y) { return int{x == y}; }},
                                       {"lt", [](int x, int y) { return int{x < y}; }},
                                       {"ge", [](int x, int y) { return int{x >= y}; }}};
      for (const Operation& comparison : comparisons) {
        const std::string form =
            fmt::format("vset{}.{}.{}.{}", parts, type(a), type(b), comparison.name);
        cases.push_back({form, bits, d, a, b, false, false, comparison.apply});
        cases.push_back({form + ".add", bits, d, a, b, false, true, comparison.apply});
      }
    }
  }
  return cases;
}
INSTANTIATE_TEST_SUITE_P(AllForms, VideoTest, ::testing::ValuesIn(video_cases()));

TEST(ArithmeticTest, ComparisonsToNumbers) {
  const auto in = edge_words(32, 5);
  const auto out = run_warp_code(R"(
    setp.lt.u32 %p1, %r0, 16;
    set.lt.u32.s32 %r2, %r1, 0;
    set.ge.and.f32.u32 %r3, %r1, 0x80000000, %p1;
    set.nan.or.s32.f32 %r4, %r1, %r1, !%p1;
    mov.b32 {%h1, %h2}, %r1;
    set.leu.f16.f16 %h3, %h1, %h2;
    set.gt.bf16.bf16 %h4, %h1, %h2;
    mov.b32 %r5, {%h3, %h4};)",
                                 in);
  const auto half = [](u32 raw, int fraction) {
    const int exponent = static_cast<int>(raw >> fraction & ((1U << (15 - fraction)) - 1));
    const int last = (1 << (15 - fraction)) - 1;
    const u32 rest = raw & ((1U << fraction) - 1);
    if (exponent == last && rest != 0) return std::nan("");
    const double magnitude =
        exponent == last ? HUGE_VAL
        : exponent == 0  ? std::ldexp(rest, 1 - last / 2 - fraction)
                         : std::ldexp(rest + (1U << fraction), exponent - last / 2 - fraction);
    return (raw & 0x8000) != 0 ? -magnitude : magnitude;
  };
  for (u32 lane = 0; lane < 32; ++lane) {
    const u32 x = in[lane];
    const bool is_nan = (x & 0x7FFFFFFF) > 0x7F800000;
    EXPECT_EQ(out[lane], static_cast<std::int32_t>(x) < 0 ? 0xFFFFFFFF : 0);
    EXPECT_EQ(out[32 + lane], x >= 0x80000000 && lane < 16 ? 0x3F800000U : 0U);
    EXPECT_EQ(out[64 + lane], is_nan || lane >= 16 ? 0xFFFFFFFF : 0);
    const bool le = !(half(x & 0xFFFF, 10) > half(x >> 16, 10));
    const bool gt = half(x & 0xFFFF, 7) > half(x >> 16, 7);
    EXPECT_EQ(out[96 + lane], (le ? 0x3C00U : 0U) | (gt ? 0x3F800000U : 0U)) << std::hex << x;
  }
}

TEST(ArithmeticTest, LogicWithAPredicateAndTheLargestOfThree) {
  const auto in = random_words(32, 6);
  const auto out = run_warp_code(R"(
    setp.lt.u32 %p1, %r0, 8;
    lop3.or.b32 %r6|%p2, %r1, 0xF0, 0, 0xC0, %p1;
    lop3.and.b32 _|%p3, %r1, 1, 0, 0xC0, !%p1;
    selp.b32 %r2, 1, 0, %p2;
    selp.b32 %r3, 1, 0, %p3;
    cvt.rn.f32.u32 %r7, %r1;
    max.f32 %r4, %r7, 0f4F000000, 0f4E800000;
    min.NaN.f32 %r5, %r7, 0f4F000000, 0f7FC00000;)",
                                 in);
  for (u32 lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(out[lane], u32{(in[lane] & 0xF0) != 0 || lane < 8});
    EXPECT_EQ(out[32 + lane], u32{(in[lane] & 1) != 0 && lane >= 8});
    const float largest = std::max(static_cast<float>(in[lane]), 2147483648.0F);
    EXPECT_EQ(std::bit_cast<float>(out[64 + lane]), largest);
    EXPECT_EQ(out[96 + lane], 0x7FFFFFFFU);
  }
}

TEST(ArithmeticTest, AtomicsOnPacksAndVectors) {
  // Lanes add 1 and 2, in both formats, to 32 halves each; 32 is exact in both.
  Device device(R"(.visible .entry k(.param .u64 p)
{
  .reg .b16 %h<9>;
  .reg .b32 %r<9>;
  .reg .f32 %f<9>;
  .reg .b64 %d<9>;
  ld.param.u64 %d0, [p];
  mov.b32 %r1, 0x40003C00;
  mov.b32 %r2, 0x40003F80;
  atom.global.add.noftz.f16x2 %r3, [%d0], %r1;
  red.global.add.noftz.bf16x2 [%d0+4], %r2;
  mov.b16 %h1, 0x3C00;
  mov.b16 %h2, 0x4000;
  atom.global.add.noftz.f16 %h3, [%d0+8], %h1;
  red.relaxed.gpu.global.add.noftz.v2.f16 [%d0+12], {%h1, %h2};
  mov.u32 %r4, %tid.x;
  cvt.rn.f32.u32 %f1, %r4;
  neg.f32 %f2, %f1;
  red.global.add.v4.f32 [%d0+16], {%f1, %f2, %f1, %f2};
  atom.global.max.noftz.v2.f16x2 {%r5, %r6}, [%d0+32], {%r1, %r3};
  st.global.b16 [%d0+10], %h1;
  ret;
})");
  std::vector<u32> start(10, 0);
  start[8] = 0x3C004000;
  const u64 p = device.upload(start);
  device.launch("k", {1, 1, 1}, {32, 1, 1}, {p});
  const auto out = device.download<u32>(p, 10);
  EXPECT_EQ(out[0], 0x54005000U);  // 64 and 32
  EXPECT_EQ(out[1], 0x42804200U);  // the same
  EXPECT_EQ(out[2], 0x3C005000U);
  EXPECT_EQ(out[3], 0x54005000U);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(std::bit_cast<float>(out[4 + i]), i % 2 == 0 ? 496.0F : -496.0F);
  }
  EXPECT_EQ(out[8], 0x40004000U);
  EXPECT_EQ(out[9], 0x53C04FC0U);  // what the last lane found: 62 and 31
}

TEST(ArithmeticTest, StacksGrowAndShrink) {
  // Each lane takes 16 (1 + lane % 4) bytes three times, and gives them back.
  const auto out = run_warp_code(R"(
    .reg .u64 %s<9>;
    and.b32 %r6, %r0, 3;
    add.u32 %r6, %r6, 1;
    shl.b32 %r6, %r6, 4;
    cvt.u64.u32 %s1, %r6;
    alloca.u64 %s4, 8;
    st.local.u32 [%s4], %r1;
    mov.b32 %r7, 0;
  again:
    stacksave.u64 %s0;
    alloca.u64 %s2, %s1, 16;
    cvta.local.u64 %s3, %s2;
    st.u32 [%s3+4], %r0;
    ld.local.u32 %r8, [%s2+4];
    add.u32 %r2, %r2, %r8;
    cvt.u32.u64 %r3, %s2;
    setp.eq.u32 %p2, %r7, 0;
    @%p2 mov.b32 %r5, %r3;
    stackrestore.u64 %s0;
    add.u32 %r7, %r7, 1;
    setp.lt.u32 %p1, %r7, 3;
    @%p1 bra again;
    ld.local.u32 %r4, [%s4];)",
                                 random_words(32, 12));
  const auto in = random_words(32, 12);
  for (u32 lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(out[lane], 3 * lane);
    EXPECT_EQ(out[32 + lane], out[96 + lane]);  // the same place each time
    EXPECT_EQ(out[64 + lane], in[lane]);
  }
}

TEST(ArithmeticTest, GenericAddressesTellTheirSpace) {
  const auto out = run_warp_code(R"(
    .local .b32 mine;
    .shared .b32 ours;
    cvta.param.u64 %d5, in;
    cvta.local.u64 %d6, mine;
    cvta.shared.u64 %d7, ours;
    isspacep.param %p1, %d5;
    isspacep.local %p2, %d6;
    isspacep.shared %p3, %d7;
    isspacep.global %p4, %d0;
    isspacep.param %p5, %d0;
    isspacep.global %p6, %d5;
    isspacep.local %p7, %d7;
    isspacep.shared %p8, %d6;
    selp.b32 %r2, 1, 0, %p1;
    @%p2 add.u32 %r2, %r2, 2;
    @%p3 add.u32 %r2, %r2, 4;
    @%p4 add.u32 %r2, %r2, 8;
    @%p5 add.u32 %r2, %r2, 16;
    @%p6 add.u32 %r2, %r2, 32;
    @%p7 add.u32 %r2, %r2, 64;
    @%p8 add.u32 %r2, %r2, 128;
    ld.u64 %d8, [%d5];
    sub.u64 %d8, %d8, %d0;
    cvt.u32.u64 %r3, %d8;)",
                                 std::vector<u32>(32, 0));
  for (u32 lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(out[lane], 15U);
    EXPECT_EQ(out[32 + lane], 0U);
  }
}

TEST(ArithmeticTest, WhatNothingReadsMayBeUnwritten) {
  const std::string text = R"(.visible .entry k(.param .u64 p)
{{
  .reg .b32 %r<9>;
  .reg .b64 %d<9>;
  ld.param.u64 %d0, [p];
  ld.global.v4.u32 {{%r0, %r1, %r2, %r3}}, [%d0];
  st.global.u32 [%d0+16], %r1;
  {}
  ret;
}})";
  const auto launch = [](const std::string& ptx) {
    Device device(ptx);
    const u64 p = device.memory().allocate(32);
    device.memory().mark_written(p, 12);
    device.launch("k", {1, 1, 1}, {1, 1, 1}, {p});
  };
  EXPECT_NO_THROW(launch(fmt::format(fmt::runtime(text), "")));
  EXPECT_THROW(launch(fmt::format(fmt::runtime(text), "st.global.u32 [%d0+20], %r3;")), Error);
}

}  // namespace
}  // namespace lq::emulator
