// Image folders, as users train on them.

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "apps/command_line.h"
#include "data/synthetic_photographs.h"
#include "tests/apps/process.h"
#include "tests/apps/tiny_recipe.h"
#include "tests/support/environment.h"

namespace lq::testing {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class ImageFolderTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    write_photographs(
        *folder_ / "images",
        {.classes = 3, .train_images = 24, .val_images = 8, .height = 30, .width = 40});
    Recipe recipe = tiny_recipe();
    recipe.dataset = "imagenet";
    recipe.epochs = 4;
    recipe.augmentation = {.kind = AugmentationKind::resized_crop,
                           .resize = {.crop = 24,
                                      .shorter_side = 28,
                                      .interpolation = Interpolation::bicubic_opencv,
                                      .order = ChannelOrder::bgr}};
    write_recipe(*folder_ / "tiny.json", recipe);
    result_ = new ProcessResult(
        run({"train", "--recipe", "tiny.json", "--data", "images", "--out", "run", "--json"}));
  }
  static void TearDownTestSuite() {
    delete result_;
    delete folder_;
  }
  void SetUp() override { ASSERT_EQ(result_->exit_code, 0) << result_->err; }

  static ProcessResult run(const std::vector<std::string>& arguments) {
    return run_lqnet(arguments, {.folder = folder_->path()});
  }

  static inline TemporaryFolder* folder_ = nullptr;
  static inline ProcessResult* result_ = nullptr;
};

TEST_F(ImageFolderTest, AreLearnedEvaluatedAndPacked) {
  EXPECT_GT(result_->json()["test_accuracy"], 0.8);
  const ProcessResult packed = run(
      {"pack", "--checkpoint", "run", "--data", "images", "--out", "a.lqn", "--verify", "--json"});
  ASSERT_EQ(packed.exit_code, 0) << packed.err;
  EXPECT_EQ(packed.json()["agreement"]["images"], 24);
  EXPECT_EQ(packed.json()["agreement"]["unexplained"], 0);

  const ProcessResult inferred = run({"infer", "--network", "a.lqn", "--dataset", "imagenet",
                                      "--data", "images", "--batch", "5", "--json"});
  ASSERT_EQ(inferred.exit_code, 0) << inferred.err;
  EXPECT_EQ(inferred.json()["accuracy"], packed.json()["agreement"]["packed_accuracy"]);
  EXPECT_EQ(inferred.json()["correct"].get<double>() / 24, inferred.json()["accuracy"]);
  EXPECT_EQ(inferred.json()["model"], "small-cnn");
}

/// A JPEG file is seen as in evaluation: the first class of every test image that is classified
/// right as part of the data set is that of its folder.
TEST_F(ImageFolderTest, FilesAreClassifiedAsInEvaluation) {
  ASSERT_EQ(run({"pack", "--checkpoint", "run", "--data", "images", "--out", "b.lqn"}).exit_code,
            0);
  std::vector<std::string> arguments{"infer", "--network", "b.lqn", "--top", "1", "--json"};
  for (int label = 0; label < 3; ++label) {
    for (int i = 0; i < 8; ++i) {
      const std::string name = photograph_class(label);
      arguments.push_back(fmt::format("images/val/{}/{}_{}.JPEG", name, name, i));
    }
  }
  const ProcessResult files = run(arguments);
  ASSERT_EQ(files.exit_code, 0) << files.err;
  int correct = 0;
  for (const auto& file : files.json()) {
    const std::string name = file["guesses"][0]["name"];
    correct += file["file"].get<std::string>().find("val/" + name + "/") != std::string::npos;
  }
  const ProcessResult evaluated =
      run({"eval", "--checkpoint", "run", "--data", "images", "--json"});
  EXPECT_EQ(evaluated.json()["correct"], correct);
}

TEST_F(ImageFolderTest, ShardsGiveTheSameNumbers) {
  const ProcessResult sharded =
      run({"shard", "--data", "images", "--out", "shards", "--shard-size", "1", "--json"});
  ASSERT_EQ(sharded.exit_code, 0) << sharded.err;
  EXPECT_EQ(sharded.json()["train_images"], 72);
  EXPECT_EQ(sharded.json()["val_images"], 24);
  EXPECT_EQ(sharded.json()["classes"], 3);
  const ProcessResult trained =
      run({"train", "--recipe", "tiny.json", "--data", "shards", "--out", "again", "--json"});
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  EXPECT_EQ(trained.json()["test_loss"], result_->json()["test_loss"]);
  EXPECT_TRUE(failed_with(run({"shard", "--data", "images", "--out", "shards"}), 1,
                          "already holds shards"));
}

