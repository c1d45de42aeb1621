// The ways in which a GPU computes bit-convolutions whose only segment is of floats.
#if defined(LQNET_WITH_CUDA)

#include <gtest/gtest.h>

#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "kernels/bitconv/bitconv_plan_cuda.h"
#include "tests/kernels/bitconv_problem.h"

namespace lq::testing {
namespace {

using kernels::BitconvBuffer;
using kernels::BitconvDescription;
using kernels::FloatSegment;
using kernels::Padding;
using kernels::cuda::BitconvPath;
using kernels::cuda::BitconvPlan;

struct FloatPathCase {
  std::string name;
  BitconvPath path;
};

std::vector<FloatPathCase> float_paths() {
  if (!has_cuda_device()) return {};
  return {{"cuda_direct", BitconvPath::direct}, {"cuda_tiled", BitconvPath::tiled}};
}

class BitconvFloatPathTest : public ::testing::TestWithParam<FloatPathCase> {
 protected:
  static BitconvPlan plan() { return {.path = GetParam().path}; }

  void expect_case(const BitconvCase& c, std::uint32_t seed = 1) {
    SCOPED_TRACE(c.name + " seed " + std::to_string(seed));
    BitconvProblem problem(c, seed);
    problem.add_outputs();
    expect_exact_that_way(problem);
  }

  void expect_exact_that_way(BitconvProblem& problem) {
    const auto conv = kernels::cuda::prepare_bitconv(stream_, problem.description, plan());
    EXPECT_EQ(kernels::cuda::way_of(*conv, problem.batch()).path, GetParam().path);
    expect_exact(problem, stream_, *conv, 1);
  }

  kernels::cuda::BitconvWay way_of(const BitconvPlan& plan, const BitconvCase& c) {
    BitconvProblem problem(c, 1);
    problem.add_outputs();
    return kernels::cuda::way_of(
        *kernels::cuda::prepare_bitconv(stream_, problem.description, plan), c.batch);
  }

