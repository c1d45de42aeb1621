#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <thread>

#include "apps/command_line.h"
#include "tests/apps/checkpoints.h"
#include "tests/apps/process.h"
#include "tests/apps/xml.h"
#include "train/checkpoint.h"

namespace lq::testing {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Arguments = std::vector<std::string>;

Arguments training(const fs::path& out, const Arguments& more = {}, const char* steps = "3") {
  Arguments arguments{"train", "--dataset",   "synthetic", "--model", "small-cnn", "--batch",
                      "8",     "--max-steps", steps,       "--out",   out};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

/// One tiny run that all tests look at.
class TrainingTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    result_ = new ProcessResult(run_lqnet(training(run_folder(), {"--json"})));
  }
  static void TearDownTestSuite() {
    delete result_;
    delete folder_;
  }
  void SetUp() override { ASSERT_EQ(result_->exit_code, 0) << result_->err; }

  static fs::path run_folder() { return *folder_ / "run"; }

  static TemporaryFolder* folder_;
  static ProcessResult* result_;
};
TemporaryFolder* TrainingTest::folder_ = nullptr;
ProcessResult* TrainingTest::result_ = nullptr;

TEST_F(TrainingTest, ReportsItsResultAsJson) {
  const nlohmann::json report = result_->json();
  EXPECT_EQ(report["model"], "small-cnn");
  EXPECT_EQ(report["w_bits"], 2);
  EXPECT_EQ(report["quantizer"], "lq");
  EXPECT_EQ(report["recipe"], "fashion-mnist-resnet20");
  EXPECT_EQ(report["modified"], nlohmann::json::array({"model", "dataset", "batch"}));
  EXPECT_EQ(report["dataset"], "synthetic");
  EXPECT_EQ(report["epochs"], 3);
  EXPECT_EQ(report["epochs_done"], 0);
  EXPECT_EQ(report["seed"], 1);
  EXPECT_GE(report["threads"], 1);
  EXPECT_EQ(report["steps"], 3);
  EXPECT_EQ(report["interrupted"], false);
  EXPECT_GE(report["test_accuracy"], 0.0);
  EXPECT_EQ(report["test_accuracy"], report["best_accuracy"]);
  EXPECT_EQ(report["best_epoch"], 1);
  EXPECT_GT(report["images_per_s"], 0.0);
}

TEST_F(TrainingTest, LeavesTheFilesOfARun) {
  EXPECT_EQ(names_in(run_folder()),
            (std::vector<std::string>{"best.safetensors", "last.safetensors", "metrics.jsonl"}));
}

TEST_F(TrainingTest, NothingIsOverwritten) {
  const ProcessResult again = run_lqnet(training(run_folder()));
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_NE(again.err.find("already holds a run"), std::string::npos) << again.err;
}

