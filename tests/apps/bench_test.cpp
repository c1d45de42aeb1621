// lqnet bench, as users call it.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <sstream>

#include "tests/apps/process.h"
#include "tests/apps/xml.h"

namespace lq::testing {
namespace {

const std::vector<std::string> small_network = {"bench",   "network", "--model",  "small-cnn",
                                                "--input", "8x8x3",   "--rounds", "2"};

std::vector<std::string> with(std::vector<std::string> words,
                              const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

TEST(BenchTest, OnlyWhatCountsBitsHasAShareOfThePeak) {
  const std::vector<std::string> command = {"bench",  "conv",    "--shape",  "32,32,6,6,3,1",
                                            "--bits", "1/1,3/3", "--rounds", "1"};
  const ProcessResult json = run_lqnet(with(command, {"--json"}));
  ASSERT_EQ(json.exit_code, 0) << json.err;
  const nlohmann::json rows = json.json()["convolutions"];
  EXPECT_GT(rows[0]["peak_percent"], 0.0);
  EXPECT_EQ(rows[1]["arithmetic"], "int8");
  EXPECT_TRUE(rows[1]["peak_percent"].is_null());

  const ProcessResult text = run_lqnet(command);
  EXPECT_NE(text.out.find(" -\n"), std::string::npos) << text.out;
}

TEST(BenchTest, SpeedsOfConvolutionsHaveGeometricMeans) {
  const ProcessResult result =
      run_lqnet({"bench", "conv", "--shape", "32,32,6,6,3,1;32,32,4,4,3,1", "--bits", "1/1,1/2",
                 "--batch", "1,2", "--rounds", "1", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const nlohmann::json report = result.json();
  EXPECT_FALSE(report["isa"].get<std::string>().empty());
  const nlohmann::json means = report["geometric_means"];
  ASSERT_EQ(means.size(), 4U);
  for (const nlohmann::json& mean : means) {
    double product = 1;
    int layers = 0;
    for (const nlohmann::json& row : report["convolutions"]) {
      const bool is_meant =
          std::ranges::all_of(std::array{"w_bits", "a_bits", "batch", "threads"},
                              [&](const char* key) { return row.at(key) == mean.at(key); });
      if (!is_meant) continue;
      product *= row["fp32_us"].get<double>() / row["us"].get<double>();
      ++layers;
    }
    EXPECT_EQ(layers, 2);
    EXPECT_NEAR(mean["x_fp32"].get<double>(), std::sqrt(product), 1e-9);
    EXPECT_GT(mean["x_int8"], 0.0);
  }
}

TEST(BenchTest, TellsWhichNetworkRan) {
  const std::vector<std::string> command = {"bench",   "network", "--model",  "resnet18",
                                            "--input", "32x32x3", "--rounds", "1"};
  const ProcessResult usual = run_lqnet(with(command, {"--w-bits", "1", "--json"}));
  ASSERT_EQ(usual.exit_code, 0) << usual.err;
  const nlohmann::json row = usual.json()[0];
  EXPECT_EQ(row["model"], "resnet18");
  EXPECT_EQ(row["variant"], "type-b");
  EXPECT_EQ(row["w_bits"], 1);
  EXPECT_EQ(row["a_bits"], 2);
  EXPECT_EQ(row["input"], nlohmann::json({32, 32, 3}));
  EXPECT_FALSE(row["isa"].get<std::string>().empty());
  const auto label_of = [&](const std::vector<std::string>& more) {
    const std::string text = run_lqnet(with(command, more)).out;
    const std::size_t begin = text.find("resnet18");
    return text.substr(begin, text.find("  ", begin) - begin);
  };
  EXPECT_EQ(label_of({"--w-bits", "1"}), "resnet18 1/2");
  EXPECT_EQ(label_of({"--variant", "type-b"}), "resnet18 2/2");
  EXPECT_EQ(label_of({"--variant", "type-a", "--quantizer", "dorefa"}),
            "resnet18 2/2 (type-a, dorefa)");
}

TEST(BenchTest, ShowsTheLayersOfANetwork) {
  const ProcessResult json = run_lqnet(with(small_network, {"--layers", "--json"}));
  ASSERT_EQ(json.exit_code, 0) << json.err;
  const auto layers = json.json()[0]["layers"];
  ASSERT_EQ(layers.size(), 5U);
  EXPECT_EQ(layers[0]["layer"], "conv0");
  EXPECT_EQ(layers[0]["arithmetic"], "floats");
  EXPECT_TRUE(layers[0]["peak_percent"].is_null());
  EXPECT_EQ(layers[1]["arithmetic"], "bits");
  EXPECT_GT(layers[1]["peak_percent"], 0.0);
  EXPECT_TRUE(layers[3]["arithmetic"].is_null());

  const ProcessResult text = run_lqnet(with(small_network, {"--layers", "--batch", "1,2"}));
  ASSERT_EQ(text.exit_code, 0) << text.err;
  EXPECT_NE(text.out.find("Layers of small-cnn 2/2, batch 2, 1 thread,"), std::string::npos)
      << text.out;
  EXPECT_FALSE(run_lqnet(with(small_network, {"--json"})).json()[0].contains("layers"));
}

TEST(BenchTest, DrawsNetworks) {
  const TemporaryFolder folder;
  const ProcessResult result = run_lqnet(
      with(small_network, {"--batch", "1,2", "--chart", "speed.svg"}), {.folder = folder.path()});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const std::string chart = content_of(folder / "speed.svg");
  EXPECT_EQ(XmlReader(chart).error(), "");
  EXPECT_NE(chart.find("small-cnn 2/2, batch 2<"), std::string::npos) << chart;
}

TEST(BenchTest, PredictsAndSaysSo) {
  const std::vector<std::string> command = {"bench", "gpu-model", "--shape", "64,64,56,56,3,1",
                                            "--gpu", "A100",      "--gpu",   "RTX 4090"};
  const ProcessResult text = run_lqnet(command);
  ASSERT_EQ(text.exit_code, 0) << text.err;
  EXPECT_NE(text.out.find("nobody has measured any of them"), std::string::npos) << text.out;

  const nlohmann::json report = run_lqnet(with(command, {"--json", "--batch", "8"})).json();
  EXPECT_FALSE(report["measured"].get<bool>());
  ASSERT_EQ(report["convolutions"].size(), 2U);
  EXPECT_EQ(report["convolutions"][0]["gpu"], "A100");
  EXPECT_EQ(report["convolutions"][1]["gpu"], "RTX 4090");
  EXPECT_EQ(report["convolutions"][0]["batch"], 8);
  ASSERT_EQ(report["sums"].size(), 2U);
  EXPECT_EQ(report["sums"][1]["gpu"], "RTX 4090");
  EXPECT_EQ(report["sums"][1]["us"], report["convolutions"][1]["us"]);
  EXPECT_NEAR(
      report["sums"][1]["images_per_s"].get<double>() * report["sums"][1]["us"].get<double>(), 8e6,
      1e-3);
  const nlohmann::json sums = run_lqnet(with(command, {"--json", "--batch", "8", "--sums"})).json();
  EXPECT_EQ(sums["sums"], report["sums"]);
  EXPECT_FALSE(sums.contains("convolutions"));

  const ProcessResult refused = run_lqnet({"bench", "gpu-model", "--gpu", "V100"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.err.find("--gpu: 'V100' is not known, expected one of: T4, A100, RTX 4090, "
                             "H100, B200"),
            std::string::npos)
      << refused.err;
}

TEST(BenchTest, ThePageOfTheModelHasItsOutput) {
  const std::string page = content_of(LQNET_GPU_MODEL_PAGE);
  for (const std::string options :
       {"--suite resnet18-all --gpu A100", "--suite resnet18-all --sums"}) {
    const std::string command = "lqnet bench gpu-model " + options;
    std::istringstream words(command.substr(command.find(' ')));
    const std::vector<std::string> arguments{std::istream_iterator<std::string>(words), {}};
    const ProcessResult result = run_lqnet(arguments);
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_NE(page.find("$ " + command + "\n" + result.out + "```"), std::string::npos)
        << command << " prints\n"
        << result.out;
  }
}

}  // namespace
}  // namespace lq::testing
