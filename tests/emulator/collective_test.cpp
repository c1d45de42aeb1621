// Instructions that are no function of one lane's operands: exchange between lanes, atomics,
// packing and registers of other widths.

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

#include "tests/emulator/support/warp_code.h"

namespace lq::emulator {
namespace {

using testing::Device;
using testing::random_words;
using testing::run_warp_code;
using testing::u32;

TEST(CollectiveTest, Shuffles) {
  const auto in = random_words(32, 1);
  const auto out = run_warp_code(R"(
    shfl.sync.up.b32 %r2|%p1, %r1, 3, 0, -1;
    shfl.sync.down.b32 %r3|%p2, %r1, 5, 31, -1;
    shfl.sync.bfly.b32 %r4, %r1, 9, 31, -1;
    shfl.sync.idx.b32 %r5|%p3, %r1, 2, 0x181F, -1;
    @!%p1 add.u32 %r2, %r2, 1;
    @!%p2 add.u32 %r3, %r3, 1;)",
                                 in);
  for (u32 lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(out[lane], lane >= 3 ? in[lane - 3] : in[lane] + 1);
    EXPECT_EQ(out[32 + lane], lane + 5 < 32 ? in[lane + 5] : in[lane] + 1);
    EXPECT_EQ(out[64 + lane], in[lane ^ 9]);
    // Segments of 8 lanes.
    EXPECT_EQ(out[96 + lane], in[lane / 8 * 8 + 2]);
  }
}

TEST(CollectiveTest, VotesMatchesAndReductions) {
  std::vector<u32> in = random_words(32, 2);
  for (u32& value : in) value = value % 5 - 2;
  const auto out = run_warp_code(R"(
    setp.gt.s32 %p1, %r1, 0;
    vote.sync.ballot.b32 %r2, %p1, -1;
    vote.any.sync.pred %p2, %p1, -1;
    vote.sync.all.pred %p3, !%p1, -1;
    selp.b32 %r6, 256, 0, %p2;
    selp.b32 %r7, 512, 0, %p3;
    match.any.sync.b32 %r3, %r1, -1;
    redux.sync.add.s32 %r4, %r1, -1;
    redux.sync.min.s32 %r5, %r1, -1;
    add.u32 %r5, %r5, %r6;
    add.u32 %r5, %r5, %r7;)",
                                 in);
  u32 ballot = 0, sum = 0;
  std::int32_t least = 100;
  for (u32 lane = 0; lane < 32; ++lane) {
    const auto value = static_cast<std::int32_t>(in[lane]);
    ballot |= u32{value > 0} << lane;
    sum += in[lane];
    least = std::min(least, value);
  }
  for (u32 lane = 0; lane < 32; ++lane) {
    u32 same = 0;
    for (u32 other = 0; other < 32; ++other) same |= u32{in[other] == in[lane]} << other;
    EXPECT_EQ(out[lane], ballot);
    EXPECT_EQ(out[32 + lane], same);
    EXPECT_EQ(out[64 + lane], sum);
    EXPECT_EQ(out[96 + lane], static_cast<u32>(least) + 256);
  }
}

TEST(CollectiveTest, HalvesOfAWarpWithTheirOwnMasks) {
  const auto in = random_words(32, 3);
  const auto out = run_warp_code(R"(
    and.b32 %r6, %r0, 1;
    setp.eq.u32 %p1, %r6, 0;
    selp.b32 %r7, 0x55555555, 0xAAAAAAAA, %p1;
    redux.sync.add.u32 %r2, %r1, %r7;
    @%p1 bra even;
    redux.sync.max.u32 %r3, %r1, 0xAAAAAAAA;
    bra.uni meet;
  even:
    redux.sync.max.u32 %r3, %r1, 0x55555555;
  meet:
    bar.warp.sync -1;
    activemask.b32 %r4;)",
                                 in);
  for (u32 lane = 0; lane < 32; ++lane) {
    u32 sum = 0, most = 0;
    for (u32 other = lane % 2; other < 32; other += 2) {
      sum += in[other];
      most = std::max(most, in[other]);
    }
    EXPECT_EQ(out[lane], sum);
    EXPECT_EQ(out[32 + lane], most);
    EXPECT_EQ(out[64 + lane], 0xFFFFFFFF);
  }
}

