#include "kernels/bitconv/bitconv.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "kernels/common/aligned_vector.h"
#include "tests/kernels/bitconv_problem.h"
#include "tests/support/backends.h"
#include "tests/support/errors.h"

namespace lq::testing {
namespace {

using kernels::BitconvBuffer;
using kernels::BitconvDescription;
using kernels::BitconvSegment;
using kernels::BitSegment;
using kernels::CodedFloatSegment;
using kernels::FloatSegment;
using kernels::Padding;

class BitconvTest : public ::testing::TestWithParam<BackendCase> {
 protected:
  BitconvTest() : cap_(GetParam().isa) {}

  void expect_case(const BitconvCase& c, std::uint32_t seed = 1, int workers = 1) {
    SCOPED_TRACE(c.name + " seed " + std::to_string(seed));
    BitconvProblem problem(c, seed);
    problem.add_outputs();
    expect_exact(problem, GetParam(), workers);
  }

 private:
  IsaCap cap_;
};

TEST_P(BitconvTest, EveryPairOfBits) {
  for (int weight_bits = 1; weight_bits <= 4; ++weight_bits) {
    for (int input_bits = 1; input_bits <= 4; ++input_bits) {
      expect_case({.name = std::to_string(weight_bits) + "/" + std::to_string(input_bits),
                   .outputs = 40,
                   .segments = {{SegmentKind::bits, 64, weight_bits, input_bits}}});
    }
  }
  expect_case({.name = "7/8", .outputs = 17, .segments = {{SegmentKind::bits, 33, 7, 8}}});
}

TEST_P(BitconvTest, OneBitOfOneCount) {
  // With a single one-bit result, counts may be compared without turning them into values.
  for (std::uint32_t seed = 0; seed < 12; ++seed) {
    const int channels = std::vector{64, 16, 3}[seed % 3];
    const BitconvCase c{.name = "one bit",
                        .h = 6,
                        .w = 11,
                        .outputs = seed % 2 == 0 ? 16 : 37,
                        .batch = 2,
                        .segments = {{SegmentKind::bits, channels, 1, 1}}};
    BitconvProblem problem(c, seed);
    problem.add_symbols(
        1, seed % 4 < 2 ? std::vector<std::uint8_t>{0, 1} : std::vector<std::uint8_t>{1, 0});
    expect_exact(problem, GetParam(), 1 + static_cast<int>(seed % 3));
  }
}

TEST_P(BitconvTest, RandomShapes) {
  RandomNumbers between(7);
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    BitconvCase c = random_case(between, 50);
    c.segments.clear();
    for (int s = between(1, 3); s > 0; --s) {
      c.segments.push_back(
          {static_cast<SegmentKind>(between(0, 3)), between(1, 70), between(1, 4), between(1, 4)});
    }
    expect_case(c, seed, between(1, 4));
  }
}

TEST_P(BitconvTest, ColumnsOutsideTheImage) {
  // Every way in which the first and the last windows of a row may reach beyond the image.
  for (const int kernel_w : {1, 2, 3}) {
    for (const int stride_w : {1, 2}) {
      for (int left = 0; left <= 2; ++left) {
        for (int right = 0; right <= 2; ++right) {
          for (const int w : {1, 2, 9}) {
            if (w + left + right < kernel_w) continue;
            expect_case({.name = "columns",
                         .h = 2,
                         .w = w,
                         .kernel_h = 1,
                         .kernel_w = kernel_w,
                         .stride_w = stride_w,
                         .padding = Padding::explicit_sides(0, 0, left, right),
                         .segments = {{SegmentKind::bits, 64, 1, 1}, {SegmentKind::int8, 4}}},
                        left * 10 + right);
          }
        }
      }
    }
  }
}

TEST_P(BitconvTest, FewChannels) {
  for (const int channels : {1, 3, 8, 16, 24, 31}) {
    expect_case({.name = "few channels",
                 .h = 9,
                 .w = 11,
                 .outputs = 16,
                 .batch = 2,
                 .segments = {{SegmentKind::bits, channels, 2, 2}}},
                channels);
    expect_case({.name = "few channels, 5x5 by 2",
                 .h = 9,
                 .w = 11,
                 .outputs = 20,
                 .kernel_h = 5,
                 .kernel_w = 5,
                 .stride_h = 2,
                 .stride_w = 2,
                 .segments = {{SegmentKind::bits, channels, 1, 2}}},
                channels);
  }
}

TEST_P(BitconvTest, LargeKernels) {
  expect_case({.name = "7x7 by 2",
               .h = 23,
               .w = 21,
               .outputs = 24,
               .kernel_h = 7,
               .kernel_w = 7,
               .stride_h = 2,
               .stride_w = 2,
               .segments = {{SegmentKind::bits, 16, 2, 1}}});
  expect_case({.name = "11x11 by 4",
               .h = 39,
               .w = 43,
               .outputs = 16,
               .kernel_h = 11,
               .kernel_w = 11,
               .stride_h = 4,
               .stride_w = 4,
               .padding = Padding::valid(),
               .segments = {{SegmentKind::float32, 3}}});
}

TEST_P(BitconvTest, FullyConnected) {
  for (const int batch : {1, 3, 130}) {
    expect_case({.name = "1x1 map",
                 .h = 1,
                 .w = 1,
                 .outputs = 33,
                 .kernel_h = 1,
                 .kernel_w = 1,
                 .batch = batch,
                 .segments = {{SegmentKind::bits, 130, 2, 2}}});
    expect_case({.name = "1x1 map, floats",
                 .h = 1,
                 .w = 1,
                 .outputs = 10,
                 .kernel_h = 1,
                 .kernel_w = 1,
                 .batch = batch,
                 .segments = {{SegmentKind::float32, 64}}});
  }
}

TEST_P(BitconvTest, CodedWeightsForFloats) {
  for (const int bits : {1, 2, 3, 4, 7}) {
    for (const int outputs : {1, 16, 33, 96}) {
      const auto seed = static_cast<std::uint32_t>(bits);
      const std::vector<SegmentCase> segments = {{SegmentKind::coded_float, 5, bits}};
      const int workers = 1 + (bits + outputs) % 4;
      expect_case({.name = "3x3",
                   .h = 6,
                   .w = 9,
                   .outputs = outputs,
                   .batch = 2,
                   .segments = segments,
                   .residual = true},
                  seed, workers);
      expect_case({.name = "1x1 by 2",
                   .outputs = outputs,
                   .kernel_h = 1,
                   .kernel_w = 1,
                   .stride_h = 2,
                   .stride_w = 2,
                   .segments = segments},
                  seed, workers);
      // Rows are padded in a copy, which is made anew for every tile of weights.
      expect_case({.name = "7x7 by 2",
                   .h = 13,
                   .w = 11,
                   .outputs = outputs,
                   .kernel_h = 7,
                   .kernel_w = 7,
                   .stride_h = 2,
                   .stride_w = 2,
                   .segments = segments},
                  seed, workers);
      expect_case({.name = "1x1 map",
                   .h = 1,
                   .w = 1,
                   .outputs = outputs,
                   .kernel_h = 1,
                   .kernel_w = 1,
                   .batch = 130,
                   .segments = segments},
                  seed, workers);
      expect_case({.name = "beside other kinds",
                   .outputs = outputs,
                   .kernel_h = 5,
                   .kernel_w = 5,
                   .segments = {{SegmentKind::bits, 16, 2, 2},
                                {SegmentKind::coded_float, 3, bits},
                                {SegmentKind::int8, 7},
                                {SegmentKind::coded_float, 4, 2},
                                {SegmentKind::float32, 2}}},
                  seed, workers);
    }
  }
}

TEST_P(BitconvTest, CodedWeightsAreTheFloatsThatTheyStandFor) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  const auto normals = [&](std::int64_t count) {
    std::vector<float> values(count);
    for (float& value : values) value = normal(random);
    return values;
  };
  constexpr std::int64_t outputs = 40;
  constexpr std::int64_t per_output = 3 * 3 * 7;
  for (const int bits : {1, 2, 3, 4, 8}) {
    CodedFloatSegment coded{
        .channels = 7, .weight_bits = bits, .weight_basis = normals(outputs * bits)};
    FloatSegment floats{.channels = 7};
    for (std::int64_t e = 0; e < outputs * per_output; ++e) {
      coded.weight_codes.push_back(static_cast<std::uint8_t>(random() % (1U << bits)));
      double weight = 0;
      for (int i = 0; i < bits; ++i) {
        const double v = coded.weight_basis[e / per_output * bits + i];
        weight += ((coded.weight_codes.back() >> i) & 1) != 0 ? v : -v;
      }
      floats.weights.push_back(static_cast<float>(weight));
    }
    const std::vector<float> input = normals(2 * 5 * 6 * 7);
    Stream& stream = stream_of(GetParam());
    DeviceArrays read(stream);
    const BitconvBuffer<const void*> in = {read.put(input.data(), input.size() * sizeof(float)), 0};
    const auto results = [&](BitconvSegment segment) {
      const BitconvDescription description = {
          .geometry = kernels::conv2d_geometry({1, 5, 6, 7}, {outputs, 3, 3, 7},
                                               {.padding = Padding::same()}),
          .segments = {std::move(segment)},
          .scale = std::vector(outputs, 0.7F),
          .shift = std::vector(outputs, 0.1F),
          .float_outputs = {{}}};
      const auto conv = prepare_bitconv(stream, description);
      ScratchMemory scratch(stream, conv->scratch_bytes());
      std::vector<float> out(2 * 5 * 6 * outputs);
      DeviceArrays written(stream);
      float* const to = written.put(out.data(), out.size() * sizeof(float));
      conv->run({.batch = 2, .inputs = {&in, 1}, .floats = {&to, 1}}, {}, scratch.bytes());
      written.copy_back();
      return out;
    };
    EXPECT_EQ(results(coded), results(floats)) << bits << " bits";
  }
}

