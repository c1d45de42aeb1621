// Asynchronous copies, mbarriers and clusters: single forms, what they refuse, and states that CUDA
// programs do not reach easily.

#include <gtest/gtest.h>

#include "emulator/machine/mbarrier.h"
#include "tests/emulator/support/warp_code.h"
#include "tests/support/errors.h"

namespace lq::emulator {
namespace {

using lq::testing::throws_error;
using testing::Device;
using testing::random_words;
using testing::run_warp_code;
using testing::u32;

Mbarrier barrier_of(u32 count) {
  Mbarrier barrier;
  barrier.expected = count;
  barrier.pending = count;
  return barrier;
}

TEST(MbarrierTest, PhasesEndWithTheLastArrivalOrTransaction) {
  Mbarrier barrier = barrier_of(3);
  EXPECT_EQ(barrier.arrive(2, false, true), "");
  EXPECT_EQ(barrier.phase, 0U);
  EXPECT_EQ(barrier.add_transactions(16), "");
  EXPECT_EQ(barrier.arrive(1, false, true), "");
  EXPECT_EQ(barrier.phase, 0U);
  EXPECT_EQ(barrier.add_transactions(-16), "");
  EXPECT_EQ(barrier.phase, 1U);
  EXPECT_EQ(barrier.pending, 3U);
  // Transactions may come before they are expected.
  EXPECT_EQ(barrier.add_transactions(-8), "");
  EXPECT_EQ(barrier.arrive(3, false, true), "");
  EXPECT_EQ(barrier.phase, 1U);
  EXPECT_EQ(barrier.add_transactions(8), "");
  EXPECT_EQ(barrier.phase, 2U);
}

TEST(MbarrierTest, DropsHoldForLaterPhases) {
  Mbarrier barrier = barrier_of(3);
  EXPECT_EQ(barrier.arrive(1, true, true), "");
  EXPECT_EQ(barrier.arrive(2, false, true), "");
  EXPECT_EQ(barrier.phase, 1U);
  EXPECT_EQ(barrier.pending, 2U);
}

TEST(MbarrierTest, CountsHaveLimits) {
  constexpr u32 most = (1U << 20) - 1;
  EXPECT_NE(barrier_of(3).arrive(4, false, true), "");
  EXPECT_NE(barrier_of(3).arrive(0, false, true), "");
  EXPECT_NE(barrier_of(3).arrive(3, false, false), "");
  EXPECT_EQ(barrier_of(3).arrive(2, false, false), "");
  EXPECT_EQ(barrier_of(most).arrive(most, false, true), "");
  EXPECT_NE(barrier_of(most).add_pending(), "");
  EXPECT_EQ(barrier_of(1).add_transactions(most), "");
  EXPECT_NE(barrier_of(1).add_transactions(std::int64_t{most} + 1), "");
  EXPECT_EQ(barrier_of(1).add_transactions(-std::int64_t{most}), "");
  EXPECT_NE(barrier_of(1).add_transactions(-std::int64_t{most} - 1), "");
}

TEST(MbarrierTest, StatesTellPhaseAndPendingCount) {
  Mbarrier barrier = barrier_of(700000);
  barrier.arrive(1, false, true);
  barrier.phase = 5;
  const std::uint64_t state = barrier.state();
  EXPECT_TRUE(Mbarrier::is_state(state));
  EXPECT_FALSE(Mbarrier::is_state(0));
  EXPECT_FALSE(Mbarrier::is_state(0xCBCBCBCBCBCBCBCB));
  EXPECT_EQ(Mbarrier::pending_of(state), 699999U);
  EXPECT_EQ(Mbarrier::phase_of(state), 5U);
}

/// Runs the code in one warp, with %d5 a shared address of an mbarrier of 32 arrivals.
std::vector<u32> run_with_barrier(const std::string& body) {
  return run_warp_code(R"(
    .shared .align 8 .b64 barrier;
    .shared .align 16 .b8 memory[512];
    setp.eq.u32 %p8, %r0, 0;
    @%p8 mbarrier.init.shared::cta.b64 [barrier], 32;
    bar.warp.sync -1;)" + body,
                       random_words(32, 1));
}

TEST(MbarrierFormTest, ArrivalsReturnTheStateBefore) {
  const auto out = run_with_barrier(R"(
    mbarrier.arrive.shared.b64 %d5, [barrier];
    mbarrier.pending_count.b64 %r2, %d5;
    mbarrier.test_wait.shared::cta.b64 %p1, [barrier], %d5;
    selp.b32 %r3, 1, 0, %p1;
    mbarrier.test_wait.parity.acquire.cta.shared.b64 %p2, [barrier], 0;
    selp.b32 %r4, 1, 0, %p2;
    mbarrier.try_wait.parity.relaxed.cluster.shared::cta.b64 %p3, [barrier], 1, 1000;
    selp.b32 %r5, 1, 0, %p3;)");
  for (u32 lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(out[lane], 32 - lane);
    EXPECT_EQ(out[32 + lane], 1U);
    EXPECT_EQ(out[64 + lane], 1U);
    EXPECT_EQ(out[96 + lane], 0U);
  }
}

TEST(MbarrierFormTest, CountsDropsAndGenericAddresses) {
  // Lane 0 stands for all 32 in the first phase, of which 30 leave; two more arrivals end the
  // second.
  const auto out = run_with_barrier(R"(
    mov.b64 %d6, barrier;
    cvta.shared.u64 %d6, %d6;
    @%p8 mbarrier.arrive_drop.release.cta.b64 %d5, [%d6], 30;
    @%p8 mbarrier.arrive.noComplete.release.cta.shared.b64 %d5, [barrier], 1;
    @%p8 mbarrier.test_wait.parity.b64 %p1, [%d6], 0;
    @%p8 selp.b32 %r2, 1, 0, %p1;
    @%p8 mbarrier.arrive.relaxed.cluster.b64 %d5, [%d6], 1;
    @%p8 mbarrier.test_wait.parity.b64 %p1, [%d6], 0;
    @%p8 selp.b32 %r3, 1, 0, %p1;
    @%p8 mbarrier.arrive.b64 _, [%d6], 2;
    @%p8 mbarrier.test_wait.parity.b64 %p1, [%d6], 1;
    @%p8 selp.b32 %r4, 1, 0, %p1;)");
  EXPECT_EQ(out[0], 0U);
  EXPECT_EQ(out[32], 1U);
  EXPECT_EQ(out[64], 1U);
}

TEST(MbarrierFormTest, TransactionsOfThreads) {
  const auto out = run_with_barrier(R"(
    @%p8 mbarrier.expect_tx.relaxed.cta.shared::cta.b64 [barrier], 4;
    mbarrier.arrive.expect_tx.relaxed.cta.shared::cta.b64 %d5, [barrier], 2;
    mbarrier.complete_tx.relaxed.cta.shared::cta.b64 [barrier], 2;
    mbarrier.test_wait.shared.b64 %p1, [barrier], %d5;
    selp.b32 %r2, 1, 0, %p1;
    @%p8 mbarrier.complete_tx.relaxed.cluster.shared::cluster.b64 [barrier], 4;
    mbarrier.test_wait.shared.b64 %p1, [barrier], %d5;
    selp.b32 %r3, 1, 0, %p1;)");
  for (u32 lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(out[lane], 0U);
    EXPECT_EQ(out[32 + lane], 1U);
  }
}

struct Refusal {
  const char* body;
  const char* message;
};
void PrintTo(const Refusal& refusal, std::ostream* stream) { *stream << refusal.body; }

class AsyncRefusalTest : public ::testing::TestWithParam<Refusal> {};

TEST_P(AsyncRefusalTest, IsNamed) {
  EXPECT_TRUE(throws_error([&] { run_with_barrier(GetParam().body); }, GetParam().message));
}

const Refusal refusals[] = {
    // Forms that PTX lacks, or the emulator.
    {"cp.async.cg.shared.global [memory], [%d0], 8;", "operand '', expected 16 bytes"},
    {"cp.async.ca.shared.global [memory], [%d0], 2;", "operand '', expected 4, 8 or 16 bytes"},
    {"cp.async.ca.shared::cluster.global [memory], [%d0], 4;", "is not supported"},
    {"cp.async.shared.global [memory], [%d0], 4;", "is not supported"},
    {"cp.async.wait_all 0;", "1 operands, expected 0"},
    {"cp.async.wait_group.read 0;", "is not supported"},
    {"cp.async.wait_group %r0;", "expected a number"},
    {"cp.async.mbarrier.arrive.shared::cluster.b64 [barrier];", "is not supported"},
    {"mbarrier.arrive.acquire.cta.shared.b64 %d5, [barrier];", "is not supported"},
    {"mbarrier.arrive.cta.shared.b64 %d5, [barrier];", "is not supported"},
    {"mbarrier.arrive.shared::cluster.b64 %d5, [barrier];", "expected _ for shared::cluster"},
    {"mbarrier.arrive.expect_tx.shared.b64 %d5, [barrier];", "too few operands"},
    {"mbarrier.test_wait.shared::cluster.b64 %p1, [barrier], %d5;", "is not supported"},
    {"mbarrier.test_wait.shared.b64 %p1, [barrier], %d5, 100;", "4 operands, expected 3"},
    {"mbarrier.init.shared.b32 [barrier], 1;", "is not supported"},
    {"cp.async.bulk.shared::cta.shared::cta.mbarrier::complete_tx::bytes [memory], [memory], 16, "
     "[barrier];",
     "is not supported"},
    {"cp.async.bulk.global.global.bulk_group [%d0], [%d0], 16;", "is not supported"},
    {"cp.async.bulk.global.shared::cta.mbarrier::complete_tx::bytes [%d0], [memory], 16, "
     "[barrier];",
     "is not supported"},
    {"cp.async.bulk.tensor.2d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes [memory], "
     "[%d0, {%r0, %r0}], [barrier];",
     "is not supported"},
    {"cp.async.bulk.tensor.3d.global.shared::cta.bulk_group [%d0, {%r0, %r0}], [memory];",
     "expected a tensor map with 3 coordinates"},
    {"cp.reduce.async.bulk.global.shared::cta.bulk_group.add.f16 [%d0], [memory], 16;",
     "is not supported"},
    {"cp.reduce.async.bulk.global.shared::cta.bulk_group.xor.u32 [%d0], [memory], 16;",
     "is not supported"},
    {"cp.reduce.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes.add.u32 "
     "[memory], "
     "[memory], 16, [barrier];",
     "is not supported"},
    {"fence.proxy.texture;", "is not supported"},
    {"fence.mbarrier_init.release.cta;", "is not supported"},
    {"barrier.cluster.sync;", "is not supported"},
    {"barrier.cluster.wait.release;", "is not supported"},
    {"mapa.shared.u32 %r2, %r0, 0;", "is not supported"},
    // What they find at run time.
    {"cp.async.bulk.commit_group;\n@%p8 cp.async.ca.shared.global [memory], [%d0], 4, 5;",
     "5 bytes to be read of a copy of 4 bytes"},
    {"@%p8 cp.async.cg.shared.global [memory+8], [%d0], 16;", "misaligned access of 16 bytes"},
    {"@%p8 cp.async.cg.shared.global [memory], [%d0+8], 16;", "misaligned access of 16 bytes"},
    {"@%p8 cp.async.cg.shared.global [memory+512], [%d0], 16;", "shared offset 528 out of bounds"},
    {"@%p8 cp.async.cg.shared.global [memory], [%d0+128], 16;", "out of bounds: byte 128"},
    {"cp.async.ca.shared.global [memory], [%d0], 4;", "before the asynchronous copy at PTX line"},
    {"@%p8 mbarrier.init.shared.b64 [memory], 0;", "an mbarrier of 0 arrivals"},
    {"@%p8 mbarrier.init.shared.b64 [memory], 1048576;", "an mbarrier of 1048576 arrivals"},
    {"@%p8 mbarrier.arrive.shared.b64 %d5, [barrier], 33;", "33 arrivals, more than the 32"},
    {"@%p8 mbarrier.arrive.shared.b64 %d5, [barrier+4];", "misaligned access of 8 bytes"},
    {"mov.b64 %d5, 0;\nmbarrier.test_wait.shared.b64 %p1, [barrier], %d5;", "0x0 is no state"},
    {"@%p8 mbarrier.test_wait.parity.shared.b64 %p1, [barrier], 2;", "a phase parity of 2"},
    {"mbarrier.arrive.shared.b64 %d5, [barrier];\nmbarrier.arrive.shared.b64 %d6, [barrier];\n"
     "mbarrier.test_wait.shared.b64 %p1, [barrier], %d5;",
     "the state is that of phase 0, and the mbarrier is in phase 2"},
    {"@%p8 mbarrier.expect_tx.shared.b64 [barrier], 1048576;", "a transaction count of 1048576"},
    {"@%p8 mbarrier.arrive.b64 %d5, [%d0];", "is none of shared memory"},
    {"mov.b32 %r6, 0x5000000;\n@%p8 mbarrier.arrive.shared.b64 %d5, [%r6];", "out of bounds"},
    {"spin:\nmbarrier.test_wait.parity.shared.b64 %p1, [barrier], 0;\n@!%p1 bra spin;",
     "deadlock: nobody can run, and the phase of the mbarrier at shared offset 0 still expects 32 "
     "arrivals and 0 bytes"},
    {"barrier.cluster.wait;", "at which it has not arrived"},
    {"barrier.cluster.arrive;\nbarrier.cluster.wait;\nbarrier.cluster.arrive.relaxed;\n@%p8 "
     "barrier.cluster.arrive;",
     "arrives at the barrier of the cluster again before it has waited"},
    {"mapa.shared::cluster.u32 %r2, %r0, 1;", "rank 1 in a cluster of 1 blocks"},
    {"@%p8 cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [memory], [%d0], 64, "
     "[barrier];",
     "ends while the asynchronous copy at PTX line"},
    {"@%p8 cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [memory], [%d0], 64, "
     "[barrier];\n@%p8 mbarrier.inval.shared.b64 [barrier];",
     "is invalidated while the asynchronous copy at"},
    {"@%p8 cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster "
     "[memory], [%d0], 64, [barrier], %h0;",
     "a mask of ranks 0xcbcb in a cluster of 1 blocks"},
    {"@%p8 cp.async.bulk.global.shared::cta.bulk_group [%d1], [memory], 64;",
     "which no warp has written yet"},
};
INSTANTIATE_TEST_SUITE_P(Forms, AsyncRefusalTest, ::testing::ValuesIn(refusals));

TEST(BulkTest, FencesOfOtherSpacesAreNone) {
  const std::string copy = R"(
    @%p8 st.shared.u32 [memory], %r1;
    @%p8 st.shared.v2.u32 [memory+8], {%r1, %r1};
    @%p8 st.shared.u32 [memory+4], %r1;
    fence.proxy.async)";
  const std::string end = R"(;
    @%p8 cp.async.bulk.global.shared::cta.bulk_group [%d1], [memory], 16;
    cp.async.bulk.commit_group;
    cp.async.bulk.wait_group 0;)";
  for (const char* const space : {"", ".shared::cta", ".shared::cluster"}) {
    EXPECT_NO_THROW(run_with_barrier(copy + space + end)) << space;
  }
  EXPECT_TRUE(throws_error([&] { run_with_barrier(copy + ".global" + end); },
                           "with no fence.proxy.async behind the write by warp 0"));
}

