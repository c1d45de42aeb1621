#include "apps/command_line.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/apps/process.h"

namespace lq::testing {
namespace {

using ::testing::AssertionFailure;
using ::testing::AssertionResult;
using ::testing::AssertionSuccess;

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
  EXPECT_TRUE(shows({"eval", "--help"}, {"--checkpoint", "--data", "--threads", "--batch",
                                         "--device", "--loader-threads", "--json"}));
  EXPECT_TRUE(shows({"info", "--help"}, {"--model", "--checkpoint", "--w-bits", "--a-bits",
                                         "--classes", "--input", "--json", "resnet20"}));
  EXPECT_TRUE(shows({"stats", "--help"},
                    {"--checkpoint", "--layer", "--out", "--channel", "--data", "--json"}));
  EXPECT_TRUE(shows({"pack", "--help"},
                    {"--checkpoint", "--out", "--int8-grid", "--verify", "--data", "--threads",
                     "--loader-threads", "--json", "inputs without a", "computed as floats"}));
  EXPECT_TRUE(shows({"infer", "--help"},
                    {"--network", "--dataset", "--data", "--batch", "--threads", "--device",
                     "--in-flight", "--loader-threads", "--top", "--json"}));
  EXPECT_TRUE(shows({"shard", "--help"}, {"--data", "--out", "--shard-size", "--json"}));
  EXPECT_TRUE(shows({"generate-images", "--help"},
                    {"--out", "--classes", "--images", "--val-images", "--json"}));
  EXPECT_TRUE(shows({"bench", "--help"}, {"train", "network", "conv", "gpu-model", "data"}));
  EXPECT_TRUE(shows({"bench", "network", "--help"}, {"--model", "--batch", "--threads", "--json"}));
  EXPECT_TRUE(shows({"bench", "conv", "--help"}, {"--batch", "--threads", "--json"}));
  EXPECT_TRUE(shows({"bench", "gpu-model", "--help"}, {"--json"}));
  EXPECT_TRUE(shows({"bench", "data", "--help"}, {"--data", "--threads", "--rounds", "--json"}));
  EXPECT_TRUE(shows({"bench", "train", "--help"},
                    {"--model", "--w-bits", "--a-bits", "--batch", "--threads", "--steps",
                     "--input", "--json", "--bit-forward"}));
  EXPECT_TRUE(shows({"recipes", "--help"}, {"--json"}));
}

TEST(HelpTest, OptionsListTheNamesOfTheRegistries) {
  const nlohmann::json known = run_lqnet({"recipes", "--json"}).json();
  std::vector<std::string> names = known["quantizers"];
  for (const char* key : {"models", "datasets", "recipes"}) {
    for (const nlohmann::json& row : known[key]) names.push_back(row["name"]);
  }
  EXPECT_TRUE(shows({"train", "--help"}, names));
}

TEST(HelpTest, NoLineIsWiderThanATerminal) {
  for (const std::vector<std::string>& command : {std::vector<std::string>{},
                                                  {"train"},
                                                  {"eval"},
                                                  {"info"},
                                                  {"stats"},
                                                  {"pack"},
                                                  {"infer"},
                                                  {"shard"},
                                                  {"generate-images"},
                                                  {"recipes"},
                                                  {"bench"},
                                                  {"bench", "train"},
                                                  {"bench", "network"},
                                                  {"bench", "conv"},
                                                  {"bench", "gpu-model"},
                                                  {"bench", "data"}}) {
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
  EXPECT_EQ(report["quantizers"].size(), 5U);
}

TEST(RecipesTest, ListsModelsWithTheirVariants) {
  EXPECT_TRUE(shows({"recipes"}, {"resnet18", "type-a", "224x224x3", "1000", "densenet121",
                                  "pre-activation", "vgg-small"}));
  const nlohmann::json models = run_lqnet({"recipes", "--json"}).json()["models"];
  const auto found = std::ranges::find_if(
      models, [](const nlohmann::json& model) { return model["name"] == "alexnet"; });
  ASSERT_TRUE(found != models.end());
  EXPECT_EQ((*found)["input"], nlohmann::json::array({227, 227, 3}));
  EXPECT_EQ((*found)["classes"], 1000);
  EXPECT_EQ((*found)["variants"][1]["name"], "fc-bn-per-layer");
  EXPECT_EQ(models[0]["variants"], nlohmann::json::array());
}

TEST(UsageTest, UnknownVariantsListThoseThatThereAre) {
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"info"}, {"train"}, {"bench", "train"}, {"bench", "network"}}) {
    std::vector<std::string> arguments = command;
    arguments.insert(arguments.end(), {"--model", "resnet18", "--variant", "type-c"});
    EXPECT_TRUE(is_wrong_usage(arguments,
                               "--variant: model resnet18: variant 'type-c' is not known, expected "
                               "one of: type-b, type-a, post-activation"));
  }
}