TEST(CollectiveTest, AtomicsReturnWhatWasThere) {
  struct Atomic {
    const char* operation;
    u32 start;
    u32 (*next)(u32 old, u32 value);
  };
  const Atomic atomics[] = {
      {"add.u32", 5, [](u32 old, u32 value) { return old + value; }},
      {"min.s32", 7,
       [](u32 old, u32 value) {
         return static_cast<std::int32_t>(value) < static_cast<std::int32_t>(old) ? value : old;
       }},
      {"max.u32", 7, [](u32 old, u32 value) { return std::max(old, value); }},
      {"and.b32", 0xFFFFFFFF, [](u32 old, u32 value) { return old & value; }},
      {"or.b32", 0, [](u32 old, u32 value) { return old | value; }},
      {"xor.b32", 3, [](u32 old, u32 value) { return old ^ value; }},
      {"exch.b32", 9, [](u32, u32 value) { return value; }},
      {"inc.u32", 0xFFFFFFF0, [](u32 old, u32 value) { return old >= value ? 0 : old + 1; }},
      {"dec.u32", 3, [](u32 old, u32 value) { return old == 0 || old > value ? value : old - 1; }}};
  for (const Atomic& atomic : atomics) {
    auto in = random_words(33, 4);
    in[32] = atomic.start;
    const auto out = run_warp_code(
        fmt::format("atom.global.{} %r2, [%d0+128], %r1;\nld.global.u32 %r3, [%d0+128];",
                    atomic.operation),
        in);
    u32 value = atomic.start;
    for (std::size_t lane = 0; lane < 32; ++lane) {
      EXPECT_EQ(out[lane], value) << atomic.operation;
      value = atomic.next(value, in[lane]);
    }
    EXPECT_EQ(out[32], value) << atomic.operation;
  }
}

TEST(CollectiveTest, AtomicsOfFloatsAndCompareAndSwap) {
  auto in = random_words(33, 5);
  for (std::size_t i = 0; i < 33; ++i) in[i] = std::bit_cast<u32>(static_cast<float>(i) * 0.25F);
  const auto out = run_warp_code(R"(
    red.global.add.f32 [%d0+128], %r1;
    ld.global.u32 %r2, [%d0+128];
    atom.global.cas.b32 %r3, [%d0+128], %r2, %r0;
    ld.global.u32 %r4, [%d0+128];)",
                                 in);
  // Multiples of 1/4 add up exactly: (0 + ... + 31 + 32) / 4.
  const u32 sum = std::bit_cast<u32>(132.0F);
  for (std::size_t lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(out[lane], sum);
    // Lane 0 comes first and puts 0 there.
    EXPECT_EQ(out[32 + lane], lane == 0 ? sum : 0);
    EXPECT_EQ(out[64 + lane], 0U);
  }
}

TEST(CollectiveTest, PacksUnpacksAndRegistersOfOtherWidths) {
  const auto in = random_words(32, 6);
  const auto out = run_warp_code(R"(
    mov.b32 {%h1, %h2}, %r1;
    mov.b32 %r2, {%h2, %h1};
    cvt.s64.s16 %d5, %h1;
    mov.b64 {%r6, %r3}, %d5;
    cvt.u32.u16 %r4, %h2;
    cvt.s8.s32 %r5, %r1;)",
                                 in);
  for (std::size_t lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(out[lane], in[lane] >> 16 | in[lane] << 16);
    EXPECT_EQ(out[32 + lane], (in[lane] & 0x8000) != 0 ? 0xFFFFFFFF : 0);
    EXPECT_EQ(out[64 + lane], in[lane] >> 16);
    EXPECT_EQ(out[96 + lane], static_cast<u32>(static_cast<std::int8_t>(in[lane])));
  }
}

TEST(CollectiveTest, ComparisonsCombineWithPredicates) {
  const auto in = random_words(32, 7);
  const auto out = run_warp_code(R"(
    setp.lt.u32 %p1, %r0, 20;
    setp.gt.and.s32 %p2|%p3, %r1, 0, %p1;
    setp.gt.xor.s32 %p1|%p4, %r1, 0, !%p1;
    selp.b32 %r2, 1, 0, %p2;
    selp.b32 %r3, 1, 0, %p3;
    selp.b32 %r4, 1, 0, %p1;
    selp.b32 %r5, 1, 0, %p4;)",
                                 in);
  for (std::size_t lane = 0; lane < 32; ++lane) {
    const bool c = lane < 20;
    const bool positive = static_cast<std::int32_t>(in[lane]) > 0;
    EXPECT_EQ(out[lane], u32{positive && c});
    EXPECT_EQ(out[32 + lane], u32{!positive && c});
    EXPECT_EQ(out[64 + lane], u32{positive != !c});
    EXPECT_EQ(out[96 + lane], u32{!positive != !c});
  }
}

TEST(CollectiveTest, AGuardMayBeAResult) {
  const auto in = random_words(32, 9);
  for (const char* const results : {"%p1|%p2", "%p2|%p1"}) {
    const auto out = run_warp_code(fmt::format(R"(
      setp.lt.u32 %p1, %r0, 20;
      setp.lt.u32 %p2, %r0, 10;
      @%p1 setp.gt.s32 {}, %r1, 0;
      selp.b32 %r2, 1, 0, %p1;
      selp.b32 %r3, 1, 0, %p2;)",
                                               results),
                                   in);
    const bool swapped = std::string(results).starts_with("%p2");
    for (std::size_t lane = 0; lane < 32; ++lane) {
      const bool positive = static_cast<std::int32_t>(in[lane]) > 0;
      EXPECT_EQ(out[lane], u32{lane < 20 && positive != swapped});
      EXPECT_EQ(out[32 + lane], u32{lane < 20 && positive == swapped});
    }
  }
}

}  // namespace
}  // namespace lq::emulator
