#include "apps/command_line.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/apps/process.h"

namespace lq::testing {
namespace {

using ::testing::AssertionFailure;
using ::testing::AssertionResult;
using ::testing::AssertionSuccess;

/// One line "lqnet: error: ..." that contains `part`, nothing on standard output, this exit code.
AssertionResult failed_with(const ProcessResult& result, int exit_code, const std::string& part) {
  const auto lines = std::ranges::count(result.err, '\n');
  const bool as_expected = result.exit_code == exit_code && result.out.empty() && lines == 1 &&
                           result.err.starts_with("lqnet: error: ") &&
                           result.err.find(part) != std::string::npos;
  if (as_expected) return AssertionSuccess();
  return AssertionFailure() << "exit code " << result.exit_code << ", expected " << exit_code
                            << " and one line with \"" << part << "\"\nstdout: " << result.out
                            << "\nstderr: " << result.err;
}

AssertionResult fails(const std::vector<std::string>& arguments, const std::string& part) {
  return failed_with(run_lqnet(arguments), apps::failure, part);
}

AssertionResult is_wrong_usage(const std::vector<std::string>& arguments, const std::string& part) {
  return failed_with(run_lqnet(arguments), apps::wrong_usage, part);
}

AssertionResult shows(const std::vector<std::string>& arguments,
                      const std::vector<std::string>& parts) {
  const ProcessResult result = run_lqnet(arguments);
  if (result.exit_code != 0 || !result.err.empty()) {
    return AssertionFailure() << "exit code " << result.exit_code << ", " << result.err;
  }
  for (const std::string& part : parts) {
    if (result.out.find(part) == std::string::npos) {
      return AssertionFailure() << "no \"" << part << "\" in\n" << result.out;
    }
  }
  return AssertionSuccess();
}

TEST(HelpTest, BeginsWithCommandsAndExamples) {
  EXPECT_TRUE(shows({"--help"}, {"train", "eval", "info", "stats", "bench", "recipes",
                                 "Examples:", "lqnet train\n", "lqnet eval --checkpoint runs/",
                                 "lqnet info --model vgg-small"}));
}

TEST(HelpTest, EveryCommandExplainsItself) {
  EXPECT_TRUE(
      shows({"train", "--help"},
            {"--recipe",    "--model",   "--dataset",        "--data", "--w-bits",
             "--a-bits",    "--epochs",  "--batch",          "--lr",   "--weight-decay",
             "--seed",      "--threads", "--loader-threads", "--out",  "--resume",
             "--quantizer", "--device",  "--max-steps",      "--json", "fashion-mnist-resnet20"}));
  EXPECT_TRUE(shows({"eval", "--help"},
                    {"--checkpoint", "--data", "--threads", "--batch", "--device", "--json"}));
  EXPECT_TRUE(shows({"info", "--help"}, {"--model", "--checkpoint", "--w-bits", "--a-bits",
                                         "--classes", "--input", "--json", "resnet20"}));
  EXPECT_TRUE(shows({"stats", "--help"},
                    {"--checkpoint", "--layer", "--out", "--channel", "--data", "--json"}));
  EXPECT_TRUE(shows({"bench", "--help"}, {"train"}));
  EXPECT_TRUE(shows({"bench", "train", "--help"}, {"--model", "--w-bits", "--a-bits", "--batch",
                                                   "--threads", "--steps", "--input", "--json"}));
  EXPECT_TRUE(shows({"recipes", "--help"}, {"--json"}));
}

TEST(HelpTest, NoLineIsWiderThanATerminal) {
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{}, {"train"}, {"eval"}, {"info"}, {"stats"}, {"bench", "train"}}) {
    std::vector<std::string> arguments = command;
    arguments.push_back("--help");
    std::istringstream text(run_lqnet(arguments).out);
    for (std::string line; std::getline(text, line);) EXPECT_LE(line.size(), 110U) << line;
  }
}