TEST(RecipesTest, PrintsOneRecipe) {
  nlohmann::json listed = run_lqnet({"recipes", "--json"}).json()["recipes"][1];
  EXPECT_EQ(listed["published"]["top1"], 90.2);
  EXPECT_TRUE(listed["published"]["top5"].is_null());
  listed.erase("published");
  EXPECT_EQ(run_lqnet({"recipes", "cifar10-resnet20"}).json(), listed);
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
  EXPECT_TRUE(is_wrong_usage({"train", "--epochs", "three"}, "--epochs: three given"));
  EXPECT_TRUE(is_wrong_usage({"train", "--data", "/nowhere", "--seed", "-1"}, "--seed: -1 given"));
  EXPECT_TRUE(is_wrong_usage({"train", "--lr"}, "--lr"));
  EXPECT_TRUE(is_wrong_usage({"train", "extra"}, "unexpected argument extra"));
  EXPECT_TRUE(is_wrong_usage({"eval"}, "--checkpoint"));
  EXPECT_TRUE(is_wrong_usage({"info"}, "--model or --checkpoint"));
  EXPECT_TRUE(is_wrong_usage({"info", "--model", "resnet20", "--checkpoint", "x"}, "--checkpoint"));
}

TEST(UsageTest, UnknownNamesListTheKnownOnesAndTheNearest) {
  EXPECT_TRUE(is_wrong_usage({"train", "--recipe", "mnist"},
                             "error: train: --recipe: 'mnist' is neither a recipe nor a file, "
                             "expected one of: fashion-mnist-resnet20, cifar10-resnet20"));
  EXPECT_TRUE(
      is_wrong_usage({"train", "--recipe", "cifar10-resnet2"}, "; did you mean cifar10-resnet20?"));
  EXPECT_TRUE(
      is_wrong_usage({"train", "--dataset", "svhn"},
                     "--dataset: 'svhn' is not known, expected one of: fashion-mnist, mnist, "
                     "cifar10, cifar100, imagenet, image-folder, synthetic (lqnet"));
  EXPECT_TRUE(is_wrong_usage({"train", "--dataset", "sythetic"}, "did you mean synthetic?"));
  EXPECT_TRUE(is_wrong_usage({"train", "--quantizer", "pact"}, "lq, lq-int8, hwgq, dorefa, xnor"));
  for (const char* command : {"train", "info"}) {
    EXPECT_TRUE(is_wrong_usage({command, "--model", "resnet21"},
                               "--model: 'resnet21' is not known, expected one of: resnet20"));
    EXPECT_TRUE(is_wrong_usage({command, "--model", "restnet20"}, "did you mean resnet20?"));
  }
  EXPECT_TRUE(is_wrong_usage({"recipes", "cifar10-restnet20"}, "did you mean cifar10-resnet20?"));
}

