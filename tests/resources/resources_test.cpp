// The check of the kernels' resources itself, on made-up kernels.

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "tests/resources/counter_table.h"
#include "tests/resources/dynamic_shared.h"
#include "tests/resources/launch_bounds.h"
#include "tests/resources/occupancy.h"
#include "tests/resources/resource_table.h"
#include "tests/support/errors.h"

namespace lq::testing {
namespace {

using Lines = std::vector<std::string>;

constexpr std::string_view log =
    "ptxas info    : 0 bytes gmem\n"
    "ptxas info    : Compiling entry function '_Z5firstPi' for 'sm_75'\n"
    "ptxas info    : Function properties for _Z5firstPi\n"
    "    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"
    "ptxas info    : Used 36 registers, used 2 barriers, 4096 bytes smem, 408 bytes cmem[0]\n"
    "ptxas info    : Compile time = 31.311 ms\n"
    "ptxas info    : Compiling entry function '_Z6secondPi' for 'sm_90a'\n"
    "ptxas info    : Function properties for _Z6secondPi\n"
    "    8 bytes stack frame, 12 bytes spill stores, 16 bytes spill loads\n"
    "ptxas info    : Used 40 registers, used 0 barriers, 8 bytes cumulative stack size\n"
    "ptxas info    : Function properties for called\n"
    "    24 bytes stack frame, 1 bytes spill stores, 0 bytes spill loads\n";

TEST(PtxasLogTest, CountsOfKernelsAreRead) {
  const std::vector<KernelResources> kernels = read_ptxas_log(log);
  ASSERT_EQ(kernels.size(), 2U);
  EXPECT_EQ(kernels[0].kernel, "_Z5firstPi");
  EXPECT_EQ(kernels[0].architecture, "75");
  EXPECT_EQ(kernels[0].registers, 36);
  EXPECT_EQ(kernels[0].barriers, 2);
  EXPECT_EQ(kernels[0].shared_bytes, 4096);
  EXPECT_EQ(kernels[0].stack_bytes, 0);
  EXPECT_EQ(kernels[0].spilled_bytes, 0);
  EXPECT_EQ(kernels[1].architecture, "90a");
  EXPECT_EQ(kernels[1].registers, 40);
  EXPECT_EQ(kernels[1].shared_bytes, 0);
}

TEST(PtxasLogTest, CalledFunctionsCountForTheirKernel) {
  const KernelResources second = read_ptxas_log(log)[1];
  EXPECT_EQ(second.stack_bytes, 24);
  EXPECT_EQ(second.spilled_bytes, 12 + 16 + 1);
}

TEST(PtxasLogTest, UnfinishedKernelsAreRefused) {
  const std::string_view begun = log.substr(0, log.find("ptxas info    : Used"));
  EXPECT_TRUE(throws_error([&] { read_ptxas_log(begun); }, "no count of registers for _Z5firstPi"));
  EXPECT_TRUE(throws_error([] { read_ptxas_log("ptxas info    : Used 4 registers\n"); },
                           "before any kernel"));
}

TEST(LaunchBoundsTest, AreFoundAmidAnObject) {
  std::ifstream file(LQNET_FUZZ_CORPUS "/fatbin_corpus/tiny.fatbin", std::ios::binary);
  std::string object(64, 'x');
  object.append(std::istreambuf_iterator<char>(file), {});
  const auto bounds = launch_bounds_of(std::as_bytes(std::span(object)));
  EXPECT_EQ(bounds.at("_Z4tinyPi").threads, 0) << "the kernel has none";
  EXPECT_FALSE(bounds.at("_Z4tinyPi").has_dynamic_shared);
  EXPECT_TRUE(throws_error([&] { launch_bounds_of(std::as_bytes(std::span(object)).first(64)); },
                           "no PTX"));
}

KernelResources resources(const std::string& architecture, int registers,
                          std::int64_t shared_bytes = 0) {
  return {.kernel = "_Z5firstPi",
          .architecture = architecture,
          .registers = registers,
          .barriers = 1,
          .shared_bytes = shared_bytes};
}

// By hand: a warp's registers are allocated in units of 256, a quarter of 65536 for each of the
// four parts of a multiprocessor.
TEST(OccupancyTest, IsThatOfTheTables) {
  EXPECT_EQ(occupancy_percent(resources("75", 64), 256), 100);  // all of 1024 threads
  EXPECT_EQ(occupancy_percent(resources("80", 32), 256), 100);
  EXPECT_EQ(occupancy_percent(resources("80", 40), 256), 75);    // 12 warps of 1280 registers each
  EXPECT_EQ(occupancy_percent(resources("90a", 255), 256), 12);  // one block
  EXPECT_EQ(occupancy_percent(resources("86", 16), 32), 33);     // 16 blocks of 48 warps
  EXPECT_EQ(occupancy_percent(resources("89", 16), 32), 50);     // 24 blocks
  // 1 KiB more of each block is the driver's.
  EXPECT_EQ(occupancy_percent(resources("86", 16, 33 << 10), 256), 33);   // 2 blocks in 100 KiB
  EXPECT_EQ(occupancy_percent(resources("100", 16, 33 << 10), 256), 75);  // 6 in 228 KiB
  EXPECT_EQ(occupancy_percent(resources("120", 16, 32 << 10), 256), 50);  // 3 in 100 KiB
}

TEST(OccupancyTest, DynamicSharedMemoryCounts) {
  EXPECT_EQ(occupancy_percent(resources("86", 16), 256, 33 << 10), 33);
  EXPECT_EQ(occupancy_percent(resources("86", 16, 16 << 10), 256, 17 << 10), 33);
  EXPECT_EQ(occupancy_percent(resources("80", 16), 256, 100 << 10), 12);  // one block in 164 KiB
  EXPECT_EQ(occupancy_percent(resources("75", 16), 256, 60 << 10), 25);   // one in 64 KiB
  EXPECT_TRUE(
      throws_error([] { occupancy_percent(resources("86", 16), 256, 101 << 10); }, "occupancy of"));
}

TEST(DynamicSharedMemoryTest, IsThatOfTheTilesOfBitConvolutions) {
  const auto bytes = dynamic_shared_bytes();
  EXPECT_EQ(bytes.size(), 5U);
  // By hand, of 64 x 64 pixels by channels: rows of pixels, three stages of two steps of 32 bytes
  // for two planes and the weights, values, a flag.
  EXPECT_EQ(bytes.at("tiles_kernel<Tile<(BitconvTile)1> >"),
            64 * 16 + 3 * 2 * (2 * 64 + 64) * 32 + 64 * 72 * 4 + 16);
}

TEST(KernelNameTest, HasNoNamespacesAndParameters) {
  EXPECT_EQ(short_kernel_name("_Z5firstPi"), "first");
  // void lq::cuda::pixels_kernel<4, lq::cuda::(anonymous namespace)::Copy>(int, Copy)
  EXPECT_EQ(short_kernel_name("_ZN2lq4cuda13pixels_kernelILi4ENS0_12_GLOBAL__N_14CopyEEEviT0_"),
            "pixels_kernel<4, Copy>");
  EXPECT_EQ(short_kernel_name("plain"), "plain");
}

std::vector<BuiltKernel> some_kernels() {
  KernelResources other = resources("90a", 24, 128);
  other.kernel = "_Z6secondPi";
  return {{"kernels/a.cu", 256, resources("75", 64)},
          {"kernels/a.cu", 256, resources("90a", 40)},
          {"kernels/b.cu", 128, resources("90a", 24)},
          {"kernels/b.cu", 128, other}};
}

TEST(ResourceTableTest, IsReadAsItIsWritten) {
  const ResourceTable table = make_table("13.0.88", some_kernels());
  const std::string text = to_markdown(table);
  EXPECT_NE(text.find("| kernel | threads | shared bytes | 7.5 | 9.0a |"), std::string::npos)
      << text;
  EXPECT_NE(text.find("| `first` | 256 | 0 | 64/100 | 40/75 |"), std::string::npos) << text;
  EXPECT_NE(text.find("| `second` | 128 | 128 |  | 24/100 |"), std::string::npos) << text;
  const ResourceTable read = from_markdown(text);
  EXPECT_EQ(read.compiler, "13.0.88");
  EXPECT_EQ(to_markdown(read), text);
  EXPECT_EQ(differences(table, read), Lines());
}

TEST(ResourceTableTest, DifferencesAreNamed) {
  const ResourceTable recorded = make_table("13.0.88", some_kernels());
  std::vector<BuiltKernel> kernels = some_kernels();
  kernels[1].resources.registers = 48;
  kernels[3].resources.kernel = "_Z5thirdPi";
  EXPECT_EQ(differences(make_table("13.0.88", kernels), recorded),
            (Lines{"kernels/a.cu: first on sm_90a, registers/occupancy: 48/62, expected 40/75",
                   "kernels/b.cu: third is not in the table",
                   "kernels/b.cu: second is in the table, but not built"}));
  kernels = some_kernels();
  kernels[2].threads = 64;
  kernels[3].resources.shared_bytes = 64;
  EXPECT_EQ(differences(make_table("13.0.88", kernels), recorded),
            (Lines{"kernels/b.cu: first, threads: 64, expected 128",
                   "kernels/b.cu: second, shared bytes: 64, expected 128"}));
}

TEST(ResourceTableTest, ArchitecturesThatAreNotBuiltAreNotCompared) {
  const ResourceTable recorded = make_table("13.0.88", some_kernels());
  std::vector<BuiltKernel> kernels = some_kernels();
  kernels.erase(kernels.begin());
  EXPECT_EQ(differences(make_table("13.0.88", kernels), recorded), Lines());
}

TEST(ResourceTableTest, TwoKernelsOfOneNameAreRefused) {
  std::vector<BuiltKernel> kernels = some_kernels();
  kernels.push_back(kernels[0]);
  EXPECT_TRUE(throws_error([&] { make_table("13.0.88", kernels); }, "more than one kernel"));
}

TEST(FaultsTest, SpillsStacksAndMissingLaunchBoundsAreNamed) {
  EXPECT_EQ(faults_of(some_kernels()), Lines());
  std::vector<BuiltKernel> kernels = some_kernels();
  kernels[0].resources.spilled_bytes = 12;
  kernels[1].resources.stack_bytes = 8;
  kernels[3].threads = 0;
  kernels[2].has_dynamic_shared = true;
  EXPECT_EQ(
      faults_of(kernels),
      (Lines{
          "kernels/a.cu: first on sm_75: 12 bytes of spills and a stack of 0 bytes, expected none",
          "kernels/a.cu: first on sm_90a: 0 bytes of spills and a stack of 8 bytes, expected none",
          "kernels/b.cu: first on sm_90a: uses dynamic shared memory, dynamic_shared_bytes() has 0 "
          "bytes",
          "kernels/b.cu: second on sm_90a: no launch bounds, expected __launch_bounds__"}));
}

TEST(FaultsTest, KernelsOfCubAreTakenAsTheyAre) {
  std::vector<BuiltKernel> kernels = some_kernels();
  kernels[3].resources.kernel = "_ZN3cub17CUB_300001_SM_8006detail11EmptyKernelIvEEvv";
  kernels[3].threads = 0;
  kernels[3].resources.stack_bytes = kernels[3].resources.spilled_bytes = 8;
  EXPECT_EQ(faults_of(kernels), Lines());
  const ResourceTable table = make_table("13.0.88", kernels);
  const std::string text = to_markdown(table);
  EXPECT_NE(text.find("| `EmptyKernel<void>` |  | 128 |  | 24 |"), std::string::npos) << text;
  EXPECT_EQ(differences(table, from_markdown(text)), Lines());
  EXPECT_TRUE(is_never_launched(kernels[3].resources.kernel));
  EXPECT_FALSE(is_never_launched("_ZN3cub6detail9histogram4InitEv"));
  EXPECT_FALSE(is_never_launched("_ZN2lq11EmptyKernelEv"));
}

constexpr std::string_view counters =
    R"json([{"kernel": "void lq::(anonymous namespace)::first<lq::Tile<4> >(float*, int)",
  "warp_instructions": 900, "lane_instructions": 27000, "global_requests": 20,
  "global_sectors": 90, "global_bytes": 2560, "global_written_bytes": 400,
  "shared_wavefronts": 50, "bank_conflicts": 5},
 {"kernel": "second(int*)", "warp_instructions": 100, "lane_instructions": 100,
  "global_requests": 0, "global_sectors": 0, "global_bytes": 0, "global_written_bytes": 0,
  "shared_wavefronts": 0, "bank_conflicts": 0},
 {"kernel": "rare(int*)", "warp_instructions": 0, "lane_instructions": 0,
  "global_requests": 0, "global_sectors": 0, "global_bytes": 0, "global_written_bytes": 0,
  "shared_wavefronts": 0, "bank_conflicts": 0}])json";

