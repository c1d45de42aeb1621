#include <gtest/gtest.h>

#include "tests/apps/process.h"

namespace lq::testing {
namespace {

nlohmann::json info(const std::string& model, const std::string& w_bits,
                    const std::string& a_bits) {
  const ProcessResult result =
      run_lqnet({"info", "--model", model, "--w-bits", w_bits, "--a-bits", a_bits, "--json"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  return result.json();
}

TEST(InfoTest, TotalsAreThoseOfTheSpecification) {
  const nlohmann::json resnet = info("resnet20", "2", "2")["totals"];
  EXPECT_EQ(resnet["weights"], 268336);
  EXPECT_EQ(resnet["macs"], 40551040);
  EXPECT_NEAR(resnet["quantized_mac_percent"], 98.9, 0.05);
  EXPECT_NEAR(resnet["fp32_bytes"].get<double>() / (1 << 20), 1.03, 0.005);
  EXPECT_NEAR(resnet["packed_bytes"].get<double>() / (1 << 20), 0.08, 0.005);
  EXPECT_NEAR(resnet["compression"], 12.4, 0.05);

  const nlohmann::json vgg = info("vgg-small", "1", "2")["totals"];
  EXPECT_EQ(vgg["weights"], 4656512);
  EXPECT_EQ(vgg["macs"], 607600640);
  EXPECT_NEAR(vgg["quantized_mac_percent"], 99.4, 0.05);
  EXPECT_NEAR(vgg["packed_bytes"].get<double>() / (1 << 20), 0.90, 0.005);
  EXPECT_NEAR(vgg["compression"], 19.7, 0.05);
}

TEST(InfoTest, NetworksForImageNetHaveItsTaskByThemselves) {
  const ProcessResult result = run_lqnet({"info", "--model", "resnet18", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const nlohmann::json report = result.json();
  EXPECT_EQ(report["variant"], "type-b");
  EXPECT_EQ(report["classes"], 1000);
  EXPECT_EQ(report["input"], nlohmann::json::array({224, 224, 3}));
  EXPECT_NEAR(report["totals"]["macs"].get<double>(), 1.814e9, 0.0005e9);

  const ProcessResult small = run_lqnet({"info", "--model", "resnet18", "--variant", "type-a",
                                         "--classes", "7", "--input", "32x32x1", "--json"});
  ASSERT_EQ(small.exit_code, 0) << small.err;
  EXPECT_EQ(small.json()["variant"], "type-a");
  EXPECT_EQ(small.json()["layers"].back()["output"], nlohmann::json::array({7}));
  EXPECT_EQ(small.json()["input"], nlohmann::json::array({32, 32, 1}));
}

TEST(InfoTest, LayersAddUpToTheTotals) {
  const nlohmann::json report = info("resnet20", "3", "2");
  EXPECT_EQ(report["model"], "resnet20");
  EXPECT_EQ(report["input"], nlohmann::json::array({32, 32, 3}));
  EXPECT_EQ(report["layers"][0]["input"], report["input"]);
  EXPECT_EQ(report["layers"].size(), 20U);
  std::int64_t weights = 0;
  std::int64_t macs = 0;
  std::int64_t packed_bytes = report["totals"]["batch_norm_bytes"];
  for (const nlohmann::json& layer : report["layers"]) {
    weights += layer["weights"].get<std::int64_t>();
    macs += layer["macs"].get<std::int64_t>();
    packed_bytes += layer["packed_bytes"].get<std::int64_t>();
  }
  EXPECT_EQ(report["totals"]["weights"], weights);
  EXPECT_EQ(report["totals"]["macs"], macs);
  EXPECT_EQ(report["totals"]["packed_bytes"], packed_bytes);
}

TEST(InfoTest, TableShowsEveryLayer) {
  const ProcessResult result = run_lqnet({"info", "--model", "small-cnn", "--input", "8x8x1",
                                          "--classes", "3", "--w-bits", "1", "--a-bits", "32"});
  EXPECT_EQ(result.exit_code, 0);
  for (const char* part :
       {"small-cnn, 1-bit weights, float activations (lq)", "conv0", "conv1", "conv2d 3x3/2", "fc",
        "linear", "1/32", "batch normalizations", "total", "packed size"}) {
    EXPECT_NE(result.out.find(part), std::string::npos) << part << " is missing in\n" << result.out;
  }
}

}  // namespace
}  // namespace lq::testing