TEST(UsageTest, NumbersOutOfRange) {
  const auto refuses = [](std::vector<std::string> arguments, const std::string& value,
                          const std::string& expected) {
    const std::string option = arguments.back();
    arguments.push_back(value);
    return is_wrong_usage(arguments, fmt::format("{}: {} given, {}", option, value, expected));
  };
  EXPECT_TRUE(refuses({"train", "--w-bits"}, "9", "expected 1 to 8, or 32 for floating point"));
  EXPECT_TRUE(refuses({"train", "--a-bits"}, "0", "expected 1 to 8, or 32 for floating point"));
  EXPECT_TRUE(refuses({"train", "--epochs"}, "0", "expected a whole number from 1 to 16777216"));
  EXPECT_TRUE(refuses({"train", "--batch"}, "-1", "expected a whole number from 1 to"));
  EXPECT_TRUE(refuses({"train", "--batch"}, "64.0", "expected a whole number"));
  EXPECT_TRUE(refuses({"train", "--batch"}, "1e3", "expected a whole number"));
  EXPECT_TRUE(refuses({"train", "--batch"}, "99999999999999999999", "expected a whole number"));
  EXPECT_TRUE(refuses({"train", "--seed"}, "18446744073709551616", "expected a whole number"));
  EXPECT_TRUE(refuses({"train", "--max-steps"}, "0", "expected a whole number from 1"));
  EXPECT_TRUE(refuses({"train", "--checkpoint-every"}, "-1", "expected a whole number from 0"));
  EXPECT_TRUE(refuses({"train", "--loader-threads"}, "257", "expected a whole number from 0 to"));
  EXPECT_TRUE(refuses({"train", "--lr"}, "nan", "expected a number above 0"));
  EXPECT_TRUE(refuses({"train", "--lr"}, "0", "expected a number above 0"));
  EXPECT_TRUE(refuses({"train", "--lr"}, "0.1x", "expected a number above 0"));
  EXPECT_TRUE(refuses({"train", "--weight-decay"}, "-1", "expected a number of at least 0"));
  EXPECT_TRUE(refuses({"train", "--threads"}, "0", "expected a whole number from 1 to 1024"));
  EXPECT_TRUE(refuses({"eval", "--checkpoint", "x", "--batch"}, "0", "expected a whole number"));
  EXPECT_TRUE(refuses({"stats", "--checkpoint", "x", "--channel"}, "-1", "expected a whole"));
  EXPECT_TRUE(refuses({"stats", "--checkpoint", "x", "--images"}, "0", "expected a whole number"));
  EXPECT_TRUE(refuses({"stats", "--checkpoint", "x", "--bins"}, "0", "expected a whole number"));
  EXPECT_TRUE(refuses({"info", "--model", "resnet20", "--w-bits"}, "16", "expected 1 to 8"));
  EXPECT_TRUE(refuses({"info", "--model", "resnet20", "--classes"}, "0", "expected a whole"));
  EXPECT_TRUE(refuses({"bench", "train", "--steps"}, "0", "expected a whole number from 1"));
  EXPECT_TRUE(refuses({"bench", "train", "--batch"}, "0", "expected a whole number from 1"));
  EXPECT_TRUE(refuses({"bench", "train", "--warm-up"}, "-1", "expected a whole number from 0"));
}

TEST(UsageTest, ValuesThatDoNotFitEachOther) {
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"info", "--model", "resnet20"}, {"bench", "train"}, {"train"}}) {
    std::vector<std::string> arguments = command;
    arguments.insert(arguments.end(), {"--quantizer", "hwgq", "--a-bits", "2"});
    EXPECT_TRUE(is_wrong_usage(arguments, "--quantizer: weight bits: 2 given"));
  }
  EXPECT_TRUE(is_wrong_usage({"train", "--quantizer", "xnor", "--w-bits", "1"},
                             "--w-bits, --quantizer: activation bits: 2 given"));
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"info", "--model", "resnet20"}, {"bench", "train"}}) {
    for (const auto& [input, part] : {std::pair("32x32", "HxWxC"), std::pair("32x32x3x1", "HxWxC"),
                                      std::pair("30x30x3", "divisible by 4")}) {
      std::vector<std::string> arguments = command;
      arguments.insert(arguments.end(), {"--input", input});
      EXPECT_TRUE(is_wrong_usage(arguments, "--input: "));
      EXPECT_TRUE(is_wrong_usage(arguments, part));
    }
  }
}

TEST(UsageTest, ValuesOfWhichOneWouldBeIgnored) {
  for (const auto& [option, value] :
       {std::pair("--model", "resnet20"), std::pair("--w-bits", "1")}) {
    EXPECT_TRUE(is_wrong_usage({"bench", "network", "--network", "a.lqn", option, value},
                               std::string(option) + " excludes --network"));
  }
  EXPECT_TRUE(is_wrong_usage({"bench", "conv", "--shape", "16,16,4,4,3,1", "--suite", "resnet18"},
                             "excludes --s"));
}

TEST(UsageTest, ABatchOfMoreImagesThanThereAre) {
  EXPECT_TRUE(is_wrong_usage({"train", "--dataset", "synthetic", "--batch", "1000000"},
                             "--batch: 1000000 given, but synthetic has 2048 training images"));
}

