// lqnet bench cuda, as users call it. On the emulated device its times mean nothing.
#if defined(LQNET_WITH_CUDA)

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/apps/process.h"
#include "tests/support/backends.h"
#include "tests/support/environment.h"

namespace lq::testing {
namespace {

using Json = nlohmann::json;

class BenchCudaTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_cuda_device()) GTEST_SKIP() << "needs a CUDA device";
  }

  static ProcessResult bench(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     {"bench", "cuda", "--rounds", "2", "--repeats", "1", "--no-verify"});
    return run_lqnet(arguments);
  }
  static Json report(std::vector<std::string> arguments) {
    arguments.emplace_back("--json");
    const ProcessResult result = bench(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.json();
  }

  /// The least time of libraries with these numbers; 0 where there is none.
  static double fastest(const Json& row, const std::string& numbers) {
    double least = 0;
    for (const Json& peer : row["peers"]) {
      if (peer["numbers"] != numbers || peer["us"].is_null()) continue;
      const double us = peer["us"];
      if (least == 0 || us < least) least = us;
    }
    return least;
  }
};

/// A convolution, and one that is a product.
const std::vector<std::string> two_layers = {
    "--shape", "16,32,6,6,3,1;64,64,4,4,1,1", "--bits", "1/2,3/3", "--batch", "1,2"};

TEST_F(BenchCudaTest, LibrariesTakeTurnsWithEachLayer) {
  const Json all = report(two_layers);
  ASSERT_EQ(all["convolutions"].size(), 8U);
  ASSERT_EQ(all["libraries"].size(), 2U);
  for (const Json& row : all["convolutions"]) {
    const bool is_product = row["layer"] == "64x4x4 k1";
    EXPECT_EQ(row["peers"].size(), is_product ? 4U : 2U) << row;
    for (const Json& peer : row["peers"]) {
      EXPECT_GT(peer["us"], 0.0) << row;
      EXPECT_FALSE(peer.contains("missing")) << row;
    }
    for (const std::string numbers : {"fp16", "int8"}) {
      EXPECT_NEAR(row["x_" + numbers].get<double>(),
                  fastest(row, numbers) / row["us"].get<double>(), 1e-9);
    }
    EXPECT_TRUE(row["published"].empty());
  }
  ASSERT_EQ(all["geometric_means"].size(), 4U);
  for (const Json& mean : all["geometric_means"]) {
    double product = 1;
    int layers = 0;
    for (const Json& row : all["convolutions"]) {
      const bool is_meant = row["w_bits"] == mean["w_bits"] && row["a_bits"] == mean["a_bits"] &&
                            row["batch"] == mean["batch"];
      if (!is_meant) continue;
      product *= row["x_int8"].get<double>();
      ++layers;
    }
    EXPECT_EQ(layers, 2);
    EXPECT_NEAR(mean["x_int8"].get<double>(), std::sqrt(product), 1e-9);
  }
}

TEST_F(BenchCudaTest, TablesHaveAColumnForEachLibrary) {
  const ProcessResult text = bench({"--shape", "16,32,4,4,1,1", "--bits", "1/2", "--batch", "1"});
  ASSERT_EQ(text.exit_code, 0) << text.err;
  for (const std::string part :
       {"cuDNN fp16 us", "cuDNN int8 us", "cuBLAS fp16 us", "cuBLAS int8 us", "x fp16", "x int8",
        "mma ", " 32x32 ", "1/2, batch 1: ", " x fp16, "}) {
    EXPECT_NE(text.out.find(part), std::string::npos) << part << " in\n" << text.out;
  }
  EXPECT_EQ(text.out.find("Published"), std::string::npos) << text.out;

  const ProcessResult alone =
      bench({"--shape", "16,32,4,4,1,1", "--bits", "1/2", "--batch", "1", "--no-peers"});
  ASSERT_EQ(alone.exit_code, 0) << alone.err;
  EXPECT_EQ(alone.out.find("cuDNN"), std::string::npos) << alone.out;
  EXPECT_EQ(alone.out.find("x int8"), std::string::npos) << alone.out;
}

TEST_F(BenchCudaTest, WhatALibraryCannotDoHasADash) {
  // 3 x 5 x 5 bytes fill no words.
  const std::vector<std::string> odd = {"--shape", "3,5,5,5,3,2", "--bits", "1/2", "--batch", "1"};
  const Json row = report(odd)["convolutions"][0];
  EXPECT_TRUE(row["x_int8"].is_null());
  ASSERT_EQ(row["peers"].size(), 2U);
  for (const Json& peer : row["peers"]) {
    EXPECT_TRUE(peer["us"].is_null()) << peer;
    EXPECT_EQ(peer["missing"], "it has no way to compute this") << peer;
  }
  const ProcessResult text = bench(odd);
  EXPECT_NE(text.out.find("\n-  cuDNN int8: it has no way to compute this (3-5x5x5 s2 batch 1)\n"),
            std::string::npos)
      << text.out;
}

TEST_F(BenchCudaTest, EachRowSaysHowItWasComputed) {
  const Json all = report(two_layers);
  for (const Json& row : all["convolutions"]) {
    EXPECT_EQ(row["path"], "mma") << row;
    EXPECT_EQ(row["tile"], "32x32") << row;
    EXPECT_EQ(row["instructions"] == "s8", row["w_bits"] == 3) << row;
  }
  const EnvironmentScope direct("LQNET_CUDA_BITCONV", "direct");
  const Json other = report({"--shape", "64,64,4,4,1,1", "--bits", "1/2,3/3", "--batch", "1",
                             "--no-peers"})["convolutions"];
  for (const Json& row : other) {
    EXPECT_EQ(row["path"], "direct") << row;
    EXPECT_TRUE(row["tile"].is_null()) << row;
  }
  EXPECT_EQ(other[0]["instructions"], "popc");
  EXPECT_EQ(other[1]["instructions"], "dp4a");
}