TEST(CounterTableTest, RowsAreRatiosOfTheCounts) {
  const Workload workload = read_counters(counters);
  ASSERT_EQ(workload.size(), 2U);  // `rare` has no share
  const CounterRow& first = workload.at("first<Tile<4> >");
  EXPECT_DOUBLE_EQ(first.share, 90);
  EXPECT_DOUBLE_EQ(first.instructions, 270);  // 27000 for 100 words
  EXPECT_DOUBLE_EQ(first.lanes, 30);
  EXPECT_DOUBLE_EQ(first.sectors, 4.5);
  EXPECT_DOUBLE_EQ(first.ideal, 4);  // 128 bytes
  EXPECT_DOUBLE_EQ(first.conflicts, 10);
  EXPECT_DOUBLE_EQ(workload.at("second").sectors, 0);
  EXPECT_TRUE(throws_error([] { read_counters("nothing"); }, "no list of kernels"));
}

TEST(CounterTableTest, WhatIsWrittenIsRead) {
  CounterTable table{.compiler = "13.0.88", .workloads = {}};
  table.workloads["one"] = read_counters(counters);
  table.workloads["two"] = read_counters(counters);
  const std::string text = to_markdown(table);
  const CounterTable read = counter_table_from_markdown(text);
  EXPECT_EQ(read.compiler, "13.0.88");
  EXPECT_EQ(differences(table, read), Lines{});
  EXPECT_EQ(to_markdown(read), text);
  EXPECT_TRUE(throws_error([] { counter_table_from_markdown("nvcc 13.0\n## a\n| `k` | 1 |\n"); },
                           "2 fields, expected 7"));
}

TEST(CounterTableTest, DifferencesAreNamed) {
  CounterTable counted, recorded;
  counted.workloads["one"] = recorded.workloads["one"] = read_counters(counters);
  recorded.workloads["two"] = {};
  CounterRow& row = counted.workloads["one"].at("first<Tile<4> >");
  row.instructions += 5;  // less than 2 %
  row.sectors = 4.7;
  counted.workloads["one"]["third"] = {};
  counted.workloads["one"].erase("second");
  EXPECT_EQ(differences(counted, recorded),
            (Lines{"one: first<Tile<4> >, sectors: 4.70, expected 4.50",
                   "one: second is in the table, but was not counted",
                   "one: third is not in the table", "two: not counted"}));
}

}  // namespace
}  // namespace lq::testing