/// More of them than one line names.
TEST_F(ImageFolderTest, UnreadableImagesAreNamed) {
  std::filesystem::copy(*folder_ / "images", *folder_ / "damaged",
                        std::filesystem::copy_options::recursive);
  const std::string name = photograph_class(1);
  const auto image = [&](int i) { return fmt::format("damaged/val/{}/{}_{}.JPEG", name, name, i); };
  for (int i = 0; i < 7; ++i) std::ofstream(*folder_ / image(i)) << "not an image";
  const auto expect_all_named = [&](const ProcessResult& result) {
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_NE(result.err.find("warning: 7 test images could not be read and were left out: "),
              std::string::npos)
        << result.err;
    for (int i = 0; i < 7; ++i) EXPECT_NE(result.err.find(image(i)), std::string::npos) << i;
  };
  const ProcessResult evaluated =
      run({"eval", "--checkpoint", "run", "--data", "damaged", "--json"});
  expect_all_named(evaluated);
  EXPECT_EQ(evaluated.json()["count"], 17);
  EXPECT_EQ(evaluated.json()["skipped_images"], 7);
  const ProcessResult packed = run(
      {"pack", "--checkpoint", "run", "--data", "damaged", "--out", "c.lqn", "--verify", "--json"});
  expect_all_named(packed);
  EXPECT_EQ(packed.json()["agreement"]["images"], 17);
  EXPECT_EQ(packed.json()["agreement"]["skipped_images"], 7);
  const ProcessResult inferred =
      run({"infer", "--network", "c.lqn", "--dataset", "imagenet", "--data", "damaged", "--json"});
  expect_all_named(inferred);
  EXPECT_EQ(inferred.json()["images"], 17);
  EXPECT_EQ(inferred.json()["skipped_images"], 7);
  const ProcessResult counted =
      run({"stats", "--checkpoint", "run", "--data", "damaged", "--json"});
  expect_all_named(counted);
  EXPECT_EQ(counted.json()["images"], 17);
  EXPECT_EQ(counted.json()["skipped_images"], 7);
  const ProcessResult trained = run({"train", "--recipe", "tiny.json", "--epochs", "1", "--data",
                                     "damaged", "--out", "run_on_damaged", "--json"});
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  EXPECT_EQ(trained.json()["skipped_images"], 7);
  const std::string names = content_of(*folder_ / "run_on_damaged/skipped_images.txt");
  for (int i = 0; i < 7; ++i) {
    EXPECT_NE(names.find(fmt::format("test: {}/{}_{}.JPEG: ", name, name, i)), std::string::npos);
  }
}

TEST_F(ImageFolderTest, UnreadableImagesAreNamedWhereThereAreNoOthers) {
  std::filesystem::copy(*folder_ / "images", *folder_ / "gone",
                        std::filesystem::copy_options::recursive);
  std::vector<std::string> images;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(*folder_ / "gone/val")) {
    if (!entry.is_regular_file()) continue;
    std::ofstream(entry.path()) << "not an image";
    images.push_back(entry.path().filename().string());
  }
  ASSERT_EQ(images.size(), 24U);
  const ProcessResult evaluated = run({"eval", "--checkpoint", "run", "--data", "gone"});
  EXPECT_EQ(evaluated.exit_code, 1);
  EXPECT_NE(evaluated.err.find("lqnet: error: loader: none of 24 images could be read"),
            std::string::npos)
      << evaluated.err;
  for (const std::string& image : images) {
    EXPECT_NE(evaluated.err.find(image), std::string::npos) << image;
  }
}