TEST_F(BenchCudaTest, RunsMayRepeatTheLayerWithAColdCache) {
  const ProcessResult result = run_lqnet({"bench", "cuda", "--shape", "64,64,8,8,3,1", "--bits",
                                          "2/2", "--batch", "2", "--rounds", "1", "--repeats", "2",
                                          "--cold", "--no-peers", "--no-verify", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json all = result.json();
  EXPECT_EQ(all["repeats"], 2);
  EXPECT_EQ(all["cold"], true);
  EXPECT_GT(all["convolutions"][0]["us"], 0.0);
}

TEST_F(BenchCudaTest, PublishedTimesStandApart) {
  const std::vector<std::string> layer = {
      "--shape", "128,128,16,16,3,1", "--bits", "1/2,1/1", "--batch", "1,2", "--no-peers"};
  const Json all = report(layer);
  int with_bars = 0;
  for (const Json& row : all["convolutions"]) {
    if (row["published"].empty()) continue;
    ++with_bars;
    EXPECT_EQ(row["a_bits"], 2);
    EXPECT_EQ(row["batch"], 1);
    EXPECT_EQ(row["published"][0]["us"], 6.213);
    EXPECT_EQ(row["published"][0]["by"], "APNN-TC");
    EXPECT_NE(row["us"], 6.213);
  }
  EXPECT_EQ(with_bars, 1);

  const ProcessResult text = bench(layer);
  const std::size_t heading = text.out.find("\nPublished by others, not measured in this run:\n");
  ASSERT_NE(heading, std::string::npos) << text.out;
  EXPECT_GT(text.out.find("6.21  APNN-TC"), heading) << text.out;
  EXPECT_NE(text.out.find("APNN-TC: README of"), std::string::npos) << text.out;
}

/// Where the system's own libraries find no driver.
TEST_F(BenchCudaTest, MissingLibrariesAreExplained) {
  const Json all = report({"--shape", "16,32,4,4,1,1", "--bits", "1/2", "--batch", "1"});
  if (all["libraries"][0].get<std::string>().starts_with("cuDNN")) {
    GTEST_SKIP() << "the libraries are there";
  }
  const Json& row = all["convolutions"][0];
  EXPECT_GT(row["us"], 0.0);
  ASSERT_EQ(row["peers"].size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    const Json& peer = row["peers"][i];
    EXPECT_TRUE(peer["us"].is_null());
    const std::string library = peer["library"], missing = peer["missing"];
    EXPECT_FALSE(missing.empty());
    EXPECT_EQ(all["libraries"][i / 2], "no " + library + " (" + missing + ")");
  }
  EXPECT_TRUE(row["x_fp16"].is_null());
  EXPECT_TRUE(all["geometric_means"][0]["x_fp16"].is_null());
}

TEST_F(BenchCudaTest, EveryOperationIsVerifiedBeforeLayersAreTimed) {
  const ProcessResult result =
      run_lqnet({"bench", "cuda", "--shape", "16,32,4,4,1,1", "--bits", "1/2", "--batch", "1",
                 "--rounds", "1", "--repeats", "1", "--no-peers", "--json"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.json()["convolutions"].size(), 1U);
  const Json all = result.json()["verification"];
  EXPECT_FALSE(all["conv2d_by"].get<std::string>().empty());
  std::vector<std::string> names;
  for (const Json& row : all["operations"]) {
    names.push_back(row["operation"]);
    EXPECT_EQ(row["right"], true) << row;
    EXPECT_GT(row["values"], 0) << row;
  }
  for (const char* const name :
       {"batch_norm", "bitconv, small tiles in 3", "conv2d", "packed resnet20", "qem"}) {
    EXPECT_NE(std::ranges::find(names, name), names.end()) << name;
  }
}

TEST(BenchCudaOptionsTest, VerifyingDoesNotGoWithOptionsOfTiming) {
  EXPECT_TRUE(
      failed_with(run_lqnet({"bench", "cuda", "--verify", "--rounds", "2"}), 2, "--verify"));
  EXPECT_TRUE(
      failed_with(run_lqnet({"bench", "cuda", "--verify", "--no-verify"}), 2, "--no-verify"));
}

TEST(BenchCudaOptionsTest, TheCpuIsNoGpu) {
  EXPECT_TRUE(failed_with(run_lqnet({"bench", "cuda", "--device", "cpu"}), 2,
                          "--device: cpu given, expected cuda or cuda:<index>; lqnet bench conv "
                          "measures on the CPU"));
}

TEST(BenchCudaOptionsTest, WithoutAGpuThereIsNoAdviceToTakeTheCpu) {
  if (has_cuda_device()) GTEST_SKIP() << "there is one";
  EXPECT_TRUE(failed_with(run_lqnet({"bench", "cuda"}), 1, "bench gpu-model predicts"));
  EXPECT_TRUE(
      failed_with(run_lqnet({"bench", "train", "--device", "cuda"}), 1, ", use --device cpu\n"));
}

}  // namespace
}  // namespace lq::testing

#endif
