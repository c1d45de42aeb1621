// The ways in which a GPU computes bit-convolutions, each by name, whatever would be chosen.
#if defined(LQNET_WITH_CUDA)

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "kernels/bitconv/bitconv_plan_cuda.h"
#include "tests/kernels/bitconv_problem.h"
#include "tests/support/environment.h"
#include "tests/support/errors.h"

namespace lq::testing {
namespace {

using kernels::cuda::BitconvPath;
using kernels::cuda::BitconvPlan;
using kernels::cuda::BitconvTile;
using kernels::cuda::TilePlan;
using kernels::cuda::WarpgroupTile;

struct PathCase {
  std::string name;
  BitconvPlan plan;
};

PathCase tiles(std::string name, BitconvTile tile, int splits = 1) {
  return {.name = "cuda_" + std::move(name),
          .plan = {.path = BitconvPath::tensor, .tiles = TilePlan{tile, splits}}};
}

PathCase warpgroups(std::string name, WarpgroupTile tile) {
  return {.name = "cuda_" + std::move(name),
          .plan = {.path = BitconvPath::warpgroup, .warpgroup_tile = tile}};
}

std::vector<PathCase> all_paths() {
  if (!has_cuda_device()) return {};
  std::vector<PathCase> paths{{.name = "cuda_direct", .plan = {.path = BitconvPath::direct}},
                              tiles("wide", BitconvTile::wide),
                              tiles("square", BitconvTile::square),
                              tiles("small", BitconvTile::small),
                              tiles("small_in_2", BitconvTile::small, 2),
                              tiles("small_in_5", BitconvTile::small, 5)};
  if (kernels::cuda::has_warpgroups({DeviceType::cuda, 0})) {
    paths.push_back(warpgroups("warpgroup_wide", WarpgroupTile::wide));
    paths.push_back(warpgroups("warpgroup_narrow", WarpgroupTile::narrow));
  }
  return paths;
}

class BitconvPathTest : public ::testing::TestWithParam<PathCase> {
 protected:
  void expect_case(const BitconvCase& c, std::uint32_t seed = 1) {
    SCOPED_TRACE(c.name + " seed " + std::to_string(seed));
    BitconvProblem problem(c, seed);
    problem.add_outputs();
    expect_exact_twice(problem);
  }

  void expect_exact_twice(BitconvProblem& problem) {
    const auto conv = kernels::cuda::prepare_bitconv(stream_, problem.description, GetParam().plan);
    // The second run finds the counters of the first.
    expect_exact(problem, stream_, *conv, /*workers=*/1, /*runs=*/2);
  }

