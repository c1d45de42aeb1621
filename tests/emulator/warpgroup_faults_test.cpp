// What is wrong with uses of wgmma is reported, and what looks like it but is fine is not.

#include <gtest/gtest.h>

#include "tests/emulator/support/device.h"
#include "tests/support/errors.h"

namespace lq::emulator::testing {
namespace {

using lq::testing::throws_error;

struct Run {
  std::string target = ".target sm_90a\n";
  std::uint32_t threads = 128;
  std::uint64_t descriptor = 0x0000'0010'0008'0000;  // rows of 8 cores of 128 bytes each
  std::uint64_t difference = 0;                      // of the descriptors of lanes
};

/// Runs `code` with 4096 bytes of shared memory that have been written, %r1 the thread, %d1 a
/// descriptor, %r2 to %r5 and %f0 to %f3 zero, and %d3 an address to write to.
void run_code(const std::string& code, const Run& run = {}) {
  Device device(
      run.target +
      R"(.visible .entry k(.param .u64 out, .param .u64 descriptor, .param .u64 difference)
{
  .shared .align 1024 .b8 tile[4096];
  .reg .pred %p<4>;
  .reg .b32 %r<9>;
  .reg .b32 %f<9>;
  .reg .b64 %d<9>;
  ld.param.u64 %d3, [out];
  ld.param.u64 %d1, [descriptor];
  ld.param.u64 %d4, [difference];
  mov.u32 %r1, %tid.x;
  cvt.u64.u32 %d2, %r1;
  mad.lo.u64 %d1, %d4, %d2, %d1;
  mul.wide.u32 %d4, %r1, 4;
  add.u64 %d3, %d3, %d4;
  shl.b32 %r6, %r1, 2;
  mov.u32 %r7, tile;
  add.u32 %r6, %r6, %r7;
  mov.b32 %r2, 0;
  mov.b32 %r3, 0;
  mov.b32 %r4, 0;
  mov.b32 %r5, 0;
  mov.b32 %f0, 0;
  mov.b32 %f1, 0;
  mov.b32 %f2, 0;
  mov.b32 %f3, 0;
  setp.eq.u32 %p1, %r2, 0;
  mov.u32 %r8, %r6;
  setp.ge.u32 %p2, %r1, 128;
  @%p2 bra filled;
fill:
  st.shared.u32 [%r8], 0;
  add.u32 %r8, %r8, 512;
  setp.lt.u32 %p2, %r8, 4096;
  @%p2 bra fill;
filled:
  fence.proxy.async;
  bar.sync 0;
)" + code +
      "\nret;\n}\n");
  const std::uint64_t out = device.memory().allocate(4096);
  device.launch("k", {1, 1, 1}, {run.threads, 1, 1}, {out, run.descriptor, run.difference});
}

const std::string fence = "wgmma.fence.sync.aligned;\n";
const std::string commit = "wgmma.commit_group.sync.aligned;\n";
const std::string wait = "wgmma.wait_group.sync.aligned 0;\n";
const std::string opcode = "wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 ";
const std::string product = opcode + "{%f0, %f1, %f2, %f3}, %d1, %d1, %p1, 1, 1, 0, 0;\n";
const std::string of_registers =
    opcode + "{%f0, %f1, %f2, %f3}, {%r2, %r3, %r4, %r5}, %d1, %p1, 1, 1, 0;\n";
const std::string store = "st.global.u32 [%d3], %f0;\n";

TEST(WarpgroupFaultsTest, CorrectUsesPass) {
  EXPECT_NO_THROW(run_code(fence + product + commit + wait + store));
  EXPECT_NO_THROW(run_code(fence + product + product + commit + wait + store));
  EXPECT_NO_THROW(run_code(fence + of_registers + commit + wait + "mov.b32 %r2, 1;\n" + store));
  // Operands in registers may be read at any time.
  EXPECT_NO_THROW(run_code(fence + of_registers + "st.global.u32 [%d3], %r2;\n" + commit + wait));
  EXPECT_NO_THROW(run_code("setmaxnreg.inc.sync.aligned.u32 240;\n" + fence + product + commit +
                           wait + "setmaxnreg.dec.sync.aligned.u32 24;\n"));
  EXPECT_NO_THROW(run_code(fence + product + commit + wait + store, {.threads = 256}));
}

TEST(WarpgroupFaultsTest, ResultsAreWaitedFor) {
  const std::string early =
      "wgmma.mma_async writes a register of this instruction, and no wgmma.wait_group has waited "
      "for "
      "it, block (0, 0, 0)";
  EXPECT_TRUE(throws_error([&] { run_code(fence + product + store); }, early));
  EXPECT_TRUE(throws_error([&] { run_code(fence + product + commit + store); }, early));
  EXPECT_TRUE(
      throws_error([&] { run_code(fence + product + commit + "mov.b32 %f3, 0;\n"); }, early));
  EXPECT_TRUE(throws_error([&] { run_code(fence + product + wait + commit + store); }, early));
  // One group may be open, and it is the one that is needed.
  EXPECT_TRUE(throws_error(
      [&] { run_code(fence + product + commit + "wgmma.wait_group.sync.aligned 1;\n" + store); },
      early));
  // The first of two groups is done.
  const std::string second = opcode + "{%f4, %f5, %f6, %f7}, %d1, %d1, 0, 1, 1, 0, 0;\n";
  const std::string both =
      fence + product + commit + second + commit + "wgmma.wait_group.sync.aligned 1;\n";
  EXPECT_NO_THROW(run_code(both + store));
  EXPECT_TRUE(throws_error([&] { run_code(both + "st.global.u32 [%d3], %f4;\n"); }, early));
  // Results as operands in registers.
  EXPECT_TRUE(throws_error(
      [&] {
        run_code(fence + product + opcode +
                 "{%f4, %f5, %f6, %f7}, {%f0, %f1, %f2, %f3}, %d1, 0, 1, 1, 0;\n");
      },
      early));
}

TEST(WarpgroupFaultsTest, CodeWithoutOptimizationMayTouchResultsAtOnce) {
  EXPECT_NO_THROW(
      run_code(fence + product + store + commit + wait, {.target = ".target sm_90a, debug\n"}));
}

TEST(WarpgroupFaultsTest, OperandsInRegistersAreNotOverwritten) {
  const std::string overwrite = "mov.b32 %r3, 1;\n";
  EXPECT_TRUE(throws_error([&] { run_code(fence + of_registers + commit + overwrite); },
                           "wgmma.mma_async reads a register of this instruction, and no "
                           "wgmma.wait_group has waited for it"));
  EXPECT_NO_THROW(run_code(fence + of_registers + commit + wait + overwrite));
}

TEST(WarpgroupFaultsTest, TheFirstProductIsFenced) {
  EXPECT_TRUE(throws_error([&] { run_code(product); },
                           "wgmma: no wgmma.fence before the warp's first product"));
}

TEST(WarpgroupFaultsTest, DescriptorsAreChecked) {
  const std::string code = fence + product + commit + wait;
  EXPECT_TRUE(
      throws_error([&] { run_code(code, {.descriptor = 0x0000'0010'0008'00F0}); },
                   "access of 16 bytes at shared offset 5376 out of bounds: there are 4096 bytes"));
  EXPECT_TRUE(throws_error([&] { run_code(code, {.descriptor = 0x0000'0100'0008'0000}); },
                           "out of bounds"));
  EXPECT_TRUE(
      throws_error([&] { run_code(code, {.descriptor = 0x0006'0010'0008'0000}); },
                   "wgmma: base offset 3 in a descriptor is not supported by the emulator"));
  EXPECT_TRUE(throws_error([&] { run_code(code, {.difference = 1}); },
                           "wgmma: lanes of the warp have different descriptors"));
}

TEST(WarpgroupFaultsTest, OperandsInSharedMemoryAreFencedAndStayAsTheyAre) {
  const std::string code = fence + product + commit + wait;
  const std::string overwrite = "st.shared.u32 [%r6], 1;\n";
  const std::string proxy_fence = "fence.proxy.async;\n";
  const std::string barrier = "bar.sync 0;\n";
  EXPECT_NO_THROW(run_code(overwrite + proxy_fence + barrier + code));
  EXPECT_NO_THROW(run_code(overwrite + barrier + proxy_fence + code));
  EXPECT_TRUE(throws_error([&] { run_code(overwrite + barrier + code); },
                           "by wgmma, with no fence.proxy.async behind the write by warp"));
  EXPECT_NO_THROW(run_code(code + barrier + overwrite));
  EXPECT_TRUE(throws_error([&] { run_code(code + overwrite); }, "race"));
  const std::string early = "which the product at PTX line";
  EXPECT_TRUE(
      throws_error([&] { run_code(fence + product + commit + barrier + overwrite); }, early));
  EXPECT_TRUE(throws_error([&] { run_code(fence + product + wait + commit + barrier + overwrite); },
                           early));
  // The last warp, which runs first, writes without a barrier.
  EXPECT_TRUE(throws_error(
      [&] {
        run_code("setp.ge.u32 %p2, %r1, 96;\n@%p2 st.shared.u32 [%r6], 1;\n" + proxy_fence + code);
      },
      "race"));
}

TEST(WarpgroupFaultsTest, TheWholeGroupHasToBeThere) {
  const std::string code = fence + product + commit + wait;
  EXPECT_TRUE(throws_error([&] { run_code(code, {.threads = 64}); },
                           "a warpgroup has 4 warps, but the block's last one has 2"));
  EXPECT_TRUE(throws_error([&] { run_code(code, {.threads = 100}); },
                           "all 32 lanes of a warp have to run a matrix instruction, but lane 4"));
  EXPECT_TRUE(throws_error(
      [&] { run_code("setp.eq.u32 %p2, %r1, 5;\n@%p2 exit;\n" + code); },
      "all 32 lanes of a warp have to run a matrix instruction, but lane 5 has exited"));
  EXPECT_TRUE(throws_error([&] { run_code("setp.lt.u32 %p1, %r1, 5;\n" + code); },
                           "wgmma: lanes of the warp have different values of scale-d"));
}

TEST(WarpgroupFaultsTest, UnknownFormsAreNamed) {
  for (const char* const name :
       {"wgmma.mma_async.sync.aligned.m64n8k8.f32.f16.f16",
        "wgmma.mma_async.sync.aligned.m64n12k16.f32.f16.f16",
        "wgmma.mma_async.sync.aligned.m64n264k16.f32.f16.f16",
        "wgmma.mma_async.sync.aligned.m128n8k16.f32.f16.f16",
        "wgmma.mma_async.sync.aligned.m64n40k32.s32.s8.s8",
        "wgmma.mma_async.sync.aligned.m64n8k64.s32.s4.s4",
        "wgmma.mma_async.sync.aligned.m64n8k256.s32.b1.b1",
        "wgmma.mma_async.sync.aligned.m64n8k256.s32.b1.b1.xor.popc",
        "wgmma.mma_async.sync.aligned.m64n8k16.f16.bf16.bf16",
        "wgmma.mma_async.sync.aligned.m64n8k8.f16.tf32.tf32",
        "wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.bf16",
        "wgmma.mma_async.sp.sync.aligned.m64n8k32.f32.f16.f16", "wgmma.fence.aligned"}) {
    EXPECT_TRUE(throws_error(
        [&] { run_code(std::string(name) + " {%f0, %f1, %f2, %f3}, %d1, %d1, %p1, 1, 1, 0, 0;"); },
        fmt::format("the form '{}' is not supported", name)));
  }
  const auto reports = [&](const std::string& operands, const std::string& expected) {
    EXPECT_TRUE(throws_error([&] { run_code(opcode + operands); }, expected));
  };
  reports("{%f0, %f1}, %d1, %d1, %p1, 1, 1, 0, 0;", "expected a vector of 4 registers");
  reports("{%f0, %f1, %f2, %f3}, %d1, %d1, %p1, 2, 1, 0, 0;", "operand '', expected -1 or 1");
  reports("{%f0, %f1, %f2, %f3}, %d1, %d1, %p1, 1, 1, 0, 2;", "expected 0 or 1");
  reports("{%f0, %f1, %f2, %f3}, %d1, %d1, %p1;", "4 operands, expected 8");
  reports("{%f0, %f1, %f2, %f3}, {%r2, %r3, %r4, %r5}, %d1, %p1, 1, 1, 0, 0;",
          "8 operands, expected 7");
  EXPECT_TRUE(throws_error([&] { run_code("wgmma.wait_group.sync.aligned %r1;"); },
                           "expected a number from 0 to 65535"));
  EXPECT_TRUE(throws_error([&] { run_code("setmaxnreg.inc.sync.aligned.u32 20;"); },
                           "a multiple of 8 from 24 to 256"));
}

}  // namespace
}  // namespace lq::emulator::testing
