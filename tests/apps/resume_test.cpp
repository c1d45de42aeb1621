// lqnet train --resume: which run is meant, and by which recipe it goes on.

#include <gtest/gtest.h>

#include <filesystem>

#include "apps/command_line.h"
#include "tests/apps/checkpoints.h"
#include "tests/apps/process.h"
#include "tests/apps/tiny_recipe.h"
#include "train/checkpoint.h"

namespace lq::testing {
namespace {

namespace fs = std::filesystem;
using Arguments = std::vector<std::string>;

/// Commands run in a folder that holds tiny.json.
class ResumeTest : public ::testing::Test {
 protected:
  void SetUp() override { write_recipe(folder_ / "tiny.json", tiny_recipe()); }

  ProcessResult train(const Arguments& more) {
    Arguments arguments{"train", "--threads", "1", "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_lqnet(arguments, {.folder = folder_.path()});
  }
  /// The report of a run that must succeed.
  nlohmann::json report(const Arguments& more) {
    const ProcessResult result = train(more);
    if (result.exit_code == 0) return result.json();
    ADD_FAILURE() << result.err;
    return {};
  }
  ::testing::AssertionResult refuses(const Arguments& more, const std::string& message) {
    return failed_with(train(more), apps::failure, message);
  }
  Checkpoint last_of(const std::string& run) {
    return load_checkpoint(folder_ / run / "last.safetensors");
  }
  ::testing::AssertionResult ends_like(const std::string& run, const std::string& other) {
    return trained_alike(folder_ / run / "last.safetensors", folder_ / other / "last.safetensors");
  }
  std::string bytes_of(const std::string& run) {
    return content_of(folder_ / run / "last.safetensors");
  }

  TemporaryFolder folder_;
};

TEST_F(ResumeTest, ABatchOfTheRecipeThatHasMoreImagesThanThereAre) {
  Recipe recipe = tiny_recipe();
  recipe.batch = 65;
  write_recipe(folder_ / "large.json", recipe);
  EXPECT_TRUE(refuses({"--recipe", "large.json"},
                      "recipe tiny has batches of 65, but synthetic has 64 training images; give a "
                      "smaller --batch"));
}

TEST_F(ResumeTest, BitsThatHaveARecipeOfTheirOwnAreTold) {
  const std::string message =
      "warning: the schedule is that of imagenet-resnet18-w2a2; imagenet-resnet18-w1a2 is the "
      "recipe for 1/2 bits\n";
  const auto warns = [&](const char* bits) {
    const ProcessResult result =
        train({"--recipe", "imagenet-resnet18-w2a2", "--w-bits", bits, "--data", "nowhere"});
    EXPECT_EQ(result.exit_code, apps::failure);
    return result.err.find(message) != std::string::npos;
  };
  EXPECT_TRUE(warns("1"));
  EXPECT_FALSE(warns("2"));
  EXPECT_FALSE(warns("5"));
}

/// Whether images are mirrored is up to the data set that is trained on, not to the recipe's own.
TEST_F(ResumeTest, MirrorsImagesOfTheDataSetInPlaceOfTheRecipes) {
  Recipe recipe = tiny_recipe();
  recipe.dataset = "mnist";
  recipe.flip = true;
  write_recipe(folder_ / "digits.json", recipe);
  report({"--recipe", "digits.json", "--dataset", "synthetic", "--max-steps", "1", "--out", "a"});
  EXPECT_TRUE(last_of("a").recipe.flip);
}

TEST_F(ResumeTest, GoesOnByTheRecipeOfTheRunInTheDefaultFolder) {
  report({"--recipe", "tiny.json", "--epochs", "2", "--lr", "0.02", "--max-steps", "3"});
  const ProcessResult resumed = train({"--recipe", "tiny.json", "--resume"});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(resumed.json()["out"], "runs/tiny-w2a2");
  EXPECT_EQ(resumed.json()["epochs"], 2);
  EXPECT_EQ(resumed.json()["steps"], 2 * tiny_steps_per_epoch);
  EXPECT_NE(resumed.err.find("going on with the run's own recipe; it differs from tiny.json in "
                             "epochs, schedule.base_rate\n"),
            std::string::npos)
      << resumed.err;

  report({"--recipe", "tiny.json", "--epochs", "2", "--lr", "0.02", "--out", "unbroken"});
  EXPECT_TRUE(ends_like("runs/tiny-w2a2", "unbroken"));
}

TEST_F(ResumeTest, GoesOnByTheRecipeOfTheRunInAnyFolder) {
  report({"--recipe", "tiny.json", "--epochs", "2", "--max-steps", "3", "--out", "x"});
  const nlohmann::json resumed = report({"--resume", "--out", "x"});
  EXPECT_EQ(resumed["recipe"], "tiny (modified)");
  EXPECT_EQ(resumed["model"], "small-cnn");
  EXPECT_EQ(resumed["epochs_done"], 2);

  report({"--recipe", "tiny.json", "--epochs", "2", "--out", "unbroken"});
  EXPECT_TRUE(ends_like("x", "unbroken"));
}

TEST_F(ResumeTest, TheSameOptionsFindTheSameDefaultFolder) {
  const Arguments options{"--dataset", "synthetic", "--model", "small-cnn", "--quantizer",
                          "dorefa",    "--w-bits",  "1",       "--batch",   "8"};
  Arguments first = options;
  first.insert(first.end(), {"--epochs", "2", "--max-steps", "1"});
  EXPECT_EQ(report(first)["out"], "runs/fashion-mnist-resnet20-small-cnn-dorefa-synthetic-w1a2");
  Arguments second = options;
  second.insert(second.end(), {"--resume", "--max-steps", "2"});
  const nlohmann::json resumed = report(second);
  EXPECT_EQ(resumed["epochs"], 2);
  EXPECT_EQ(resumed["steps"], 2);
}

TEST_F(ResumeTest, OptionsMayRepeatWhatTheRunHas) {
  const Arguments options{"--recipe", "tiny.json", "--w-bits", "3", "--lr", "0.02", "--seed", "5"};
  Arguments first = options;
  first.insert(first.end(), {"--max-steps", "3"});
  report(first);
  Arguments second = options;
  second.push_back("--resume");
  const ProcessResult resumed = train(second);
  EXPECT_EQ(resumed.exit_code, 0);
  EXPECT_EQ(resumed.err.find("differs"), std::string::npos) << resumed.err;
}

TEST_F(ResumeTest, ContradictionsAreRefusedByTheOptionsName) {
  report({"--recipe", "tiny.json", "--max-steps", "3", "--out", "x"});
  const std::string before = bytes_of("x");
  const auto refuses_option = [&](const char* option, const char* value,
                                  const std::string& message) {
    return failed_with(train({"--resume", "--out", "x", option, value}), apps::wrong_usage,
                       std::string(option) + message);
  };
  EXPECT_TRUE(refuses_option("--w-bits", "3", ": 3 given, but the run in x has 2 (lqnet train "));
  EXPECT_TRUE(refuses_option("--a-bits", "32", ": 32 given, but the run in x has 2 (lqnet train "));
  EXPECT_TRUE(refuses_option("--model", "resnet20", ": \"resnet20\" given, but the run in x has "));
  EXPECT_TRUE(refuses_option("--quantizer", "hwgq", ": \"hwgq\" given, but the run in x has "));
  EXPECT_TRUE(refuses_option("--dataset", "mnist", ": \"mnist\" given, but the run in x has "));
  EXPECT_TRUE(refuses_option("--batch", "16", ": 16 given, but the run in x has 8 (lqnet train "));
  EXPECT_TRUE(
      refuses_option("--lr", "0.1", ": 0.1 given, but the run in x has 0.05 (lqnet train "));
  EXPECT_TRUE(refuses_option("--weight-decay", "0",
                             ": 0.0 given, but the run in x has 0.0001 (lqnet train "));
  EXPECT_TRUE(refuses_option("--seed", "2", ": 2 given, but the run in x has 1 (lqnet train "));
  EXPECT_TRUE(refuses_option(
      "--epochs", "2", ": 2 given, but the run in x has 3, which may only grow (lqnet train "));
  EXPECT_TRUE(refuses_option("--recipe", "cifar10-resnet20",
                             ": cifar10-resnet20 given, but the run in x is of tiny (lqnet "));
  EXPECT_EQ(bytes_of("x"), before);
}

TEST_F(ResumeTest, EpochsMayGrowWhichTheScheduleFeels) {
  report({"--recipe", "tiny.json", "--epochs", "1", "--out", "x"});
  const ProcessResult longer = train({"--resume", "--out", "x", "--epochs", "2"});
  ASSERT_EQ(longer.exit_code, 0) << longer.err;
  EXPECT_EQ(longer.json()["epochs_done"], 2);
  EXPECT_NE(
      longer.err.find("warning: epochs: 2 now, 1 before; from here on, the learning rate is "),
      std::string::npos)
      << longer.err;
  EXPECT_EQ(last_of("x").recipe.epochs, 2);
}

TEST_F(ResumeTest, AnotherNumberOfThreadsIsTold) {
  report({"--recipe", "tiny.json", "--max-steps", "3", "--out", "x"});
  EXPECT_EQ(last_of("x").threads, 1);
  const Arguments resume{"train", "--resume", "--out", "x", "--threads", "2", "--json"};
  const ProcessResult resumed = run_lqnet(resume, {.folder = folder_.path()});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(resumed.json()["threads"], 2);
  EXPECT_NE(resumed.err.find("warning: threads: 2 now, 1 before"), std::string::npos)
      << resumed.err;
}

TEST_F(ResumeTest, ThereMustBeARun) {
  EXPECT_TRUE(refuses({"--recipe", "tiny.json", "--resume"},
                      "runs/tiny-w2a2: there is no run to resume (no last.safetensors)"));
  EXPECT_TRUE(refuses({"--resume", "--out", "x"}, "x: there is no run to resume"));
  EXPECT_FALSE(fs::exists(folder_ / "runs"));
}

TEST_F(ResumeTest, RecipeFilesThatAreNoneAreRefused) {
  const auto refuses_text = [&](const std::string& text, const std::string& message) {
    write_content(folder_ / "bad.json", text);
    return refuses({"--recipe", "bad.json"}, "bad.json: " + message);
  };
  EXPECT_TRUE(refuses({"--recipe", "missing.json"}, "missing.json: "));
  EXPECT_TRUE(refuses({"--recipe", "."}, ".: "));
  EXPECT_TRUE(refuses_text("", "recipe: the text is no JSON"));
  EXPECT_TRUE(refuses_text("{\n\"name\": \n}", "recipe: the text is no JSON: parse error at line"));
  nlohmann::json object = nlohmann::json::parse(to_json(tiny_recipe()));
  object["batch"] = "many";
  EXPECT_TRUE(refuses_text(object.dump(), "recipe: key 'batch': expected a whole number"));
  object["batch"] = 8;
  object["schedule"].erase("unit");
  EXPECT_TRUE(refuses_text(object.dump(), "recipe: key 'schedule.unit' is missing"));
  // The name decides, not what the file is called.
  write_recipe(folder_ / "recipe-without-end", tiny_recipe());
  EXPECT_EQ(report({"--recipe", "./recipe-without-end", "--max-steps", "1"})["recipe"], "tiny");
}

TEST_F(ResumeTest, ThePrintedRecipeIsARecipeFile) {
  const ProcessResult printed = run_lqnet({"recipes", "fashion-mnist-resnet20"});
  write_content(folder_ / "mine.json", printed.out);
  const nlohmann::json trained =
      report({"--recipe", "mine.json", "--dataset", "synthetic", "--model", "small-cnn", "--batch",
              "8", "--max-steps", "1"});
  EXPECT_EQ(trained["recipe"], "fashion-mnist-resnet20");
  EXPECT_EQ(trained["modified"], nlohmann::json::array({"model", "dataset", "batch"}));
}

TEST_F(ResumeTest, OnlyAnUnmodifiedRecipeIsCalledByItsNameAlone) {
  report({"--recipe", "tiny.json", "--max-steps", "1", "--out", "as-it-is"});
  report({"--recipe", "tiny.json", "--w-bits", "3", "--max-steps", "1", "--out", "modified"});
  for (const std::string run : {"as-it-is", "modified"}) {
    const ProcessResult info =
        run_lqnet({"info", "--checkpoint", folder_ / run / "last.safetensors"});
    const std::string recipe = run == "modified" ? "tiny (modified)" : "tiny";
    EXPECT_NE(info.out.find("trained by " + recipe +
                            " on synthetic: best epoch 1 of 3 (1 steps of "
                            "it), chosen by test accuracy"),
              std::string::npos)
        << info.out;
  }
}

}  // namespace
}  // namespace lq::testing