TEST(UsageTest, EmptyPaths) {
  const auto refuses = [](const std::vector<std::string>& command, const std::string& option) {
    std::vector<std::string> arguments = command;
    arguments.insert(arguments.end(), {option, ""});
    return is_wrong_usage(arguments, option + ": the path is empty");
  };
  const std::vector<std::string> pack{"pack", "--checkpoint", "x"};
  const std::vector<std::string> stats{"stats", "--checkpoint", "x"};
  EXPECT_TRUE(refuses({"train"}, "--out"));
  EXPECT_TRUE(refuses({"train"}, "--data"));
  for (const char* command : {"eval", "stats", "info", "pack"}) {
    EXPECT_TRUE(refuses({command}, "--checkpoint"));
  }
  EXPECT_TRUE(refuses(pack, "--out"));
  EXPECT_TRUE(refuses(stats, "--out"));
  EXPECT_TRUE(refuses({"infer"}, "--network"));
  EXPECT_TRUE(is_wrong_usage({"infer", "--network", "x", ""}, "images: the path is empty"));
  EXPECT_TRUE(refuses({"bench", "network"}, "--network"));
  EXPECT_TRUE(refuses({"bench", "conv"}, "--chart"));
  EXPECT_TRUE(is_wrong_usage({"train", "--recipe", ""}, "--recipe: '' is neither"));
}

TEST(UsageTest, ZerosBeforeANumberDoNotMakeItOctal) {
  EXPECT_TRUE(shows({"info", "--model", "small-cnn", "--classes", "010"}, {", 10 classes"}));
}

TEST(BadInputTest, DevicesThatAreNotThere) {
  // No machine has a hundred; a build without CUDA and a machine without a driver say so.
  EXPECT_TRUE(fails({"train", "--device", "cuda:99"}, "device cuda"));
  EXPECT_TRUE(fails({"eval", "--checkpoint", "x", "--device", "cuda:99"}, "device cuda"));
  EXPECT_TRUE(fails({"bench", "train", "--device", "cuda:99"}, "device cuda"));
  EXPECT_TRUE(fails({"stats", "--checkpoint", "x", "--device", "cuda:99"}, "device cuda"));
  EXPECT_TRUE(is_wrong_usage({"info", "--device", "cuda"}, "--device"));
  EXPECT_TRUE(is_wrong_usage({"train", "--device", "gpu"}, "'gpu' is not known"));
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
  const ProcessResult result = run_lqnet({"recipes"}, {.device = "/dev/full"});
  EXPECT_EQ(result.exit_code, apps::failure);
  EXPECT_EQ(result.err, "lqnet: error: standard output cannot be written\n");
}

TEST(BadInputTest, FullDiskUnderTheMessages) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  const ProcessOptions full{.error_device = "/dev/full"};
  EXPECT_EQ(run_lqnet({"bogus"}, full).exit_code, apps::wrong_usage);
  EXPECT_EQ(run_lqnet({"eval", "--checkpoint", "none"}, full).exit_code, apps::failure);
  EXPECT_EQ(run_lqnet({"recipes"}, full).exit_code, apps::success);
}

TEST(BadInputTest, ResultsThatNobodyReadsOn) {
  const PipeWithoutReader pipe;
  const ProcessResult result = run_lqnet({"recipes"}, {.out_file = pipe.file()});
  EXPECT_EQ(result.exit_code, apps::failure);
  EXPECT_EQ(result.err, "lqnet: error: standard output cannot be written\n");
}

TEST(BadInputTest, MessagesThatNobodyWants) {
  const PipeWithoutReader pipe;
  for (const ProcessOptions& options :
       {ProcessOptions{.closes_error = true}, ProcessOptions{.error_file = pipe.file()}}) {
    EXPECT_EQ(run_lqnet({"bogus"}, options).exit_code, apps::wrong_usage);
    EXPECT_EQ(run_lqnet({"recipes"}, options).exit_code, apps::success);
  }
}

TEST(ProgressBarTest, ShowsNoLossWhereThereIsNone) {
  const Terminal terminal;
  const ProcessResult result =
      run_lqnet({"generate-images", "--out", "images", "--classes", "1", "--images", "10"},
                {.error_device = terminal.path()});
  EXPECT_EQ(result.exit_code, apps::success);
  const std::string text = terminal.text();
  EXPECT_NE(text.find("\rimages ["), std::string::npos) << text;
  EXPECT_NE(text.find("] 10/20\x1b[K"), std::string::npos) << text;
}

TEST(ProgressBarTest, OfTimingConvolutionsIsRemoved) {
  const Terminal terminal;
  const ProcessResult result =
      run_lqnet({"bench", "conv", "--shape", "16,16,4,4,3,1", "--bits", "1/1,2/2", "--rounds", "1"},
                {.error_device = terminal.path()});
  EXPECT_EQ(result.exit_code, apps::success);
  const std::string text = terminal.text();
  EXPECT_NE(text.find("] 1/2\x1b[K"), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("\r\x1b[K")) << text;
}

}  // namespace
}  // namespace lq::testing