  Stream& stream_ = current_stream({DeviceType::cuda, 0});
};

TEST_P(BitconvPathTest, EveryWordAlignment) {
  // 1, 2, 3, 4 and 8 words of a pixel; 9 words of a window to 72.
  for (const int channels : {7, 33, 64, 90, 128, 256}) {
    expect_case({.name = "bits",
                 .h = 6,
                 .w = 7,
                 .outputs = 70,
                 .batch = 2,
                 .segments = {{SegmentKind::bits, channels, 1, 2}}},
                channels);
  }
  // Bytes: as many words, and none that tensor cores could read.
  for (const int channels : {4, 8, 12, 16, 64, 7}) {
    for (const std::uint32_t seed : {1U, 2U, 3U}) {  // with and without a zero point
      expect_case({.name = "bytes", .outputs = 33, .segments = {{SegmentKind::int8, channels}}},
                  100 * seed + channels);
    }
  }
}

TEST_P(BitconvPathTest, EveryNumberOfPlanes) {
  for (int weight_bits = 1; weight_bits <= 3; ++weight_bits) {
    for (int input_bits = 1; input_bits <= 5; ++input_bits) {
      expect_case({.name = std::to_string(weight_bits) + "/" + std::to_string(input_bits),
                   .h = 4,
                   .outputs = 20,
                   .segments = {{SegmentKind::bits, 40, weight_bits, input_bits}}});
    }
  }
}

TEST_P(BitconvPathTest, SymbolsOfEveryNumberOfPlanes) {
  for (int bits = 1; bits <= 8; ++bits) {
    SCOPED_TRACE(bits);
    BitconvProblem problem({.name = "symbols",
                            .h = 9,
                            .w = 10,
                            .outputs = 70,
                            .batch = 2,
                            .segments = {{SegmentKind::bits, 40, 1, 2}}},
                           bits);
    // Fewer than there are codes, in no order; bytes stand before planes.
    std::vector<std::uint8_t> symbols((1U << bits) - (bits > 1 ? 1 : 0));
    std::iota(symbols.begin(), symbols.end(), std::uint8_t{0});
    std::ranges::shuffle(symbols, std::mt19937(bits));
    problem.add_symbols(0, symbols);
    problem.add_symbols(bits, symbols);
    problem.add_symbols(8, symbols);
    expect_exact_twice(problem);
  }
}

TEST_P(BitconvPathTest, MoreThanOneTile) {
  expect_case({.name = "pixels and channels",
               .h = 13,
               .w = 11,
               .outputs = 130,
               .batch = 3,
               .segments = {{SegmentKind::bits, 64, 1, 1}},
               .residual = true});
  expect_case({.name = "channels that fill tiles of 128 but for a few, in two planes",
               .h = 9,
               .w = 8,
               .outputs = 250,
               .batch = 1,
               .segments = {{SegmentKind::bits, 96, 2, 3}}});
}

TEST_P(BitconvPathTest, SeveralSegments) {
  for (const int outputs : {48, 100}) {
    expect_case({.name = "bits beside bytes",
                 .outputs = outputs,
                 .segments = {{SegmentKind::bits, 64, 2, 2},
                              {SegmentKind::int8, 16},
                              {SegmentKind::bits, 20, 1, 3}},
                 .residual = true});
  }
  expect_case({.name = "beside floats, which tensor cores do not take",
               .segments = {{SegmentKind::bits, 32, 1, 2}, {SegmentKind::float32, 5}}});
}

TEST_P(BitconvPathTest, RandomShapes) {
  RandomNumbers between(11);
  for (std::uint32_t seed = 0; seed < 12; ++seed) {
    BitconvCase c = random_case(between, 90);
    c.segments = {{SegmentKind::bits, between(1, 150), between(1, 2), between(1, 3)}};
    expect_case(c, seed);
  }
}

TEST_P(BitconvPathTest, LargestCounts) {
  expect_case({.name = "all differ",
               .h = 3,
               .w = 3,
               .segments = {{SegmentKind::bits, 512, 1, 2, /*all_differ=*/true}}},
              3);
}

/// Of binary products by tensor cores on this device, by the tables of PTX and of docs/cuda.md.
std::string binary_instruction(BitconvPath path) {
  if (path == BitconvPath::direct) return "popc";
  int major = 0;
  cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0);
  return major < 9 ? "b1 xor" : major == 9 ? "b1 and" : "s8";
}

/// What is told of an image of 4 x 4 pixels.
kernels::cuda::BitconvWay way_for(Stream& stream, const BitconvPlan& plan, int outputs,
                                  const std::vector<SegmentCase>& segments) {
  BitconvProblem problem({.name = "way", .h = 4, .w = 4, .outputs = outputs, .segments = segments},
                         1);
  problem.add_outputs();
  const auto conv = kernels::cuda::prepare_bitconv(stream, problem.description, plan);
  return kernels::cuda::way_of(*conv, 1);
}

TEST_P(BitconvPathTest, TheWayIsToldAsItWasAskedFor) {
  // Wide tiles are for many channels, parts for few tiles.
  const BitconvPlan& plan = GetParam().plan;
  const int outputs = plan.tiles && plan.tiles->splits > 1 ? 32 : 128;
  const auto way = way_for(stream_, plan, outputs, {{SegmentKind::bits, 256, 1, 2}});
  EXPECT_EQ(way.path, plan.path);
  EXPECT_EQ(way.instructions, binary_instruction(way.path));
  const std::map<std::string, std::string> names = {{"cuda_direct", "direct  1"},
                                                    {"cuda_wide", "mma 128x64 1"},
                                                    {"cuda_square", "mma 64x64 1"},
                                                    {"cuda_small", "mma 32x32 1"},
                                                    {"cuda_small_in_2", "mma 32x32 2"},
                                                    {"cuda_small_in_5", "mma 32x32 5"},
                                                    {"cuda_warpgroup_wide", "wgmma 64x128 1"},
                                                    {"cuda_warpgroup_narrow", "wgmma 64x64 1"}};
  EXPECT_EQ(way.path_name() + " " + way.tile_name() + " " + std::to_string(way.splits()),
            names.at(GetParam().name));
}

TEST_P(BitconvPathTest, TheWayNamesEachInstructionOnce) {
  const auto way = way_for(
      stream_, GetParam().plan, 20,
      {{SegmentKind::bits, 64, 1, 2}, {SegmentKind::int8, 16}, {SegmentKind::bits, 32, 2, 2}});
  const std::string binary = binary_instruction(way.path);
  const std::string bytes = way.path == BitconvPath::direct ? "dp4a" : "s8";
  EXPECT_EQ(way.instructions, binary == bytes ? bytes : binary + " + " + bytes);
}

TEST(BitconvWayTest, IsThatOfAConvolutionOnADevice) {
  BitconvProblem problem({.name = "bits", .segments = {{SegmentKind::bits, 32, 1, 2}}}, 1);
  problem.add_outputs();
  Stream stream;
  const auto conv = kernels::prepare_bitconv(stream, problem.description);
  EXPECT_TRUE(throws_error([&] { kernels::cuda::way_of(*conv, 1); }, "expected one of cuda"));
}

INSTANTIATE_TEST_SUITE_P(Paths, BitconvPathTest, ::testing::ValuesIn(all_paths()),
                         [](const auto& path) { return path.param.name; });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(BitconvPathTest);

TEST(BitconvPathNameTest, IsReadFromTheEnvironment) {
  const auto with = [](const char* value) {
    const EnvironmentScope scope("LQNET_CUDA_BITCONV", value);
    return kernels::cuda::wanted_bitconv_path();
  };
  EXPECT_EQ(with("direct"), BitconvPath::direct);
  EXPECT_EQ(with("tensor"), BitconvPath::tensor);
  EXPECT_EQ(with("warpgroup"), BitconvPath::warpgroup);
  EXPECT_TRUE(throws_error([&] { with("fast"); },
                           "LQNET_CUDA_BITCONV is 'fast', expected direct, tensor or warpgroup"));
  EXPECT_EQ(with(nullptr), std::nullopt);
}

}  // namespace
}  // namespace lq::testing

#endif
