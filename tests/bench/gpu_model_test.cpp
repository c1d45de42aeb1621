// Predictions against arithmetic that is written out here.

#include "bench/gpu_model.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/errors.h"

namespace lq::bench {
namespace {

using kernels::cuda::BitconvTile;
using testing::throws_error;

ConvolutionShape layer_64x56x56() { return parse_convolution_shape("64,64,56,56,3,1"); }

constexpr double a100_clocks_per_us = 1410;

TEST(GpuModelTest, WideTilesOfALargeMap) {
  const GpuPrediction p =
      predict_convolution(gpu_spec("A100"), layer_64x56x56(), {.weights = 1, .activations = 2}, 64);
  // 64 x 3136 pixels in tiles of 128; 15 of them for the fullest of 108 multiprocessors, which has
  // two at a time: 63504 bytes of shared memory each, of 164 KiB, and registers for no more.
  EXPECT_EQ(p.plan.tile, BitconvTile::wide);
  EXPECT_EQ(p.plan.splits, 1);
  EXPECT_EQ(p.grid.blocks(), 1568);
  EXPECT_EQ(p.resident_blocks, 2);
  EXPECT_EQ(p.waves, 8);
  EXPECT_EQ(p.steps, 3);  // 9 taps of 2 words, by 8

  // A step: 8 x 8 products for each of two planes, 2 x 16 x 8 x 256 operations, 32768 per clock.
  EXPECT_DOUBLE_EQ(p.times.tensor, 15 * 3 * (128 * 65536.0 / 32768) / a100_clocks_per_us);
  EXPECT_EQ(p.times.expansion, 0);
  // Four warps read 2 x 64 rows and 32 columns of 32 bytes; 2 x 128 rows and 64 columns are copied.
  EXPECT_DOUBLE_EQ(p.times.shared, 15 * 3 * ((4 * 160 + 320) * 32) / 128.0 / a100_clocks_per_us);
  // 5120 bytes per clock for all, which takes longer than 64 bytes per clock for the fullest.
  EXPECT_DOUBLE_EQ(p.times.cache, 1568 * 3 * 10240 / 5120.0 / a100_clocks_per_us);
  // Two planes of two words a pixel, on both sides, and 3 x 8 words for 64 channels; 1555 GB/s.
  EXPECT_DOUBLE_EQ(p.times.memory, 4 * (2 * (2 * 200704 * 2) + 24 * 64) / 1555e3);
  // Two stages: eight copies of eight bytes for a row of two steps, so 16 rows at once and eight
  // rounds. A step: 10 loads of four matrices, and 32 products.
  const double staging = 100 + 8 * (10 + 2 * 3);
  const double step = 8 + 2 * 10 + 32;
  EXPECT_DOUBLE_EQ(p.times.instructions, 15 * (200 + 2 * staging + 3 * step) / a100_clocks_per_us);
  const double stage = 2 * (staging + 2 * step);
  EXPECT_DOUBLE_EQ(p.times.latency, 8 * (2 * 200 + 300 + 2 * stage) / a100_clocks_per_us);
  // 64 values of a thread, and 64 runs of 32 channels of a warp with three thresholds, by sixteens.
  const double values = 64 * (3 + 2 * 3 + 7 + 3 * 3);
  const double group = 75 + 3 * 5;
  // Fifteen blocks of four warps, a scheduler for each; by their latency, 8 waves would take less.
  EXPECT_DOUBLE_EQ(p.times.epilogue, 15 * (values + 4 * group) / a100_clocks_per_us);
  EXPECT_LT(8 * (1.5 * values + 4 * (2 * group + 3 * 33)), 15 * (values + 4 * group));

  EXPECT_DOUBLE_EQ(p.us, 1.5 + p.times.latency + p.times.epilogue);
  EXPECT_EQ(p.limit, "epilogue");
  EXPECT_NEAR(p.tensor_bound_us, 4.0 * 9 * 64 * 64 * 200704 / (32768.0 * 108 * 1410), 1e-9);
  EXPECT_DOUBLE_EQ(p.ratio(), p.us / p.tensor_bound_us);
}

TEST(GpuModelTest, SplitTilesOfASmallMap) {
  const GpuPrediction p =
      predict_convolution(gpu_spec("A100"), parse_convolution_shape("512,512,7,7,3,1"),
                          {.weights = 1, .activations = 2}, 1);
  // 49 pixels and 512 channels in tiles of 32 x 32; 9 taps of 16 words are 18 steps, at least four
  // for a part. 128 blocks: two for the fullest multiprocessor, which has room for five.
  EXPECT_EQ(p.plan.tile, BitconvTile::small);
  EXPECT_EQ(p.plan.splits, 4);
  EXPECT_EQ(p.grid.tiles(), 32);
  EXPECT_EQ(p.grid.blocks(), 128);
  EXPECT_EQ(p.resident_blocks, 5);
  EXPECT_EQ(p.waves, 1);
  EXPECT_EQ(p.steps, 18);

  // The longest part has 5 steps, of 2 x 4 products for two planes.
  EXPECT_DOUBLE_EQ(p.times.tensor, 2 * 5 * (16 * 65536.0 / 32768) / a100_clocks_per_us);
  EXPECT_DOUBLE_EQ(p.times.shared, 2 * 5 * ((4 * 48 + 96) * 32) / 128.0 / a100_clocks_per_us);
  // And two sums of 4 bytes for each of 32 x 32 results, there and back; the port is slower.
  EXPECT_DOUBLE_EQ(p.times.cache, 2 * (5 * 96 * 32 + 2 * 4 * 2 * 1024) / 64.0 / a100_clocks_per_us);
  EXPECT_DOUBLE_EQ(p.times.memory, 4 * (2 * (2 * 49 * 16) + 18 * 8 * 512) / 1555e3);
  // Three stages, whose 32 rows are copied in one round, 16 bytes at a time.
  const double staging = 100 + 10 + 2 * 3;
  const double step = 8 + 2 * 3 + 4;
  EXPECT_DOUBLE_EQ(p.times.instructions, 2 * (200 + 3 * staging + 5 * step) / a100_clocks_per_us);
  EXPECT_DOUBLE_EQ(p.times.latency,
                   (2 * 200 + 300 + 3 * 2 * (staging + 2 * step)) / a100_clocks_per_us);
  // One block finishes a tile, with the sums of four.
  const double values = 8 * (3 + 2 * 3 + 3 * 4 * 2 + 7 + 3 * 3);
  EXPECT_DOUBLE_EQ(p.times.epilogue,
                   (3 * 300 + 1.5 * values + 2 * 90 + 3 * 33) / a100_clocks_per_us);
  EXPECT_DOUBLE_EQ(p.us, 1.5 + p.times.latency + p.times.epilogue);
}

TEST(GpuModelTest, ArchitecturesMultiplyDifferently) {
  const BitWidths widths{.weights = 1, .activations = 2};
  // 9.0, small tiles: each of two warps across multiplies a column of ones besides, so 2 x 6
  // products for each of two planes. Two blocks of 196.
  const GpuPrediction hopper = predict_convolution(gpu_spec("H100"), layer_64x56x56(), widths, 1);
  EXPECT_DOUBLE_EQ(hopper.times.tensor, 2 * 3 * 2 * (12 * 65536.0 / 36864) / 1830);
  // 10.0: 8 slices of bytes, 2 x 16 x 8 x 32 operations each. 11 blocks.
  const GpuPrediction blackwell =
      predict_convolution(gpu_spec("B200"), layer_64x56x56(), widths, 64);
  EXPECT_DOUBLE_EQ(blackwell.times.tensor, 11 * 3 * (8 * 128 * 8192.0 / 4096) / 1850);
  // A warp's slice: 3 operations for two words of 4 x 8 columns, 2 for four words of 2 x 4 x 16
  // rows; four warps of 32 lanes, 64 operations per clock.
  EXPECT_DOUBLE_EQ(blackwell.times.expansion,
                   11 * 3 * 8 * (3 * 2 * 4 + 2 * 4 * 8) * 4 * 32 / 64.0 / 1850);
  // 7.5: four products for one, copies are waited for, and shared memory for one block. 40 blocks.
  const GpuPrediction turing = predict_convolution(gpu_spec("T4"), layer_64x56x56(), widths, 64);
  EXPECT_EQ(turing.resident_blocks, 1);
  EXPECT_EQ(turing.waves, 40);
  const double stage = 300 + 2 * (228 + 2 * (28 + 4 * 32));
  EXPECT_DOUBLE_EQ(turing.times.latency, 40 * (2 * 200 + 300 + 2 * stage) / 1590);
}

TEST(GpuModelTest, WarpgroupsOfALargeMap) {
  const GpuPrediction p =
      predict_convolution(gpu_spec("H100"), parse_convolution_shape("128,128,28,28,3,1"),
                          {.weights = 1, .activations = 2}, 64);
  // 64 x 784 pixels in tiles of 64 by 128 channels: six for the fullest of 132 multiprocessors,
  // which has two at a time.
  ASSERT_EQ(p.warpgroups, kernels::cuda::WarpgroupTile::wide);
  EXPECT_EQ(p.grid.blocks(), 784);
  EXPECT_EQ(p.resident_blocks, 2);
  EXPECT_EQ(p.waves, 3);
  EXPECT_EQ(p.steps, 5);  // 9 taps of 4 words, by 8
  // 16 columns of ones besides.
  constexpr double clocks_per_us = 1830;
  EXPECT_DOUBLE_EQ(p.times.tensor, 6 * 5 * 2 * (2.0 * 64 * 144 * 256 / (8 * 8192)) / clocks_per_us);
  // Rows and columns are read for each of two planes; columns are copied once, and come to two
  // blocks together.
  const double inputs = 5 * 2 * 64 * 32;
  const double weights = 5 * 128 * 32;
  const double reads = 5 * 2 * (64 + 144) * 32;
  EXPECT_DOUBLE_EQ(p.times.shared, 6 * (reads + inputs + weights) / 128 / clocks_per_us);
  EXPECT_DOUBLE_EQ(p.times.cache, 784 * (inputs + weights / 2) / (32 * 132) / clocks_per_us);
  // Three stages; eight warps begin a block, four copy and four multiply.
  const double copying = 90 + 25;
  EXPECT_DOUBLE_EQ(p.times.instructions,
                   6 * (2 * 200 + 3 * (copying + 36) + 5 * 2) / clocks_per_us);
  EXPECT_DOUBLE_EQ(p.times.latency, 3 * (2 * 200 + 300 + 3 * 2 * copying) / clocks_per_us);
  // A thread of the four warps that multiply has 64 values: 25 instructions each, and four groups.
  EXPECT_DOUBLE_EQ(p.times.epilogue, 6 * (64 * 25 + 4 * 90) / clocks_per_us);
  EXPECT_NEAR(p.tensor_bound_us, 4.0 * 9 * 128 * 128 * 50176 / (65536.0 * 132 * 1830), 1e-9);
}

TEST(GpuModelTest, BytesAreOneWalkWithoutExpansion) {
  const GpuPrediction p =
      predict_convolution(gpu_spec("B200"), layer_64x56x56(), {.weights = 3, .activations = 3}, 64);
  EXPECT_EQ(p.steps, 18);  // 9 taps of 64 bytes, by 32
  EXPECT_EQ(p.times.expansion, 0);
  EXPECT_DOUBLE_EQ(p.times.tensor, 11 * 18 * (64 * 8192.0 / 4096) / 1850);
  EXPECT_NEAR(p.tensor_bound_us, 2.0 * 9 * 64 * 64 * 200704 / (4096.0 * 148 * 1850), 1e-9);
  EXPECT_TRUE(throws_error(
      [] {
        predict_convolution(gpu_spec("A100"), parse_convolution_shape("6,8,4,4,3,1"),
                            {.weights = 3, .activations = 3}, 1);
      },
      "has 6 channels of bytes, expected a multiple of 4"));
}

TEST(GpuModelTest, SeveralPlanesOfWeightsAreWalksOfTheirOwn) {
  const GpuSpec gpu = gpu_spec("A100");
  const ConvolutionShape shape = parse_convolution_shape("128,128,28,28,3,1");
  const GpuPrediction one = predict_convolution(gpu, shape, {.weights = 1, .activations = 2}, 16);
  const GpuPrediction two = predict_convolution(gpu, shape, {.weights = 2, .activations = 2}, 16);
  ASSERT_EQ(one.plan.tile, two.plan.tile);
  EXPECT_DOUBLE_EQ(two.times.tensor, 2 * one.times.tensor);
  // What comes before the first walk is done once.
  EXPECT_GT(two.times.latency, 1.5 * one.times.latency);
  EXPECT_LT(two.times.latency, 2 * one.times.latency);
}

TEST(GpuModelTest, NothingBeatsThePeakAndMoreImagesWithTheSameTilesNeverTakeLessTime) {
  for (const std::string& name : gpu_names()) {
    const GpuSpec gpu = gpu_spec(name);
    for (const ConvolutionShape& shape : convolution_suite("resnet18-all")) {
      for (const BitWidths widths : {BitWidths{1, 1}, {1, 2}, {2, 2}, {3, 3}}) {
        SCOPED_TRACE(name + " " + shape.name + " " + widths.to_string());
        GpuPrediction last = predict_convolution(gpu, shape, widths, 1);
        for (std::int64_t batch = 1; batch <= 256; ++batch) {
          const GpuPrediction p = predict_convolution(gpu, shape, widths, batch);
          EXPECT_GE(p.times.tensor * (1 + 1e-12), p.tensor_bound_us) << batch;
          EXPECT_GT(p.us, p.times.tensor) << batch;
          // Nothing is said about where the tiles change.
          if (p.warpgroups == last.warpgroups && p.plan.tile == last.plan.tile &&
              p.plan.splits == last.plan.splits) {
            EXPECT_GE(p.us, last.us) << batch;
          }
          last = p;
        }
      }
    }
  }
}

TEST(GpuModelTest, UnknownGpusAreRefusedWithTheNames) {
  EXPECT_TRUE(throws_error([] { gpu_spec("V100"); },
                           "no GPU 'V100', expected one of T4, A100, RTX 4090, H100, B200"));
  EXPECT_TRUE(throws_error(
      [] {
        predict_convolution(gpu_spec("T4"), layer_64x56x56(), {1, 1}, 0);
      },
      "batch is 0"));
}

TEST(GpuModelTest, DevicesAreKnownByWordsAndCounts) {
  struct Row {
    const char* device;
    int compute_capability;
    int multiprocessors;
    const char* spec;  // "": none
  };
  // As drivers name them; counts are NVIDIA's.
  for (const Row& row : {Row{"Tesla T4", 75, 40, "T4"},
                         {"NVIDIA A100-SXM4-40GB", 80, 108, "A100"},
                         {"NVIDIA A100-PCIE-40GB", 80, 108, "A100"},
                         {"NVIDIA GeForce RTX 4090", 89, 128, "RTX 4090"},
                         {"NVIDIA H100 80GB HBM3", 90, 132, "H100"},
                         {"NVIDIA B200", 100, 148, "B200"},
                         {"NVIDIA RTX A1000", 86, 18, ""},
                         {"NVIDIA T400", 75, 6, ""},
                         {"NVIDIA T400 4GB", 75, 6, ""},
                         {"NVIDIA A100-SXM4-40GB MIG 1g.5gb", 80, 14, ""},
                         {"NVIDIA GeForce RTX 4090 Laptop GPU", 89, 76, ""},
                         {"NVIDIA GeForce RTX 4090 D", 89, 114, ""},
                         {"NVIDIA H100 PCIe", 90, 114, ""},
                         {"NVIDIA H100 NVL", 90, 132, ""},
                         {"Emulated device", 80, 108, ""}}) {
    const std::optional<GpuSpec> found =
        find_gpu_spec({row.device, row.compute_capability, row.multiprocessors});
    EXPECT_EQ(found ? found->name : "", row.spec) << row.device;
  }
  // A name alone is not enough: words are whole, and counts are compared.
  EXPECT_FALSE(find_gpu_spec({"NVIDIA RTX A1000", 80, 108}).has_value());
  EXPECT_FALSE(find_gpu_spec({"NVIDIA T400", 75, 40}).has_value());
  EXPECT_FALSE(find_gpu_spec({"NVIDIA A100", 80, 107}).has_value());
  EXPECT_FALSE(find_gpu_spec({"NVIDIA A100", 86, 108}).has_value());
}

}  // namespace
}  // namespace lq::bench