TEST_F(ImageFolderTest, WarningsDoNotRunIntoTheBar) {
  std::filesystem::copy(*folder_ / "images", *folder_ / "damaged_in_front",
                        std::filesystem::copy_options::recursive);
  const std::string name = photograph_class(0);
  std::ofstream(*folder_ / fmt::format("damaged_in_front/val/{}/{}_0.JPEG", name, name)) << "none";
  const Terminal terminal;
  const ProcessResult packed =
      run_lqnet({"pack", "--checkpoint", "run", "--data", "damaged_in_front", "--out", "f.lqn",
                 "--verify", "--json"},
                {.folder = folder_->path(), .error_device = terminal.path()});
  ASSERT_EQ(packed.exit_code, 0);
  const std::string text = terminal.text();
  EXPECT_NE(text.find("\rcomparison ["), std::string::npos) << text;
  EXPECT_NE(text.find("\r\x1b[Klqnet: warning: 1 test image could not be read"), std::string::npos)
      << text;
}

TEST_F(ImageFolderTest, NumbersDoNotDependOnLoaderThreads) {
  ASSERT_EQ(run({"pack", "--checkpoint", "run", "--data", "images", "--out", "d.lqn"}).exit_code,
            0);
  using Words = std::vector<std::string>;
  const std::vector<std::pair<Words, Words>> commands_and_keys{
      {{"eval", "--checkpoint", "run", "--batch", "5"}, {"accuracy", "top5_accuracy", "loss"}},
      {{"infer", "--network", "d.lqn", "--dataset", "imagenet", "--batch", "5", "--top", "2"},
       {"accuracy", "correct", "top_accuracy"}},
      {{"pack", "--checkpoint", "run", "--out", "e.lqn", "--verify"}, {"agreement"}}};
  for (auto [arguments, keys] : commands_and_keys) {
    arguments.insert(arguments.end(), {"--data", "images", "--json"});
    const ProcessResult by_default = run(arguments);
    ASSERT_EQ(by_default.exit_code, 0) << by_default.err;
    for (const char* threads : {"0", "3"}) {
      std::vector<std::string> with_threads = arguments;
      with_threads.insert(with_threads.end(), {"--loader-threads", threads});
      const ProcessResult result = run(with_threads);
      ASSERT_EQ(result.exit_code, 0) << result.err;
      for (const std::string& key : keys) {
        EXPECT_EQ(result.json().at(key), by_default.json().at(key)) << arguments[0] << ' ' << key;
      }
    }
  }
}

TEST_F(ImageFolderTest, ShardsKeepPlacesOfUnreadableImages) {
  std::filesystem::copy(*folder_ / "images", *folder_ / "gappy",
                        std::filesystem::copy_options::recursive);
  const std::string name = photograph_class(2);
  const std::filesystem::path image =
      *folder_ / "gappy" / "val" / name / fmt::format("{}_0.JPEG", name);
  std::filesystem::remove(image);
  std::filesystem::create_symlink("nowhere", image);
  std::filesystem::copy(*folder_ / "gappy" / "train" / name / fmt::format("{}_0.JPEG", name),
                        *folder_ / "gappy" / "train" / "beside.JPEG");
  const ProcessResult sharded =
      run({"shard", "--data", "gappy", "--out", "gappy_shards", "--json"});
  ASSERT_EQ(sharded.exit_code, 0) << sharded.err;
  EXPECT_EQ(sharded.json()["val_images"], 24);
  EXPECT_EQ(sharded.json()["skipped_images"], 1);
  EXPECT_NE(sharded.err.find(name + "_0.JPEG"), std::string::npos) << sharded.err;
  EXPECT_NE(sharded.err.find("warning: gappy: not used: 1 image beside the classes of train "
                             "(train/beside.JPEG)"),
            std::string::npos)
      << sharded.err;
  const ProcessResult evaluated =
      run({"eval", "--checkpoint", "run", "--data", "gappy_shards", "--json"});
  ASSERT_EQ(evaluated.exit_code, 0) << evaluated.err;
  EXPECT_EQ(evaluated.json()["skipped_images"], 1);
  EXPECT_TRUE(failed_with(run({"shard", "--data", "gappy", "--out", "gappy"}), 1,
                          "gappy: the output is the folder that is packed"));
  const ProcessResult folder = run({"eval", "--checkpoint", "run", "--data", "gappy", "--json"});
  EXPECT_EQ(folder.json()["loss"], evaluated.json()["loss"]);
  EXPECT_NE(folder.err.find("not used: 1 image beside"), std::string::npos) << folder.err;
}

