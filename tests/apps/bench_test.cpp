// lqnet bench conv and lqnet bench network, as users call them.

#include <gtest/gtest.h>

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
  EXPECT_GT(json.json()[0]["peak_percent"], 0.0);
  EXPECT_EQ(json.json()[1]["arithmetic"], "int8");
  EXPECT_TRUE(json.json()[1]["peak_percent"].is_null());

  const ProcessResult text = run_lqnet(command);
  EXPECT_NE(text.out.find(" -\n"), std::string::npos) << text.out;
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
  EXPECT_NE(text.out.find("Layers of small-cnn, batch 2, 1 threads"), std::string::npos)
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
  EXPECT_NE(chart.find("small-cnn, batch 2<"), std::string::npos) << chart;
}

}  // namespace
}  // namespace lq::testing
