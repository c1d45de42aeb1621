#include <gtest/gtest.h>

#include <numeric>
#include <ostream>

#include "tests/emulator/support/device.h"
#include "tests/support/errors.h"

namespace lq::emulator {
namespace {

using lq::testing::throws_error;
using testing::Device;

/// A kernel with one pointer, and registers of all kinds.
std::string kernel(const std::string& body) {
  return ".visible .entry k(.param .u64 p)\n{\n.reg .pred %p<9>;\n.reg .b16 %h<9>;\n"
         ".reg .b32 %r<19>;\n.reg .b64 %d<9>;\n"
         "ld.param.u64 %d0, [p];\nmov.u32 %r0, %tid.x;\n"
         "mul.wide.u32 %d1, %r0, 4;\nadd.s64 %d1, %d0, %d1;\n" +
         body + "\nret;\n}\n";
}

TEST(MachineTest, ThreadsWriteTheirIndices) {
  Device device(kernel("st.global.u32 [%d1], %r0;"));
  const std::uint64_t p = device.memory().allocate(4 * 70);
  const Counters counters = device.launch("k", {1, 1, 1}, {70, 1, 1}, {p});
  std::vector<std::uint32_t> expected(70);
  std::iota(expected.begin(), expected.end(), 0U);
  EXPECT_EQ(device.download<std::uint32_t>(p, 70), expected);
  // Six instructions for each of three warps.
  EXPECT_EQ(counters.warp_instructions, 18U);
  EXPECT_EQ(counters.lane_instructions, 6U * 70U);
  EXPECT_EQ(counters.global_sectors, 4U + 4U + 1U);
}

TEST(MachineTest, DivergedLanesMeetAgain) {
  // Lanes loop as often as their index says; behind the loop all are together for the vote.
  Device device(kernel(R"(
    mov.b32 %r1, 0;
    mov.b32 %r2, 0;
  loop:
    setp.ge.u32 %p1, %r1, %r0;
    @%p1 bra done;
    add.u32 %r2, %r2, %r1;
    add.u32 %r1, %r1, 1;
    bra loop;
  done:
    activemask.b32 %r3;
    setp.eq.u32 %p2, %r3, -1;
    selp.b32 %r2, %r2, 77777, %p2;
    st.global.u32 [%d1], %r2;)"));
  const std::uint64_t p = device.memory().allocate(4 * 32);
  device.launch("k", {1, 1, 1}, {32, 1, 1}, {p});
  const auto sums = device.download<std::uint32_t>(p, 32);
  for (std::uint32_t i = 0; i < 32; ++i) EXPECT_EQ(sums[i], i * (i - 1) / 2);
}

TEST(MachineTest, LanesThatWaitForOthersBehindTheLoopGetThem) {
  // Lane 0 sets a flag that the others spin on, at a smaller program counter.
  Device device(kernel(R"(
    setp.eq.u32 %p1, %r0, 0;
    @%p1 bra set;
  spin:
    ld.volatile.global.u32 %r1, [%d0];
    setp.eq.u32 %p2, %r1, 0;
    @%p2 bra spin;
    bra.uni end;
  set:
    st.volatile.global.u32 [%d0], 1;
  end:)"));
  const std::uint64_t p = device.upload(std::vector<std::uint32_t>{0});
  device.launch("k", {1, 1, 1}, {32, 1, 1}, {p});
  EXPECT_EQ(device.download<std::uint32_t>(p, 1).front(), 1U);
}

TEST(MachineTest, CallsHaveParametersResultsAndRecursion) {
  Device device(R"(
.func (.param .b32 result) factorial(.param .b32 n)
{
  .reg .pred %p<2>;
  .reg .b32 %r<9>;
  ld.param.u32 %r1, [n];
  mov.b32 %r3, 1;
  setp.le.u32 %p1, %r1, 1;
  @%p1 bra done;
  add.s32 %r2, %r1, -1;
  { .param .b32 argument;
    st.param.b32 [argument+0], %r2;
    .param .b32 value;
    call.uni (value), factorial, (argument);
    ld.param.b32 %r3, [value+0];
  }
  mul.lo.u32 %r3, %r3, %r1;
done:
  st.param.b32 [result+0], %r3;
  ret;
}
)" + kernel(R"(
  { .param .b32 argument;
    st.param.b32 [argument], %r0;
    .param .b32 value;
    call (value), factorial, (argument);
    ld.param.b32 %r5, [value];
  }
  st.global.u32 [%d1], %r5;)"));
  const std::uint64_t p = device.memory().allocate(4 * 12);
  device.launch("k", {1, 1, 1}, {12, 1, 1}, {p});
  std::uint32_t expected = 1;
  const auto values = device.download<std::uint32_t>(p, 12);
  for (std::uint32_t i = 0; i < 12; ++i) {
    expected *= i > 1 ? i : 1;
    EXPECT_EQ(values[i], expected);
  }
}

TEST(MachineTest, BranchTablesChoose) {
  Device device(kernel(R"(
    targets: .branchtargets zero, one, two;
    rem.u32 %r1, %r0, 3;
    brx.idx %r1, targets;
  zero:
    mov.b32 %r2, 100;
    bra end;
  one:
    mov.b32 %r2, 200;
    bra end;
  two:
    mov.b32 %r2, 300;
  end:
    st.global.u32 [%d1], %r2;)"));
  const std::uint64_t p = device.memory().allocate(4 * 32);
  device.launch("k", {1, 1, 1}, {32, 1, 1}, {p});
  const auto values = device.download<std::uint32_t>(p, 32);
  for (std::uint32_t i = 0; i < 32; ++i) EXPECT_EQ(values[i], 100 * (i % 3 + 1));
}

TEST(MachineTest, VariablesAreInitializedAndTheirAddressesKnown) {
  Device device(
      ".global .align 4 .u32 values[3] = {5, 6, 7};\n"
      ".const .u64 pointer = generic(values)+4;\n" +
      kernel(R"(
    ld.const.u64 %d2, [pointer];
    ld.u32 %r1, [%d2];
    ld.global.u32 %r2, [values+8];
    mad.lo.u32 %r1, %r1, 10, %r2;
    st.global.u32 [%d0], %r1;)"));
  const std::uint64_t p = device.memory().allocate(4);
  device.launch("k", {1, 1, 1}, {1, 1, 1}, {p});
  EXPECT_EQ(device.download<std::uint32_t>(p, 1).front(), 67U);
}

TEST(MachineTest, NamedBarriersCountThreads) {
  // Warp 0 produces, warp 1 consumes; warp 2 takes no part.
  Device device(".shared .u32 memory[32];\n" + kernel(R"(
    shl.b32 %r1, %r0, 2;
    and.b32 %r1, %r1, 127;
    mov.u32 %r2, memory;
    add.u32 %r1, %r1, %r2;
    setp.ge.u32 %p1, %r0, 64;
    @%p1 bra end;
    setp.ge.u32 %p2, %r0, 32;
    @%p2 bra consume;
    st.shared.u32 [%r1], %r0;
    bar.arrive 1, 64;
    bra end;
  consume:
    bar.sync 1, 64;
    ld.shared.u32 %r3, [%r1];
    st.global.u32 [%d1+-128], %r3;
  end:)"));
  const std::uint64_t p = device.memory().allocate(4 * 32);
  device.launch("k", {1, 1, 1}, {96, 1, 1}, {p});
  const auto values = device.download<std::uint32_t>(p, 32);
  for (std::uint32_t i = 0; i < 32; ++i) EXPECT_EQ(values[i], i);
}

TEST(MachineTest, BarrierReductions) {
  Device device(kernel(R"(
    setp.lt.u32 %p1, %r0, 40;
    bar.red.popc.u32 %r1, 0, %p1;
    bar.red.and.pred %p2, 0, %p1;
    bar.red.or.pred %p3, 0, !%p1;
    selp.b32 %r2, 1000, 0, %p2;
    selp.b32 %r3, 500, 0, %p3;
    add.u32 %r1, %r1, %r2;
    add.u32 %r1, %r1, %r3;
    st.global.u32 [%d1], %r1;)"));
  const std::uint64_t p = device.memory().allocate(4 * 64);
  device.launch("k", {1, 1, 1}, {64, 1, 1}, {p});
  EXPECT_EQ(device.download<std::uint32_t>(p, 64), std::vector<std::uint32_t>(64, 540));
}

struct Fault {
  std::string body;
  std::string message;
  std::uint32_t threads = 64;
};

void PrintTo(const Fault& fault, std::ostream* stream) { *stream << fault.message; }

class FaultTest : public ::testing::TestWithParam<Fault> {};

TEST_P(FaultTest, IsReportedWithThread) {
  Device device(".shared .align 4 .b8 memory[256];\n" + kernel(GetParam().body));
  const std::uint64_t p = device.memory().allocate(200);
  EXPECT_TRUE(throws_error(
      [&] {
        device.launch("k", {1, 1, 1}, {GetParam().threads, 1, 1}, {p});
      },
      GetParam().message));
}

const Fault faults[] = {
    {"st.global.u32 [%d1], 1;",
     "byte 200 of an allocation of 200 bytes, block (0, 0, 0), thread (50, 0, 0)"},
    {"st.global.u16 [%d1+1], %h0;", "misaligned access of 2 bytes"},
    {"ld.global.u32 %r1, [%d1];", "unwritten memory, at byte 0"},
    {"st.global.u8 [%d1], %h0; ld.global.u16 %h1, [%d1];", "unwritten memory"},
    {"st.global.u32 [16], 1;", "outside of any allocation"},
    {"st.shared.u32 [%r0+256], 1;", "shared offset 256 out of bounds"},
    {"ld.shared.u32 %r1, [memory];", "which no warp has written yet"},
    {"st.shared.u32 [memory], %r0; ld.shared.u32 %r1, [memory];", "race: write"},
    {"@%p1 bra end;\nsetp.lt.u32 %p1, %r0, 16;\n@!%p1 bra skip;\nbar.sync 0;\nskip:\nst.global.u32 "
     "[%d0], 1;\nend:",
     "divergent barrier"},
    {"setp.lt.u32 %p1, %r0, 16;\n@!%p1 bra skip;\nshfl.sync.idx.b32 %r1, %r0, 0, 31, -1;\nskip:\n"
     "st.global.u32 [%d0], 1;",
     "member mask names lanes that do not take part"},
    {"shfl.sync.idx.b32 %r1, %r0, 0, 31, 0xFFFF;", "lacks the calling lane 16"},
    {"setp.lt.u32 %p1, %r0, 32;\n@%p1 bra end;\nbar.sync 1, 64;\nend:",
     "deadlock: 32 threads have come to barrier 1, 64 expected"},
    {"trap;", "the program stops itself"},
    {"frobnicate.b32 %r1, %r2;", "the form 'frobnicate.b32' is not supported"},
    {"add.rn.u32 %r1, %r2, %r3;", "the form 'add.rn.u32' is not supported"},
    {"add.u32 %r1, %r2, %d3;", "operand '%d3', expected a register of 32 bits"},
};
INSTANTIATE_TEST_SUITE_P(Planted, FaultTest, ::testing::ValuesIn(faults));

TEST(MachineTest, CorrectTwinsOfTheFaultsAreNotReported) {
  const char* const bodies[] = {
      // Threads leave early, and the others use the barrier.
      "setp.ge.u32 %p1, %r0, 40;\n@%p1 bra end;\nbar.sync 0;\nmov.b32 %r1, 1;\nend:",
      // A barrier between write and read.
      "shl.b32 %r1, %r0, 2;\nst.shared.u32 [%r1], %r0;\nbar.sync 0;\nxor.b32 %r1, %r1, 128;\n"
      "ld.shared.u32 %r2, [%r1];\nbar.sync 0;\nst.shared.u32 [%r1], %r2;",
      // Atomics of different warps meet.
      "mov.b32 %r1, 0;\nsetp.ne.u32 %p1, %r0, 0;\n@!%p1 st.shared.u32 [memory], 0;\nbar.sync 0;\n"
      "atom.shared.add.u32 %r1, [memory], 1;\nred.shared.add.u32 [memory], 1;",
      // Bytes of one word belong to different warps.
      "shr.u32 %r1, %r0, 5;\nst.shared.u8 [%r1], %h0;",
      // Half a warp each, with its own mask.
      "setp.lt.u32 %p1, %r0, 16;\n@!%p1 bra other;\nshfl.sync.idx.b32 %r1, %r0, 0, 31, 0xFFFF;\n"
      "bra end;\nother:\nand.b32 %r3, %r0, 31;\nsetp.lt.u32 %p2, %r3, 16;\n@%p2 bra end;\n"
      "shfl.sync.idx.b32 %r1, %r0, 16, 31, 0xFFFF0000;\nend:",
  };
  for (const char* const body : bodies) {
    Device device(".shared .align 4 .b8 memory[256];\n" + kernel(body));
    const std::uint64_t p = device.memory().allocate(256);
    EXPECT_NO_THROW(device.launch("k", {2, 1, 1}, {64, 1, 1}, {p})) << body;
  }
}

TEST(MachineTest, FreedMemoryIsReported) {
  Device device(kernel("st.global.u32 [%d1], 1;"));
  const std::uint64_t p = device.memory().allocate(256);
  device.launch("k", {1, 1, 1}, {64, 1, 1}, {p});
  device.memory().release(p);
  EXPECT_TRUE(throws_error(
      [&] {
        device.launch("k", {1, 1, 1}, {64, 1, 1}, {p});
      },
      "freed memory, at byte 0 of an allocation of 256 bytes"));
  EXPECT_TRUE(throws_error([&] { device.memory().release(p); }, "freed twice"));
}

}  // namespace
}  // namespace lq::emulator