TEST(BulkTest, PrefetchesAreLetPass) {
  EXPECT_NO_THROW(run_with_barrier(R"(
    cp.async.bulk.prefetch.L2.global [%d0], 16;
    cp.async.bulk.prefetch.L2.global.L2::cache_hint [%d0], 16, %d2;
    cp.async.bulk.prefetch.tensor.2d.L2.global.tile [%d0, {%r0, %r0}];)"));
}

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

TEST(ClusterTest, RegistersTellWhereABlockIs) {
  Device device(R"(
.visible .entry k(.param .u64 out)
{
  .reg .pred %p<3>;
  .reg .b32 %r<30>;
  .reg .b64 %d<9>;
  ld.param.u64 %d0, [out];
  mov.u32 %r0, %ctaid.x;
  mov.u32 %r1, %ctaid.y;
  mov.u32 %r2, %ctaid.z;
  mad.lo.u32 %r3, %r1, 6, %r0;
  mad.lo.u32 %r3, %r2, 24, %r3;
  mul.wide.u32 %d1, %r3, 64;
  add.u64 %d0, %d0, %d1;
  mov.u32 %r4, %clusterid.x;
  mov.u32 %r5, %clusterid.y;
  mov.u32 %r6, %clusterid.z;
  mov.u32 %r7, %nclusterid.x;
  mov.u32 %r8, %nclusterid.y;
  mov.u32 %r9, %nclusterid.z;
  mov.u32 %r10, %cluster_ctaid.x;
  mov.u32 %r11, %cluster_ctaid.y;
  mov.u32 %r12, %cluster_ctaid.z;
  mov.u32 %r13, %cluster_nctaid.x;
  mov.u32 %r14, %cluster_nctaid.y;
  mov.u32 %r15, %cluster_nctaid.z;
  mov.u32 %r16, %cluster_ctarank;
  mov.u32 %r17, %cluster_nctarank;
  mov.pred %p1, %is_explicit_cluster;
  selp.b32 %r18, 1, 0, %p1;
  mov.b32 %r19, 0;
  st.global.v4.u32 [%d0], {%r4, %r5, %r6, %r7};
  st.global.v4.u32 [%d0+16], {%r8, %r9, %r10, %r11};
  st.global.v4.u32 [%d0+32], {%r12, %r13, %r14, %r15};
  st.global.v4.u32 [%d0+48], {%r16, %r17, %r18, %r19};
  ret;
}
)");
  const std::uint64_t out = device.memory().allocate(std::uint64_t{64} * 6 * 4 * 2);
  device.launch("k", {6, 4, 2}, {1, 1, 1}, {out}, 0, {3, 2, 1});
  const auto values = device.download<u32>(out, std::size_t{16} * 6 * 4 * 2);
  for (u32 z = 0; z < 2; ++z) {
    for (u32 y = 0; y < 4; ++y) {
      for (u32 x = 0; x < 6; ++x) {
        const std::vector<u32> expected{
            x / 3, y / 2, z, 2, 2, 2, x % 3, y % 2, 0, 3, 2, 1, x % 3 + 3 * (y % 2), 6, 1, 0};
        const auto first = values.begin() + 16 * (x + 6 * y + 24 * z);
        EXPECT_EQ(std::vector<u32>(first, first + 16), expected);
      }
    }
  }
  EXPECT_TRUE(throws_error(
      [&] {
        device.launch("k", {6, 4, 2}, {1, 1, 1}, {out}, 0, {4, 1, 1});
      },
      "clusters of 4 x 1 x 1 blocks in a grid of 6 x 4 x 2"));
}

TEST(ClusterTest, BarrierOrdersGlobalMemory) {
  // Each block reads what the other one wrote.
  const std::string start = R"(
.visible .entry k(.param .u64 out)
{
  .reg .b32 %r<9>;
  .reg .b64 %d<9>;
  ld.param.u64 %d0, [out];
  mov.u32 %r0, %ctaid.x;
  xor.b32 %r1, %r0, 1;
  mul.wide.u32 %d1, %r0, 4;
  add.u64 %d1, %d0, %d1;
  mul.wide.u32 %d2, %r1, 4;
  add.u64 %d2, %d0, %d2;
  st.global.u32 [%d1], %r0;
  barrier.cluster.arrive)";
  const std::string end = R"(.aligned;
  barrier.cluster.wait.acquire.aligned;
  ld.global.u32 %r2, [%d2];
  st.global.u32 [%d1+64], %r2;
  ret;
}
)";
  Device device(start + ".release" + end);
  const std::uint64_t out = device.memory().allocate(128);
  device.launch("k", {4, 1, 1}, {32, 1, 1}, {out}, 0, {2, 1, 1});
  EXPECT_EQ(device.download<u32>(out + 64, 4), (std::vector<u32>{1, 0, 3, 2}));
}

TEST(ClusterTest, LabelsBelongToTheirScope) {
  const auto out = run_warp_code(R"(
    mov.b32 %r2, 0;
    { bra skip; mov.b32 %r2, 1; skip: add.u32 %r2, %r2, 10; }
    { bra skip; mov.b32 %r2, 1; skip: add.u32 %r2, %r2, 100; { bra end; } }
    mov.b32 %r2, 2;
    end:)",
                                 random_words(32, 1));
  EXPECT_EQ(out[0], 110U);
}

}  // namespace
}  // namespace lq::emulator