TEST(BitconvMemoryTest, CodedWeightsStayBits) {
  Stream stream(Backend::cpu);
  const auto weight_bytes = [&](const SegmentCase& segment) {
    const BitconvProblem problem({.name = "memory", .outputs = 64, .segments = {segment}}, 1);
    return prepare_bitconv(stream, problem.description)->weight_bytes();
  };
  constexpr std::size_t weights = 64 * 3 * 3 * 128;
  for (int bits = 1; bits <= 4; ++bits) {
    const std::size_t levels = 64 * sizeof(float) << (bits - 1);
    EXPECT_EQ(weight_bytes({SegmentKind::coded_float, 128, bits}), weights * bits / 8 + levels);
  }
  EXPECT_EQ(weight_bytes({SegmentKind::coded_float, 128, 5}), weights * sizeof(float));
  EXPECT_EQ(weight_bytes({SegmentKind::float32, 128}), weights * sizeof(float));
}

TEST_P(BitconvTest, PointwiseWorkHasNoSegments) {
  for (const int outputs : {1, 16, 40}) {
    expect_case({.name = "pointwise",
                 .h = 3,
                 .w = 7,
                 .outputs = outputs,
                 .kernel_h = 1,
                 .kernel_w = 1,
                 .batch = 2,
                 .segments = {},
                 .residual = true},
                1, 3);
  }
}