TEST(HelpTest, VersionIsPrinted) { EXPECT_TRUE(shows({"--version"}, {"0."})); }

TEST(RecipesTest, ListsWhatTheRegistriesHave) {
  EXPECT_TRUE(shows({"recipes"}, {"fashion-mnist-resnet20", "cifar10-resnet20", "cifar10-vgg-small",
                                  "synthetic", "small-cnn", "dorefa"}));
  const nlohmann::json report = run_lqnet({"recipes", "--json"}).json();
  EXPECT_EQ(report["recipes"][0]["name"], "fashion-mnist-resnet20");
  EXPECT_EQ(report["recipes"][1]["schedule"]["decay"]["boundaries"],
            nlohmann::json::array({82, 123}));
  EXPECT_EQ(report["quantizers"].size(), 4U);
}

TEST(UsageTest, NothingGivenListsTheCommands) {
  EXPECT_TRUE(is_wrong_usage({}, "no command given, expected one of: train, eval"));
  EXPECT_TRUE(is_wrong_usage({"bench"}, "error: bench: no command given, expected one of: train"));
}

TEST(UsageTest, SuggestsWhatWasMeant) {
  EXPECT_TRUE(is_wrong_usage({"trian"}, "unknown command trian; did you mean train?"));
  EXPECT_TRUE(is_wrong_usage({"train", "--epoch", "3"},
                             "error: train: unknown option --epoch; did you mean --epochs?"));
  EXPECT_TRUE(is_wrong_usage({"info", "--modle=resnet20"},
                             "unknown option --modle; did you mean --model?"));
  EXPECT_TRUE(is_wrong_usage({"bench", "train", "--w-bit", "2"},
                             "error: bench train: unknown option --w-bit; did you mean --w-bits?"));
  EXPECT_TRUE(is_wrong_usage({"eval", "--zzzzzzzz"}, "unknown option --zzzzzzzz"));
}

TEST(UsageTest, ArgumentsMustFit) {
  EXPECT_TRUE(is_wrong_usage({"train", "--epochs", "three"}, "--epochs"));
  EXPECT_TRUE(is_wrong_usage({"train", "--data", "/nowhere", "--seed", "-1"}, "--seed"));
  EXPECT_TRUE(is_wrong_usage({"train", "--lr"}, "--lr"));
  EXPECT_TRUE(is_wrong_usage({"train", "extra"}, "unexpected argument extra"));
  EXPECT_TRUE(is_wrong_usage({"eval"}, "--checkpoint"));
  EXPECT_TRUE(is_wrong_usage({"info"}, "--model or --checkpoint"));
  EXPECT_TRUE(is_wrong_usage({"info", "--model", "resnet20", "--checkpoint", "x"}, "--checkpoint"));
}

TEST(BadInputTest, UnknownNamesListTheKnownOnes) {
  EXPECT_TRUE(fails({"train", "--recipe", "mnist"}, "fashion-mnist-resnet20, cifar10-resnet20"));
  EXPECT_TRUE(fails({"train", "--dataset", "imagenet"}, "fashion-mnist, mnist, cifar10"));
  EXPECT_TRUE(
      fails({"train", "--dataset", "synthetic", "--model", "resnet18"}, "resnet20, resnet32"));
  EXPECT_TRUE(
      fails({"train", "--dataset", "synthetic", "--quantizer", "pact"}, "lq, hwgq, dorefa, xnor"));
  EXPECT_TRUE(fails({"info", "--model", "resnet18"}, "resnet20, resnet32"));
  EXPECT_TRUE(fails({"info", "--model", "resnet20", "--quantizer", "pact"}, "lq, hwgq"));
}