TEST_F(TrainingTest, EvaluationAgreesWithTraining) {
  const ProcessResult result = run_lqnet({"eval", "--checkpoint", run_folder(), "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const nlohmann::json report = result.json();
  EXPECT_EQ(report["count"], 512);
  EXPECT_EQ(report["checkpoint"], (run_folder() / "best.safetensors").string());
  EXPECT_EQ(report["dataset"], "synthetic");
  EXPECT_EQ(report["input"], nlohmann::json::array({32, 32, 3}));
  EXPECT_EQ(report["training"]["threads"], result_->json()["threads"]);
  EXPECT_EQ(report["accuracy"], result_->json()["test_accuracy"]);
  EXPECT_EQ(report["top5_accuracy"], result_->json()["test_top5_accuracy"]);
  EXPECT_NEAR(report["loss"], result_->json()["test_loss"].get<double>(), 1e-9);
}

TEST_F(TrainingTest, EvaluationDoesNotDependOnTheBatch) {
  const fs::path last = run_folder() / "last.safetensors";
  const ProcessResult result =
      run_lqnet({"eval", "--checkpoint", last, "--batch", "100", "--threads", "1", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.json()["accuracy"], result_->json()["test_accuracy"]);
  const ProcessResult text = run_lqnet({"eval", "--checkpoint", last});
  EXPECT_NE(text.out.find("512 test images of synthetic"), std::string::npos) << text.out;
}

TEST_F(TrainingTest, EvaluationTellsWhichEpochItIsOf) {
  Checkpoint checkpoint = load_checkpoint(run_folder() / "last.safetensors");
  const auto text_of = [&] {
    const fs::path path = *folder_ / "epoch.safetensors";
    save_checkpoint(path, checkpoint);
    return run_lqnet({"eval", "--checkpoint", path}).out;
  };
  const auto expect_line = [&](const std::string& line) {
    const std::string text = text_of();
    EXPECT_NE(text.find(line + "\n"), std::string::npos) << text;
  };
  expect_line("recipe      a modified fashion-mnist-resnet20 (model, dataset, batch)");
  expect_line("trained     best epoch 1 of 3 (3 steps of it), chosen by test accuracy");
  checkpoint.state.epochs_done = 3;
  checkpoint.state.steps_done = 0;
  checkpoint.state.best = BestEvaluation{.accuracy = 0.5, .epoch = 3};
  expect_line("trained     best epoch 3 of 3, chosen by test accuracy");
  checkpoint.state.best->epoch = 2;
  expect_line("trained     epoch 3 of 3 (the best is epoch 2)");
}

TEST_F(TrainingTest, PathsThatAreNoUtf8AreReported) {
  const fs::path copy = *folder_ / "run-\xff";
  fs::copy(run_folder(), copy);
  for (const char* command : {"eval", "info"}) {
    const ProcessResult result = run_lqnet({command, "--checkpoint", copy, "--json"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const std::string path = result.json()["checkpoint"];
    EXPECT_TRUE(path.ends_with("/run-\xEF\xBF\xBD/best.safetensors")) << path;  // U+FFFD
  }
}

TEST_F(TrainingTest, InfoReadsTheCheckpoint) {
  const ProcessResult result = run_lqnet({"info", "--checkpoint", run_folder(), "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.json()["training"]["dataset"], "synthetic");
  EXPECT_EQ(result.json()["training"]["is_best"], true);
  EXPECT_EQ(result.json()["layers"].size(), 4U);
  const ProcessResult text = run_lqnet({"info", "--checkpoint", run_folder()});
  EXPECT_NE(text.out.find("trained by a modified fashion-mnist-resnet20 (model, dataset, batch) on "
                          "synthetic: best epoch 1 of 3 (3 steps of it), chosen by test accuracy"),
            std::string::npos)
      << text.out;
}

TEST_F(TrainingTest, StatsDrawsTheFigure) {
  const fs::path figure = *folder_ / "figure.svg";
  const ProcessResult result = run_lqnet({"stats", "--checkpoint", run_folder(), "--layer", "conv2",
                                          "--images", "64", "--out", figure, "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(is_well_formed_xml(content_of(figure)));
  EXPECT_NE(content_of(figure).find("conv2: 2-bit weights, 2-bit activations"), std::string::npos);

  const nlohmann::json report = result.json();
  EXPECT_EQ(report["layer"], "conv2");
  EXPECT_EQ(report["images"], 64);
  EXPECT_EQ(report["weights"]["levels"].size(), 4U);
  EXPECT_EQ(report["weights"]["values"], 9 * 16 * 32);
  EXPECT_EQ(report["activations"]["values"], 64 * 16 * 16 * 16);

  const fs::path again = *folder_ / "again.svg";
  run_lqnet({"stats", "--checkpoint", run_folder(), "--layer", "conv2", "--images", "64", "--out",
             again});
  EXPECT_EQ(content_of(figure), content_of(again));
}

TEST_F(TrainingTest, StatsChoosesALayerAndPrintsItsLevels) {
  const ProcessResult result = run_lqnet({"stats", "--checkpoint", run_folder(), "--images", "32"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(result.out.starts_with("checkpoint " + (run_folder() / "best.safetensors").string() +
                                     " (small-cnn, 2-bit weights, 2-bit activations (lq)), best "
                                     "epoch 1 of 3 (3 steps of it), chosen by test accuracy\n"))
      << result.out;
  EXPECT_NE(result.out.find("layer conv2"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("initial"), std::string::npos);
  EXPECT_NE(result.out.find("learned"), std::string::npos);
}

TEST_F(TrainingTest, StatsRefusesWhatIsNotThere) {
  const ProcessResult layer =
      run_lqnet({"stats", "--checkpoint", run_folder(), "--layer", "conv9"});
  EXPECT_EQ(layer.exit_code, 2);
  EXPECT_NE(layer.err.find("--layer: 'conv9' is not known, expected one of: conv0, conv1, conv2, "
                           "fc; did you mean conv"),
            std::string::npos)
      << layer.err;
  const ProcessResult channel =
      run_lqnet({"stats", "--checkpoint", run_folder(), "--layer", "conv2", "--channel", "32"});
  EXPECT_EQ(channel.exit_code, 1);
  EXPECT_NE(channel.err.find("0 to 31"), std::string::npos) << channel.err;
}

TEST_F(TrainingTest, StatsAreShownEvenIfTheFigureCannotBeWritten) {
  const ProcessResult out = run_lqnet({"stats", "--checkpoint", run_folder(), "--images", "32",
                                       "--out", run_folder() / "no" / "figure.svg", "--json"});
  EXPECT_EQ(out.exit_code, 1);
  EXPECT_EQ(out.json()["images"], 32);
  EXPECT_NE(out.err.find("figure.svg"), std::string::npos) << out.err;
}

TEST_F(TrainingTest, ADamagedCheckpointIsRefused) {
  std::string bytes = content_of(run_folder() / "last.safetensors");
  bytes[bytes.size() - 10] = static_cast<char>(bytes[bytes.size() - 10] ^ 1);
  const fs::path damaged = *folder_ / "damaged.safetensors";
  write_content(damaged, bytes);
  for (const char* command : {"eval", "stats", "info"}) {
    const ProcessResult result = run_lqnet({command, "--checkpoint", damaged});
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_NE(result.err.find("checksum"), std::string::npos) << result.err;
  }
}

TEST_F(TrainingTest, ACheckpointOfAnotherModelIsRefused) {
  Checkpoint checkpoint = load_checkpoint(run_folder() / "last.safetensors");
  checkpoint.recipe.model = "resnet20";
  const fs::path other = *folder_ / "other.safetensors";
  save_checkpoint(other, checkpoint);
  for (const char* command : {"eval", "stats", "info", "pack"}) {
    const ProcessResult result = run_lqnet({command, "--checkpoint", other});
    EXPECT_TRUE(failed_with(result, apps::failure, other.string() + ": state: "));
    EXPECT_TRUE(failed_with(result, apps::failure, "of another model?"));
  }
}

TEST_F(TrainingTest, ACheckpointOfOtherDataIsRefused) {
  Checkpoint checkpoint = load_checkpoint(run_folder() / "last.safetensors");
  const fs::path other = *folder_ / "other_data.safetensors";
  const auto eval_refuses = [&](const std::string& message) {
    save_checkpoint(other, checkpoint);
    return failed_with(run_lqnet({"eval", "--checkpoint", other}), apps::failure,
                       other.string() + ": " + message);
  };
  checkpoint.recipe.dataset_options.synthetic.classes = 4;
  EXPECT_TRUE(eval_refuses("the network has 10 classes, but data set synthetic has 4"));
  checkpoint.recipe.dataset = "svhn";
  EXPECT_TRUE(eval_refuses("data set: \"svhn\" is not known"));
}

TEST_F(TrainingTest, ResumingContinuesWithTheSameSettingsOnly) {
  const fs::path copy = *folder_ / "copy";
  fs::copy(run_folder(), copy);
  const ProcessResult other = run_lqnet(training(copy, {"--resume", "--w-bits", "3"}));
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_NE(other.err.find("--w-bits: 3 given"), std::string::npos) << other.err;

  // Everything but the goal comes from the run itself.
  const ProcessResult resumed =
      run_lqnet({"train", "--resume", "--out", copy, "--max-steps", "5", "--json"});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(resumed.json()["steps"], 5);

  const fs::path whole = *folder_ / "whole";
  const ProcessResult unbroken = run_lqnet(training(whole, {}, "5"));
  ASSERT_EQ(unbroken.exit_code, 0) << unbroken.err;
  EXPECT_TRUE(trained_alike(copy / "last.safetensors", whole / "last.safetensors"));
}

TEST_F(TrainingTest, RunsAreReproducible) {
  const fs::path again = *folder_ / "again";
  ASSERT_EQ(run_lqnet(training(again, {"--loader-threads", "3"})).exit_code, 0);
  EXPECT_TRUE(trained_alike(again / "last.safetensors", run_folder() / "last.safetensors"));
}

TEST(TrainingWithoutListenersTest, GoesOnAndKeepsItsFilesClean) {
  const PipeWithoutReader pipe;
  std::vector<ProcessOptions> nobody_listens{{.closes_error = true}, {.error_file = pipe.file()}};
  if (fs::exists("/dev/full")) nobody_listens.push_back({.error_device = "/dev/full"});
  for (const ProcessOptions& options : nobody_listens) {
    const TemporaryFolder folder;
    EXPECT_EQ(run_lqnet(training(folder / "run"), options).exit_code, apps::success);
    std::istringstream metrics(content_of(folder / "run/metrics.jsonl"));
    for (std::string line; std::getline(metrics, line);) {
      EXPECT_TRUE(nlohmann::json::accept(line)) << line;
    }
  }
}

TEST(TrainingOnAFullDiskTest, EndsWithAMessage) {
  const TemporaryFolder folder;
  const FileSizeLimit full_disk(4096);
  EXPECT_TRUE(failed_with(run_lqnet(training(folder / "run")), apps::failure, "last.safetensors"));
}

TEST(TrainingWithoutAnInstructionSetTest, FailsBeforeTheRunBegins) {
  const TemporaryFolder folder;
  ::setenv("LQNET_ISA", "foo", /*overwrite=*/1);
  const ProcessResult result = run_lqnet(training(folder / "run"));
  ::unsetenv("LQNET_ISA");
  EXPECT_TRUE(failed_with(result, apps::failure, "LQNET_ISA is 'foo'"));
  EXPECT_FALSE(fs::exists(folder / "run"));
}

class InterruptedTrainingTest : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Signals, InterruptedTrainingTest, ::testing::Values(SIGINT, SIGHUP));

TEST_P(InterruptedTrainingTest, StopsInSuchAWayThatItCanGoOn) {
  const TemporaryFolder folder;
  const fs::path run = folder / "run";
  LqnetProcess process(training(run, {"--epochs", "1000", "--json"}, "1000000"));
  // The first checkpoint is written before the first step.
  for (int i = 0; i < 20000 && !fs::exists(run / "last.safetensors"); ++i) {
    std::this_thread::sleep_for(1ms);
  }
  process.send(GetParam());
  const ProcessResult stopped = process.wait();
  EXPECT_EQ(stopped.exit_code, apps::interrupted) << stopped.err;
  EXPECT_EQ(stopped.json()["interrupted"], true);
  EXPECT_NE(stopped.err.find("can be resumed"), std::string::npos) << stopped.err;

  const std::int64_t steps = stopped.json()["steps"];
  const std::string goal = std::to_string(steps + 2);
  const ProcessResult resumed =
      run_lqnet({"train", "--resume", "--out", run, "--max-steps", goal, "--json"});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(resumed.json()["steps"], steps + 2);
}

TEST(FloatTrainingTest, StatsShowsALayerInFloatingPoint) {
  const TemporaryFolder folder;
  const fs::path run = folder / "run";
  ASSERT_EQ(run_lqnet(training(run, {"--w-bits", "32", "--a-bits", "32"})).exit_code, 0);
  const ProcessResult result = run_lqnet(
      {"stats", "--checkpoint", run, "--images", "32", "--out", folder / "figure.svg", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.json()["weights"]["levels"].size(), 0U);
  EXPECT_TRUE(is_well_formed_xml(content_of(folder / "figure.svg")));
  EXPECT_NE(content_of(folder / "figure.svg").find("not quantized"), std::string::npos);
}

TEST(BenchTrainTest, ReportsBothNetworks) {
  const ProcessResult result =
      run_lqnet({"bench", "train", "--model", "small-cnn", "--w-bits", "2", "--a-bits", "2",
                 "--batch", "4", "--steps", "2", "--input", "16x16x3", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  const nlohmann::json report = result.json();
  for (const char* key : {"images_per_s", "float_images_per_s", "step_ratio", "step_ms",
                          "float_step_ms", "peak_bytes", "float_peak_bytes"}) {
    EXPECT_GT(report[key], 0.0) << key;
  }
}

TEST(BenchConvolutionTest, ShowsItsTimesEvenIfTheChartCannotBeWritten) {
  const ProcessResult result =
      run_lqnet({"bench", "conv", "--shape", "16,16,4,4,3,1", "--bits", "1/1", "--rounds", "1",
                 "--chart", "no/chart.svg", "--json"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.json()["convolutions"].size(), 1U);
  EXPECT_NE(result.err.find("no/chart.svg"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace lq::testing