TEST_P(BitconvTest, LongSumsOfBytesDoNotOverflow) {
  // 9 * 12 words per window: beyond what a byte can count.
  expect_case(
      {.name = "384 channels", .h = 4, .w = 4, .segments = {{SegmentKind::bits, 384, 1, 1}}});
  // All bits differ: the largest counts.
  for (const int bits : {1, 2}) {
    expect_case({.name = "all differ",
                 .h = 3,
                 .w = 3,
                 .segments = {{SegmentKind::bits, 512, bits, bits, /*all_differ=*/true}}},
                3);
  }
}

TEST_P(BitconvTest, ResultsDoNotDependOnTheWorkers) {
  for (const int workers : {2, 3, 4, 7}) {
    expect_case({.name = "7x7 map",
                 .h = 7,
                 .w = 7,
                 .outputs = 80,
                 .segments = {{SegmentKind::bits, 64, 2, 2}},
                 .residual = true},
                1, workers);
    expect_case({.name = "more workers than rows",
                 .h = 1,
                 .w = 3,
                 .outputs = 16,
                 .segments = {{SegmentKind::int8, 20}}},
                1, workers);
  }
}

TEST_P(BitconvTest, DescriptionsThatDoNotFitAreRefused) {
  const BitconvCase c{.name = "refused", .segments = {{SegmentKind::bits, 32, 2, 2}}};
  Stream& stream = stream_of(GetParam());
  const auto refused = [&](auto&& change, const char* message) {
    BitconvProblem problem(c, 1);
    problem.add_outputs();
    change(problem.description);
    return throws_error([&] { prepare_bitconv(stream, problem.description); }, message);
  };
  const auto bits = [](BitconvDescription& d) -> BitSegment& {
    return std::get<BitSegment>(d.segments[0]);
  };
  EXPECT_TRUE(refused([&](auto& d) { bits(d).channels = 31; }, "weight codes has"));
  EXPECT_TRUE(refused([&](auto& d) { bits(d).weight_bits = 9; }, "weight bits is 9"));
  EXPECT_TRUE(refused([&](auto& d) { bits(d).weight_codes[5] = 4; }, "weight code 4 in 2 bits"));
  EXPECT_TRUE(refused([&](auto& d) { bits(d).input_basis[0] = NAN; }, "input basis contains"));
  EXPECT_TRUE(refused([](auto& d) { d.segments.push_back(d.segments[0]); }, "64 channels in sum"));
  EXPECT_TRUE(refused([](auto& d) { d.scale.pop_back(); }, "scale has 15 elements, expected 16"));
  EXPECT_TRUE(refused([](auto& d) { d.float_outputs[1].shift.clear(); }, "scale without shift"));
  EXPECT_TRUE(refused([](auto& d) { d.symbol_outputs[0].signs[0] = 0; }, "neither +1 nor -1"));
  EXPECT_TRUE(refused([](auto& d) { d.symbol_outputs[0].symbols[0] = 4; }, "larger than 3"));
  EXPECT_TRUE(refused([](auto& d) { d.symbol_outputs[0].thresholds[0] = NAN; }, "threshold 0"));
  EXPECT_TRUE(refused([](auto& d) { d.geometry.n = 2; }, "expected one image"));
  EXPECT_TRUE(refused([](auto& d) { d.segments.resize(9, d.segments[0]); }, "9 segments"));
  EXPECT_TRUE(refused([](auto& d) { d.float_outputs.resize(5); }, "5 float"));
  EXPECT_TRUE(refused([](auto& d) { d.symbol_outputs.resize(5); }, "5 symbol"));
  const auto coded = [](BitconvDescription& d) -> CodedFloatSegment& {
    return std::get<CodedFloatSegment>(
        d.segments[0] = CodedFloatSegment{.channels = 32,
                                          .weight_bits = 2,
                                          .weight_codes = std::vector<std::uint8_t>(16 * 9 * 32, 3),
                                          .weight_basis = std::vector(32, 1.0F)});
  };
  EXPECT_TRUE(refused([&](auto& d) { coded(d).weight_codes[5] = 4; }, "weight code 4 in 2 bits"));
  EXPECT_TRUE(refused([&](auto& d) { coded(d).weight_basis.pop_back(); }, "weight basis has 31"));
  EXPECT_TRUE(
      refused([&](auto& d) { coded(d).weight_basis.assign(32, 2e38F); }, "channel 0 reach"));
}

INSTANTIATE_TEST_SUITE_P(Backends, BitconvTest, ::testing::ValuesIn(all_backends()),
                         backend_case_name);

}  // namespace
}  // namespace lq::testing