TEST(BadInputTest, NumbersOutOfRange) {
  EXPECT_TRUE(fails({"train", "--dataset", "synthetic", "--w-bits", "9"}, "9 given"));
  EXPECT_TRUE(fails({"train", "--dataset", "synthetic", "--a-bits", "0"}, "0 given"));
  EXPECT_TRUE(fails({"train", "--epochs", "0"}, "epochs is 0"));
  EXPECT_TRUE(fails({"train", "--batch", "-1"}, "batch is -1"));
  EXPECT_TRUE(fails({"train", "--lr", "nan"}, "base_rate"));
  EXPECT_TRUE(fails({"train", "--weight-decay", "-1"}, "weight_decay"));
  EXPECT_TRUE(fails({"train", "--threads", "0"}, "thread"));
  EXPECT_TRUE(fails({"info", "--model", "resnet20", "--w-bits", "16"}, "16 given"));
  EXPECT_TRUE(fails({"info", "--model", "resnet20", "--classes", "0"}, "0 classes"));
  EXPECT_TRUE(fails({"info", "--model", "resnet20", "--input", "32x32"}, "HxWxC"));
  EXPECT_TRUE(fails({"info", "--model", "resnet20", "--input", "32x32x3x1"}, "HxWxC"));
  EXPECT_TRUE(fails({"info", "--model", "resnet20", "--input", "30x30x3"}, "divisible by 4"));
  EXPECT_TRUE(fails({"bench", "train", "--model", "small-cnn", "--steps", "0"}, "steps is 0"));
  EXPECT_TRUE(fails({"bench", "train", "--model", "small-cnn", "--batch", "0"}, "batch is 0"));
}

TEST(BadInputTest, CudaIsNotInThisBuild) {
  EXPECT_TRUE(fails({"train", "--device", "cuda"}, "no CUDA"));
  EXPECT_TRUE(fails({"eval", "--checkpoint", "x", "--device", "cuda:1"}, "no CUDA"));
  EXPECT_TRUE(fails({"stats", "--checkpoint", "x", "--device", "cuda"}, "no CUDA"));
  EXPECT_TRUE(fails({"bench", "train", "--device", "cuda"}, "no CUDA"));
  EXPECT_TRUE(fails({"train", "--device", "gpu"}, "'gpu' is not known"));
}

TEST(BadInputTest, MissingData) {
  const TemporaryFolder folder;
  EXPECT_TRUE(fails({"train", "--dataset", "cifar10"}, "--data"));
  EXPECT_TRUE(fails({"train", "--data", folder / "nothing"}, folder / "nothing"));
  EXPECT_TRUE(fails({"train", "--data", folder.path()}, folder.path()));
}

TEST(BadInputTest, OutputFolderThatCannotBe) {
  const TemporaryFolder folder;
  write_content(folder / "file", "");
  EXPECT_TRUE(fails({"train", "--dataset", "synthetic", "--model", "small-cnn", "--out",
                     (folder / "file").string() + "/run"},
                    folder / "file"));
}

TEST(BadInputTest, CheckpointsThatAreNone) {
  const TemporaryFolder folder;
  write_content(folder / "text.safetensors", "this is no checkpoint, but it is long enough");
  for (const char* command : {"eval", "stats", "info"}) {
    EXPECT_TRUE(fails({command, "--checkpoint", folder / "missing"}, folder / "missing"));
    EXPECT_TRUE(fails({command, "--checkpoint", folder.path()}, "holds no run"));
    EXPECT_TRUE(fails({command, "--checkpoint", folder / "text.safetensors"}, "text.safetensors"));
  }
  EXPECT_TRUE(fails({"train", "--resume", "--dataset", "synthetic", "--out", folder / "missing"},
                    "no run to resume"));
}

TEST(BadInputTest, FullDiskUnderTheResult) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  const ProcessResult result = run_lqnet({"recipes"}, "/dev/full");
  EXPECT_EQ(result.exit_code, apps::failure);
  EXPECT_EQ(result.err, "lqnet: error: standard output cannot be written\n");
}

}  // namespace
}  // namespace lq::testing