TEST_F(ImageFolderTest, AreGeneratedForRecipesOfImageNet) {
  const std::vector<std::string> command{
      "generate-images", "--out", "made-up",      "--classes", "2",
      "--images",        "3",     "--val-images", "1"};
  const ProcessResult generated = run(command);
  ASSERT_EQ(generated.exit_code, 0) << generated.err;
  EXPECT_EQ(generated.out, "images  made-up: 6 for training and 2 for validation, of 2 classes\n");
  const ProcessResult trained =
      run({"train", "--recipe", "imagenet-resnet18-w1a2", "--data", "made-up", "--batch", "2",
           "--max-steps", "1", "--out", "made-up-run", "--json"});
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  EXPECT_EQ(trained.json()["classes"], 2);
  // Images of the first call must not mix with those of another one.
  EXPECT_TRUE(failed_with(run(command), 1, "made-up: the folder is not empty"));
}

TEST_F(ImageFolderTest, BenchTakesThem) {
  const ProcessResult result = run({"bench", "data", "--data", "images", "--images", "8",
                                    "--rounds", "1", "--threads", "2", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.json()["images"], 8);
  EXPECT_EQ(result.json()["rounds"], 1);
  EXPECT_GT(result.json()["decoding_images_per_s"], 0);
  EXPECT_EQ(result.json()["paths"].size(), 5U);
  for (const auto& path : result.json()["paths"]) {
    EXPECT_GT(path["region_decoding_images_per_s"], 0);
    EXPECT_DOUBLE_EQ(
        path["of_region_decoding"].get<double>(),
        path["images_per_s"].get<double>() / path["region_decoding_images_per_s"].get<double>());
  }
  EXPECT_TRUE(failed_with(run({"bench", "data", "--data", "nowhere"}), 1,
                          "image-folder: there is no folder nowhere"));
}

/// lqnet bench data makes photographs up in a folder of the test.
class MadeUpPhotographsTest : public ::testing::Test {
 protected:
  std::vector<fs::path> photograph_folders() const {
    std::vector<fs::path> folders;
    for (const std::string& name : names_in(folder_.path())) {
      if (name.starts_with("lqnet_photographs_")) folders.push_back(folder_ / name);
    }
    return folders;
  }
  /// Waits until the first photograph of "train" or "val" is there.
  void wait_for_photograph(const std::string& split) const {
    for (int i = 0; i < 20000; ++i) {
      for (const fs::path& folder : photograph_folders()) {
        if (fs::exists(folder / split / "n00000000/n00000000_0.JPEG")) return;
      }
      std::this_thread::sleep_for(1ms);
    }
    FAIL() << "no photographs for " << split;
  }

  TemporaryFolder folder_;
  EnvironmentScope temporary_{"TMPDIR", folder_.path().c_str()};
};

TEST_F(MadeUpPhotographsTest, AreGoneAfterwards) {
  EXPECT_EQ(run_lqnet({"bench", "data", "--images", "2", "--rounds", "1"}).exit_code, 0);
  EXPECT_TRUE(photograph_folders().empty());
}

TEST_F(MadeUpPhotographsTest, AreGoneWhenTheyCannotBeWritten) {
  const FileSizeLimit full_disk(10000);
  EXPECT_TRUE(failed_with(run_lqnet({"bench", "data", "--images", "2"}), apps::failure, "JPEG"));
  EXPECT_TRUE(photograph_folders().empty());
}

TEST_F(MadeUpPhotographsTest, AreGoneAfterASignalWhileTheyAreWritten) {
  LqnetProcess process({"bench", "data", "--images", "1000000"});
  wait_for_photograph("train");
  process.send(SIGINT);
  EXPECT_EQ(process.wait().exit_code, apps::interrupted);
  EXPECT_TRUE(photograph_folders().empty());
}

TEST_F(MadeUpPhotographsTest, AreGoneAfterASignalWhileTheyAreRead) {
  LqnetProcess process({"bench", "data", "--images", "2", "--rounds", "1000", "--threads", "2"});
  wait_for_photograph("val");  // the last one
  std::this_thread::sleep_for(100ms);
  process.send(SIGTERM);
  EXPECT_EQ(process.wait().exit_code, apps::interrupted);
  EXPECT_TRUE(photograph_folders().empty());
}

}  // namespace
}  // namespace lq::testing
