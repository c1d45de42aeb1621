// Asynchronous copies: single forms, and what they refuse.

#include <gtest/gtest.h>

#include "tests/emulator/support/warp_code.h"
#include "tests/support/errors.h"

namespace lq::emulator {
namespace {

using lq::testing::throws_error;
using testing::Device;
using testing::random_words;
using testing::run_warp_code;
using testing::u32;

/// Runs the code in one warp, of whose lanes %p8 is true in the first.
std::vector<u32> run_with_memory(const std::string& body) {
  return run_warp_code(R"(
    .shared .align 16 .b8 memory[512];
    setp.eq.u32 %p8, %r0, 0;)" +
                           body,
                       random_words(32, 1));
}

struct Refusal {
  const char* body;
  const char* message;
};
void PrintTo(const Refusal& refusal, std::ostream* stream) { *stream << refusal.body; }

class AsyncRefusalTest : public ::testing::TestWithParam<Refusal> {};

TEST_P(AsyncRefusalTest, IsNamed) {
  EXPECT_TRUE(throws_error([&] { run_with_memory(GetParam().body); }, GetParam().message));
}

const Refusal refusals[] = {
    // Forms that PTX lacks.
    {"cp.async.cg.shared.global [memory], [%d0], 8;", "operand '', expected 16 bytes"},
    {"cp.async.ca.shared.global [memory], [%d0], 2;", "operand '', expected 4, 8 or 16 bytes"},
    {"cp.async.ca.shared::cluster.global [memory], [%d0], 4;", "is not supported"},
    {"cp.async.shared.global [memory], [%d0], 4;", "is not supported"},
    {"cp.async.wait_all 0;", "1 operands, expected 0"},
    {"cp.async.wait_group.read 0;", "is not supported"},
    {"cp.async.wait_group %r0;", "expected a number"},
    // What they find at run time.
    {"@%p8 cp.async.ca.shared.global [memory], [%d0], 4, 5;",
     "5 bytes to be read of a copy of 4 bytes"},
    {"@%p8 cp.async.cg.shared.global [memory+8], [%d0], 16;", "misaligned access of 16 bytes"},
    {"@%p8 cp.async.cg.shared.global [memory], [%d0+8], 16;", "misaligned access of 16 bytes"},
    {"@%p8 cp.async.cg.shared.global [memory+512], [%d0], 16;", "shared offset 512 out of bounds"},
    {"@%p8 cp.async.cg.shared.global [memory], [%d0+128], 16;", "out of bounds: byte 128"},
    {"cp.async.ca.shared.global [memory], [%d0], 4;", "before the asynchronous copy at PTX line"},
};
INSTANTIATE_TEST_SUITE_P(Forms, AsyncRefusalTest, ::testing::ValuesIn(refusals));

TEST(AsyncTest, CopiesOfAWarpThatWaits) {
  // With the offsets of all three ways to write an address.
  const auto in = random_words(64, 9);
  Device device(R"(
.visible .entry k(.param .u64 in, .param .u64 out)
{
  .reg .b32 %r<9>;
  .reg .b64 %d<9>;
  .shared .align 16 .b8 memory[256];
  ld.param.u64 %d0, [in];
  ld.param.u64 %d1, [out];
  mov.u32 %r0, %laneid;
  mul.wide.u32 %d2, %r0, 4;
  add.u64 %d3, %d0, %d2;
  add.u64 %d4, %d1, %d2;
  shl.b32 %r1, %r0, 2;
  cp.async.ca.shared.global.L2::256B [%r1], [%d3+4], 4;
  cp.async.commit_group;
  cp.async.ca.shared.global [%d2+128], [%d3+128], 4;
  cp.async.commit_group;
  cp.async.commit_group;
  cp.async.wait_group 2;
  ld.shared.u32 %r2, [%r1];
  cp.async.wait_group 1;
  ld.shared.u32 %r3, [%r1+128];
  st.global.u32 [%d4], %r2;
  st.global.u32 [%d4+128], %r3;
  ret;
}
)");
  const std::uint64_t input = device.upload(in);
  const std::uint64_t output = device.memory().allocate(256);
  device.launch("k", {1, 1, 1}, {32, 1, 1}, {input, output});
  const auto out = device.download<u32>(output, 64);
  for (u32 i = 0; i < 32; ++i) {
    EXPECT_EQ(out[i], in[i + 1]);
    EXPECT_EQ(out[32 + i], in[32 + i]);
  }
}

}  // namespace
}  // namespace lq::emulator