  Stream& stream_ = current_stream({DeviceType::cuda, 0});
};

TEST_P(BitconvFloatPathTest, EveryTileInEveryWidthOfReads) {
  // As many output channels as a tile has or fewer; more than one tile of pixels, the last of which
  // has a few. The last case fills tiles of 64 x 64 alone, with two of them across.
  for (const int channels : {3, 4}) {
    for (const int outputs : {10, 16, 29, 32, 61, 64, 130}) {
      expect_case({.name = "outputs",
                   .h = 11,
                   .w = 13,
                   .outputs = outputs,
                   .batch = 2,
                   .segments = {{SegmentKind::float32, channels}},
                   .residual = true},
                  outputs);
    }
    expect_case({.name = "whole tiles",
                 .h = 16,
                 .w = 16,
                 .outputs = 64,
                 .batch = 2,
                 .segments = {{SegmentKind::float32, channels}}},
                channels);
    expect_case({.name = "few pixels",
                 .h = 5,
                 .w = 9,
                 .outputs = 100,
                 .segments = {{SegmentKind::float32, channels}}},
                channels);
  }
}

TEST_P(BitconvFloatPathTest, RandomShapes) {
  RandomNumbers between(17);
  for (std::uint32_t seed = 0; seed < 24; ++seed) {
    BitconvCase c = random_case(between, 90);
    const int channels = seed % 2 == 0 ? between(1, 40) : 4 * between(1, 10);
    c.segments = {seed % 3 == 0 ? SegmentCase{SegmentKind::coded_float, channels, between(1, 4)}
                                : SegmentCase{SegmentKind::float32, channels}};
    expect_case(c, seed);
  }
}

TEST_P(BitconvFloatPathTest, FirstLayersOfNetworks) {
  expect_case({.name = "7x7 by 2",
               .h = 30,
               .w = 34,
               .outputs = 64,
               .kernel_h = 7,
               .kernel_w = 7,
               .stride_h = 2,
               .stride_w = 2,
               .segments = {{SegmentKind::float32, 3}}});
  expect_case({.name = "11x11 by 4",
               .h = 39,
               .w = 43,
               .outputs = 96,
               .kernel_h = 11,
               .kernel_w = 11,
               .stride_h = 4,
               .stride_w = 4,
               .padding = Padding::valid(),
               .segments = {{SegmentKind::float32, 3}}});
}

TEST_P(BitconvFloatPathTest, FullyConnected) {
  for (const int batch : {1, 5, 130}) {
    expect_case({.name = "1x1 map",
                 .h = 1,
                 .w = 1,
                 .outputs = 70,
                 .kernel_h = 1,
                 .kernel_w = 1,
                 .batch = batch,
                 .segments = {{SegmentKind::float32, 100}}},
                batch);
  }
}

TEST_P(BitconvFloatPathTest, SymbolsOfEveryNumberOfPlanes) {
  for (int bits = 1; bits <= 8; ++bits) {
    SCOPED_TRACE(bits);
    BitconvProblem problem({.name = "symbols",
                            .h = 9,
                            .w = 10,
                            .outputs = 70,
                            .batch = 2,
                            .segments = {{SegmentKind::float32, 3}}},
                           bits);
    std::vector<std::uint8_t> symbols(1U << bits);
    std::iota(symbols.begin(), symbols.end(), std::uint8_t{0});
    problem.add_symbols(bits, symbols);
    if (bits < 8) problem.add_symbols(0, symbols);
    expect_exact_that_way(problem);
  }
}

TEST_P(BitconvFloatPathTest, TheWayIsTold) {
  const bool is_tiled = GetParam().path == BitconvPath::tiled;
  const auto told = [&](int outputs, int batch) {
    const auto way = way_of(
        plan(),
        {.name = "way", .outputs = outputs, .batch = batch, .segments = {{SegmentKind::float32}}});
    EXPECT_EQ(way.splits(), 1);
    return way.path_name() + " " + way.instructions + " " + way.tile_name();
  };
  EXPECT_EQ(told(16, 9), is_tiled ? "tiled fma 128x16" : "direct fma ");
  EXPECT_EQ(told(32, 9), is_tiled ? "tiled fma 128x32" : "direct fma ");
  EXPECT_EQ(told(64, 9), is_tiled ? "tiled fma 128x64" : "direct fma ");
  EXPECT_EQ(told(64, 2), is_tiled ? "tiled fma 64x64" : "direct fma ");
}

TEST_P(BitconvFloatPathTest, IsChosenByTheNumberOfPixels) {
  const auto chosen = [&](std::optional<BitconvPath> path, int h, int batch) {
    return way_of({.path = path}, {.name = "way",
                                   .h = h,
                                   .w = h,
                                   .outputs = 64,
                                   .batch = batch,
                                   .segments = {{SegmentKind::float32, 3}}})
        .path;
  };
  const bool is_tiled = GetParam().path == BitconvPath::tiled;
  const int h = is_tiled ? 91 : 20;  // 65 or 4 tiles of 128 x 64
  for (const std::optional<BitconvPath> path :
       {std::optional<BitconvPath>(), std::optional(BitconvPath::tensor),
        std::optional(BitconvPath::warpgroup)}) {
    EXPECT_EQ(chosen(path, h, 1), GetParam().path);
  }
}

TEST_P(BitconvFloatPathTest, OtherSegmentsAreNotTiled) {
  const std::vector<SegmentCase> beside = {{SegmentKind::float32, 5}, {SegmentKind::float32, 3}};
  EXPECT_EQ(way_of(plan(), {.name = "two", .segments = beside}).path, BitconvPath::direct);
  EXPECT_EQ(way_of(plan(), {.name = "none", .kernel_h = 1, .kernel_w = 1, .segments = {}}).path,
            BitconvPath::direct);
  const auto bits = way_of(plan(), {.name = "bits", .segments = {{SegmentKind::bits, 32, 1, 2}}});
  EXPECT_NE(bits.path, BitconvPath::tiled);
  EXPECT_EQ(bits.path == BitconvPath::direct, GetParam().path == BitconvPath::direct);
}

INSTANTIATE_TEST_SUITE_P(Paths, BitconvFloatPathTest, ::testing::ValuesIn(float_paths()),
                         [](const auto& path) { return path.param.name; });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(BitconvFloatPathTest);

/// What a convolution of random floats gives, whose sums are rounded.
std::vector<float> rounded_results(BitconvPath path, int channels, int outputs) {
  std::mt19937 random(9);
  std::normal_distribution<float> normal;
  const auto normals = [&](int count) {
    std::vector<float> values(count);
    for (float& value : values) value = normal(random);
    return values;
  };
  constexpr int h = 9;
  constexpr int w = 17;
  const BitconvDescription description = {
      .geometry = kernels::conv2d_geometry({1, h, w, channels}, {outputs, 3, 3, channels},
                                           {.padding = Padding::same()}),
      .segments = {FloatSegment{.channels = channels, .weights = normals(outputs * 9 * channels)}},
      .scale = normals(outputs),
      .shift = normals(outputs),
      .float_outputs = {{}}};
  const std::vector<float> input = normals(h * w * channels);
  Stream& stream = current_stream({DeviceType::cuda, 0});
  DeviceArrays read(stream), written(stream);
  const BitconvBuffer<const void*> in = {read.put(input.data(), input.size() * sizeof(float)), 0};
  std::vector<float> out(h * w * outputs);
  float* const to = written.put(out.data(), out.size() * sizeof(float));
  kernels::cuda::prepare_bitconv(stream, description, {.path = path})
      ->run({.batch = 1, .inputs = {&in, 1}, .floats = {&to, 1}}, {}, {});
  written.copy_back();
  return out;
}

TEST(BitconvFloatSumsTest, cuda_AreTheSameBitsBothWays) {
  if (!has_cuda_device()) GTEST_SKIP() << "needs a CUDA device";
  for (const int channels : {3, 20}) {
    for (const int outputs : {10, 30, 50, 70}) {
      EXPECT_EQ(rounded_results(BitconvPath::tiled, channels, outputs),
                rounded_results(BitconvPath::direct, channels, outputs))
          << channels << " channels, " << outputs << " outputs";
    }
  }
}

}  // namespace
}  // namespace lq::testing

#endif
