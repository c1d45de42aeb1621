// What commands say of the device that they compute on.

#include <gtest/gtest.h>

#include "core/io/safetensors.h"
#include "tests/apps/process.h"
#include "tests/apps/tiny_recipe.h"
#include "tests/support/backends.h"
#include "tests/support/environment.h"

namespace lq::testing {
namespace {

using Arguments = std::vector<std::string>;

/// Trains for a step and evaluates, in `folder`.
struct TrainedAndJudged {
  TrainedAndJudged(const TemporaryFolder& folder, const std::string& device) {
    write_recipe(folder / "tiny.json", tiny_recipe());
    training = run_lqnet({"train", "--recipe", folder / "tiny.json", "--max-steps", "1", "--out",
                          folder / "run", "--device", device, "--json"});
    evaluation =
        run_lqnet({"eval", "--checkpoint", folder / "run/last.safetensors", "--device", device});
  }

  ProcessResult training, evaluation;
};

void expect_device(const std::string& device, const std::string& description) {
  const TemporaryFolder folder;
  const TrainedAndJudged results(folder, device);
  ASSERT_EQ(results.training.exit_code, 0) << results.training.err;
  ASSERT_EQ(results.evaluation.exit_code, 0) << results.evaluation.err;
  EXPECT_NE(results.training.err.find("\ncomputed on " + description), std::string::npos)
      << results.training.err;
  EXPECT_TRUE(results.training.json()["device"].get<std::string>().starts_with(description));
  EXPECT_NE(results.evaluation.out.find("\ncomputed    on " + description), std::string::npos)
      << results.evaluation.out;
}

TEST(DeviceTest, TrainAndEvalSayWhereTheyCompute) { expect_device("cpu", "CPU with "); }

#if defined(LQNET_WITH_CUDA)
TEST(DeviceTest, cuda_TrainAndEvalSayWhereTheyCompute) {
  if (!has_cuda_device()) GTEST_SKIP() << "needs a CUDA device";
  const std::string device = device_backend(DeviceType::cuda).describe(0);
  expect_device("cuda", device + "; convolutions by ");
  // Stand-ins say that they are none of the real ones.
  if (!device.starts_with("Emulated")) return;
  const ProcessResult bench =
      run_lqnet({"bench", "train", "--device", "cuda", "--model", "small-cnn", "--input", "8x8x3",
                 "--batch", "2", "--steps", "1", "--warm-up", "0"});
  EXPECT_NE(bench.out.find("(emulated) in fp32, linear layers by cuBLAS 13.0.0 (emulated)"),
            std::string::npos)
      << bench.out << bench.err;
}

/// The parameters that own kernels have trained, with blocks in that order where the device is
/// emulated.
std::string trained_in_order(const TemporaryFolder& folder, const char* order) {
  const EnvironmentScope blocks("LQNET_EMULATED_ORDER", order);
  const std::string run = folder / order;
  const ProcessResult training = run_lqnet({"train", "--recipe", folder / "tiny.json",
                                            "--max-steps", "3", "--out", run, "--device", "cuda"});
  EXPECT_EQ(training.exit_code, 0) << training.err;
  std::string values;
  for (const auto& [name, tensor] : load_safetensors(run + "/last.safetensors").tensors) {
    const auto* const bytes = static_cast<const char*>(tensor.raw());
    values += name + ":" + std::string(bytes, tensor.bytes());
  }
  return values;
}

TEST(DeviceTest, cuda_ResultsDependNeitherOnTheRunNorOnTheOrderOfBlocks) {
  if (!has_cuda_device()) GTEST_SKIP() << "needs a CUDA device";
  const EnvironmentScope convolutions("LQNET_CUDA_CONV", "own"), layers("LQNET_CUDA_LINEAR", "own");
  const TemporaryFolder folder;
  write_recipe(folder / "tiny.json", tiny_recipe());
  const std::string expected = trained_in_order(folder, "forward");
  EXPECT_FALSE(expected.empty());
  for (const char* const order : {"reverse", "random:1", "random:2"}) {
    EXPECT_TRUE(trained_in_order(folder, order) == expected) << order;
  }
}

TEST(DeviceTest, cuda_RunsWhoseResultsMayVarySaySo) {
  if (!has_cuda_device()) GTEST_SKIP() << "needs a CUDA device";
  const EnvironmentScope scope("LQNET_CUDA_DETERMINISTIC", "0");
  const TemporaryFolder folder;
  const TrainedAndJudged results(folder, "cuda");
  const std::string remark = ", results may vary from run to run\n";
  EXPECT_NE(results.training.err.find(remark), std::string::npos) << results.training.err;
  EXPECT_NE(results.evaluation.out.find(remark), std::string::npos) << results.evaluation.out;
}

TEST(DeviceTest, cuda_StatisticsAreThoseOfTheCpu) {
  if (!has_cuda_device()) GTEST_SKIP() << "needs a CUDA device";
  const TemporaryFolder folder;
  const TrainedAndJudged trained(folder, "cpu");
  const auto statistics = [&](const char* layer, const char* device) {
    const ProcessResult result =
        run_lqnet({"stats", "--checkpoint", folder / "run/last.safetensors", "--layer", layer,
                   "--images", "32", "--device", device, "--json"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    nlohmann::json report = result.json();
    EXPECT_TRUE(report["device"].get<std::string>().starts_with(
        std::string(device) == "cpu" ? "CPU with " : device_backend(DeviceType::cuda).describe(0)));
    report.erase("device");
    return report;
  };
  // Weights and images are the same numbers everywhere.
  EXPECT_EQ(statistics("conv0", "cuda"), statistics("conv0", "cpu"));
  // Sums in between are rounded in another order: few values change their bin or level.
  const nlohmann::json on_device = statistics("conv2", "cuda"),
                       on_host = statistics("conv2", "cpu");
  EXPECT_EQ(on_device["weights"], on_host["weights"]);
  const nlohmann::json &activations = on_device["activations"], &expected = on_host["activations"];
  const auto values = expected["values"].get<double>();
  EXPECT_EQ(activations["values"], values);
  ASSERT_EQ(activations["levels"].size(), expected["levels"].size());
  for (std::size_t l = 0; l < expected["levels"].size(); ++l) {
    EXPECT_EQ(activations["levels"][l]["learned"], expected["levels"][l]["learned"]);
    EXPECT_NEAR(activations["levels"][l]["count"].get<double>(),
                expected["levels"][l]["count"].get<double>(), 1e-3 * values);
  }
  EXPECT_NEAR(activations["histogram"]["high"].get<double>(),
              expected["histogram"]["high"].get<double>(), 1e-4);
}

TEST(DeviceTest, cuda_GuessesDoNotDependOnBatchesInFlight) {
  if (!has_cuda_device()) GTEST_SKIP() << "needs a CUDA device";
  const TemporaryFolder folder;
  const TrainedAndJudged trained(folder, "cpu");
  const std::string network = folder / "tiny.lqn";
  const ProcessResult packed =
      run_lqnet({"pack", "--checkpoint", folder / "run/last.safetensors", "--out", network});
  ASSERT_EQ(packed.exit_code, 0) << packed.err;
  const auto infer = [&](const char* in_flight) {
    return run_lqnet({"infer", "--network", network, "--dataset", "synthetic", "--batch", "24",
                      "--device", "cuda", "--in-flight", in_flight, "--json"});
  };
  const nlohmann::json alone = infer("1").json(), together = infer("2").json();
  EXPECT_EQ(together["accuracy"], alone["accuracy"]);
  EXPECT_EQ(together["images"], alone["images"]);
  EXPECT_FALSE(alone["latency"].is_null());
  EXPECT_TRUE(together["latency"].is_null());
}

TEST(DeviceTest, cuda_WrongVariablesAreErrorsAtOnce) {
  if (!has_cuda_device()) GTEST_SKIP() << "needs a CUDA device";
  const TemporaryFolder folder;
  write_recipe(folder / "tiny.json", tiny_recipe());
  const std::string run = folder / "run";
  for (const char* const variable :
       {"LQNET_CUDA_CONV", "LQNET_CUDA_LINEAR", "LQNET_CUDA_PRECISION", "LQNET_CUDA_BITCONV",
        "LQNET_CUDA_SYNC", "LQNET_CUDA_DETERMINISTIC"}) {
    const EnvironmentScope scope(variable, "wrong");
    for (const Arguments& command :
         {Arguments{"train", "--recipe", folder / "tiny.json", "--out", run, "--device", "cuda"},
          Arguments{"eval", "--checkpoint", run, "--device", "cuda"},
          Arguments{"infer", "--network", run, "--dataset", "synthetic", "--device", "cuda"},
          Arguments{"stats", "--checkpoint", run, "--device", "cuda"},
          Arguments{"bench", "train", "--device", "cuda"}, Arguments{"bench", "cuda"}}) {
      EXPECT_TRUE(
          failed_with(run_lqnet(command), 1, std::string(variable) + " is 'wrong', expected "))
          << command[0];
    }
  }
  EXPECT_FALSE(std::filesystem::exists(run));
  // On the CPU nobody reads them.
  const EnvironmentScope scope("LQNET_CUDA_CONV", "wrong");
  EXPECT_EQ(run_lqnet({"train", "--recipe", folder / "tiny.json", "--max-steps", "1", "--out", run})
                .exit_code,
            0);
}
#endif

}  // namespace
}  // namespace lq::testing
