// Races between blocks in global memory, with the parts of two blocks in both orders.

#include <gtest/gtest.h>

#include <ostream>

#include "tests/emulator/support/device.h"
#include "tests/support/errors.h"

namespace lq::emulator {
namespace {

using lq::testing::throws_error;
using testing::Device;

/// Two blocks of one thread; `first` runs in block 0 and `second` in block 1, or the other way
/// round. %d0 points to written memory.
void run_blocks(const std::string& first, const std::string& second) {
  Device device(
      ".visible .entry k(.param .u64 p)\n{\n.reg .pred %p<9>;\n.reg .b32 %r<9>;\n.reg .b64 %d<3>;\n"
      "ld.param.u64 %d0, [p];\nmov.u32 %r0, %ctaid.x;\nmov.b32 %r1, 1;\n"
      "setp.ne.u32 %p1, %r0, 0;\n@%p1 bra second;\n" +
      first + "\nbra end;\nsecond:\n" + second + "\nend:\nret;\n}\n");
  const std::uint64_t p = device.upload(std::vector<std::uint32_t>(64));
  device.launch("k", {2, 1, 1}, {1, 1, 1}, {p});
}

struct Pair {
  std::string name;
  std::string a;
  std::string b;
};
void PrintTo(const Pair& pair, std::ostream* stream) { *stream << pair.name; }

class RaceTest : public ::testing::TestWithParam<Pair> {};
class NoRaceTest : public ::testing::TestWithParam<Pair> {};

TEST_P(RaceTest, IsFoundWhicheverBlockRunsFirst) {
  const auto& [name, a, b] = GetParam();
  EXPECT_TRUE(throws_error([&] { run_blocks(a, b); }, "which nothing orders"));
  EXPECT_TRUE(throws_error([&] { run_blocks(b, a); }, "which nothing orders"));
}
TEST_P(NoRaceTest, IsNotReported) {
  const auto& [name, a, b] = GetParam();
  EXPECT_NO_THROW(run_blocks(a, b));
  EXPECT_NO_THROW(run_blocks(b, a));
}

const std::string wait =
    "spin:\nld.volatile.global.u32 %r2, [%d0+128];\nsetp.eq.u32 %p2, %r2, 0;\n@%p2 bra spin;\n";
const std::string acquire =
    "spin:\nld.acquire.gpu.global.u32 %r2, [%d0+128];\nsetp.eq.u32 %p2, %r2, 0;\n@%p2 bra spin;\n";
const std::string load = "ld.global.u32 %r3, [%d0];\n";
const std::string store = "st.global.u32 [%d0], %r1;\n";

const Pair races[] = {
    {"two writes", store, store},
    {"a read and a write", load, store},
    {"a read of one byte of the word", "ld.global.u8 %r3, [%d0+3];", store},
    {"half of a vector", "st.global.v4.u32 [%d0], {%r1, %r1, %r1, %r1};",
     "ld.global.u64 %d1, [%d0+8];"},
    {"an atomic and a write", "red.global.add.u32 [%d0], 1;", store},
    {"atomics of blocks", "red.relaxed.cta.global.add.u32 [%d0], 1;",
     "red.relaxed.cta.global.add.u32 [%d0], 1;"},
    {"a flag without fence", store + "st.volatile.global.u32 [%d0+128], 1;", wait + load},
    {"a fence of the block", store + "membar.cta;\nst.volatile.global.u32 [%d0+128], 1;",
     wait + load},
    {"a fence that comes too early",
     "membar.gl;\n" + store + "st.volatile.global.u32 [%d0+128], 1;", wait + load},
    {"a flag that is taken back unseen", "st.volatile.global.u32 [%d0+128], 1;",
     "st.global.u32 [%d0+128], %r1;"},
    {"a write behind the flag", "membar.gl;\nst.volatile.global.u32 [%d0+128], 1;\n" + store,
     wait + load},
};
INSTANTIATE_TEST_SUITE_P(Planted, RaceTest, ::testing::ValuesIn(races));

const Pair correct[] = {
    {"two reads", load, load},
    {"bytes of one word", "st.global.u8 [%d0], %r1;", "st.global.u8 [%d0+1], %r1;"},
    {"halves of one word", "st.global.u16 [%d0], %r1;", "ld.global.u16 %r3, [%d0+2];"},
    {"the plain read of a loop of compare-and-swap", "atom.global.add.u32 %r2, [%d0], 1;", load},
    {"atomics", "red.global.add.u32 [%d0], 1;", "atom.global.add.u32 %r3, [%d0], 1;"},
    {"volatile", "st.volatile.global.u32 [%d0], 1;", "ld.relaxed.gpu.global.u32 %r3, [%d0];"},
    {"fence and flag", store + "membar.gl;\nst.volatile.global.u32 [%d0+128], 1;", wait + load},
    {"release and acquire", store + "st.release.gpu.global.u32 [%d0+128], 1;", acquire + load},
    {"atomic release", store + "atom.release.gpu.global.add.u32 %r4, [%d0+128], 1;",
     acquire + store},
    {"a flag that is taken back", store + "membar.gl;\nst.volatile.global.u32 [%d0+128], 1;",
     wait + load + "st.global.u32 [%d0+128], 0;"},
    {"a counter that is taken back", "red.global.add.u32 [%d0+128], 1;",
     wait + "st.global.u32 [%d0+128], 0;"},
    {"a write that waits for a read", load + "st.volatile.global.u32 [%d0+128], 1;", wait + store},
};
INSTANTIATE_TEST_SUITE_P(Twins, NoRaceTest, ::testing::ValuesIn(correct));

}  // namespace
}  // namespace lq::emulator
