// lqnet pack and lqnet infer, as users call them.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "apps/command_line.h"
#include "deploy/packed_file.h"
#include "tests/apps/process.h"
#include "tests/apps/tiny_recipe.h"
#include "train/checkpoint.h"

namespace lq::testing {
namespace {

class PackedTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    write_recipe(*folder_ / "tiny.json", tiny_recipe());
    ASSERT_EQ(run({"train", "--recipe", "tiny.json", "--out", "run"}).exit_code, 0);
    std::ofstream(*folder_ / "picture.pgm") << "P5 2 2 255\nabcd";
  }
  static void TearDownTestSuite() { delete folder_; }

  static ProcessResult run(const std::vector<std::string>& arguments) {
    return run_lqnet(arguments, {.folder = folder_->path()});
  }

  static inline TemporaryFolder* folder_ = nullptr;
};

TEST_F(PackedTest, PackedNetworkAgreesWithTheTrainedOne) {
  const ProcessResult packed =
      run({"pack", "--checkpoint", "run", "--out", "a.lqn", "--verify", "--json"});
  ASSERT_EQ(packed.exit_code, 0) << packed.err;
  const auto report = packed.json();
  EXPECT_LT(report["file_bytes"], report["fp32_bytes"]);
  const auto& agreement = report["agreement"];
  EXPECT_GT(agreement["images"], 0);
  EXPECT_EQ(agreement["agreeing"], agreement["images"]);
  EXPECT_EQ(agreement["float_accuracy"], agreement["packed_accuracy"]);
  EXPECT_LT(agreement["largest_difference"], 1e-3);
  EXPECT_EQ(agreement["ties"], 0);
  EXPECT_EQ(agreement["unexplained"], 0);

  const ProcessResult evaluated = run({"eval", "--checkpoint", "run", "--json"});
  EXPECT_DOUBLE_EQ(evaluated.json()["accuracy"], agreement["float_accuracy"]);
}

TEST_F(PackedTest, ScoresThatAreNoNumbersAreErrors) {
  Checkpoint checkpoint = load_checkpoint(*folder_ / "run/last.safetensors");
  for (auto& [name, tensor] : checkpoint.model) {
    if (name == "fc.weight") std::ranges::fill(tensor.span<float>(), 3e38F);
  }
  save_checkpoint(*folder_ / "huge.safetensors", checkpoint);
  const ProcessResult packed =
      run({"pack", "--checkpoint", "huge.safetensors", "--out", "huge.lqn"});
  ASSERT_EQ(packed.exit_code, 0) << packed.err;
  EXPECT_TRUE(failed_with(run({"infer", "--network", "huge.lqn", "--dataset", "synthetic"}),
                          apps::failure, "the packed network's score 0 of image 0 is "));
  EXPECT_TRUE(failed_with(run({"infer", "--network", "huge.lqn", "picture.pgm"}), apps::failure,
                          "picture.pgm: the packed network's score 0 of image 0 is "));
}

TEST_F(PackedTest, PathsThatCannotBeLookedAtAreNamed) {
  std::filesystem::create_symlink("circle", *folder_ / "circle");
  const std::string message = "circle: cannot be looked at: Too many levels of symbolic links";
  for (const char* command : {"eval", "stats", "info"}) {
    EXPECT_TRUE(failed_with(run({command, "--checkpoint", "circle"}), apps::failure, message));
  }
  EXPECT_TRUE(failed_with(run({"pack", "--checkpoint", "circle", "--out", "b.lqn"}), apps::failure,
                          message));
  EXPECT_TRUE(failed_with(run({"generate-images", "--out", "circle"}), apps::failure, message));
  EXPECT_TRUE(failed_with(run({"generate-images", "--out", "tiny.json"}), apps::failure,
                          "tiny.json: not a folder"));
}

TEST_F(PackedTest, BenchTellsWhichFileRan) {
  ASSERT_EQ(run({"pack", "--checkpoint", "run", "--out", "bench.lqn"}).exit_code, 0);
  const std::vector<std::string> bench{"bench",     "network",  "--network",
                                       "bench.lqn", "--rounds", "1"};
  const ProcessResult text = run(bench);
  ASSERT_EQ(text.exit_code, 0) << text.err;
  EXPECT_NE(text.out.find("bench.lqn (small-cnn)  "), std::string::npos) << text.out;
  std::vector<std::string> with_json = bench;
  with_json.emplace_back("--json");
  const nlohmann::json row = run(with_json).json()[0];
  EXPECT_EQ(row["network"], "bench.lqn");
  EXPECT_EQ(row["model"], "small-cnn");
  EXPECT_EQ(row["variant"], "");
  EXPECT_EQ(row["classes"], 10);
  EXPECT_EQ(row["input"], nlohmann::json({8, 8, 3}));
  EXPECT_FALSE(row.contains("w_bits"));
}

TEST_F(PackedTest, SnappedBasesAreComparedUnasked) {
  const ProcessResult packed =
      run({"pack", "--checkpoint", "run", "--out", "grid.lqn", "--int8-grid", "always", "--json"});
  ASSERT_EQ(packed.exit_code, 0) << packed.err;
  const auto agreement = packed.json()["agreement"];
  EXPECT_GT(agreement["images"], 0);
  EXPECT_TRUE(agreement["packed_accuracy"].is_number());
  EXPECT_TRUE(agreement["ties"].is_null());
  EXPECT_TRUE(agreement["unexplained"].is_null());
}

TEST_F(PackedTest, FileGoesBesideTheCheckpointUnlessToldOtherwise) {
  ASSERT_EQ(run({"pack", "--checkpoint", "run"}).exit_code, 0);
  EXPECT_TRUE(std::filesystem::exists(*folder_ / "run/best.lqn"));
}

/// A file that takes no room on the disk, but more memory than there is, between two that fit.
TEST_F(PackedTest, FilesThatMemoryIsTooShortForSpoilNoOthers) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "limits of memory are not for the sanitizer";
#endif
  ASSERT_EQ(run({"pack", "--checkpoint", "run", "--out", "m.lqn"}).exit_code, 0);
  std::ofstream(*folder_ / "huge.pgm") << "P5 10 10 255\n";
  std::filesystem::resize_file(*folder_ / "huge.pgm", 1'000'000'000);
  LqnetProcess infer(
      {"infer", "--network", "m.lqn", "picture.pgm", "huge.pgm", "picture.pgm", "--json"},
      {.folder = folder_->path()});
  infer.limit_memory(900'000'000);
  const ProcessResult result = infer.wait();
  EXPECT_EQ(result.exit_code, 1) << result.err;
  const auto report = result.json();
  ASSERT_EQ(report.size(), 3U);
  EXPECT_TRUE(report[0].contains("guesses"));
  EXPECT_EQ(report[1]["error"], "huge.pgm: cannot be read: out of memory");
  EXPECT_TRUE(report[2].contains("guesses"));
}

TEST_F(PackedTest, PackingTakesNoImagesUnlessItIsToCompare) {
  Checkpoint checkpoint = load_checkpoint(*folder_ / "run/best.safetensors");
  checkpoint.recipe.dataset = "cifar10";
  save_checkpoint(*folder_ / "moved.safetensors", checkpoint);
  const ProcessResult packed = run({"pack", "--checkpoint", "moved.safetensors"});
  EXPECT_EQ(packed.exit_code, 0);
  EXPECT_EQ(packed.err, "");
  EXPECT_EQ(deploy::read_packed_model(*folder_ / "moved.lqn").class_names, checkpoint.class_names);

  const ProcessResult snapped =
      run({"pack", "--checkpoint", "moved.safetensors", "--int8-grid", "always"});
  EXPECT_EQ(snapped.exit_code, 0);
  EXPECT_EQ(snapped.err,
            "lqnet: warning: bases were snapped to integers, and what that changes was not "
            "measured: cifar10: no folder given; give the folder of data_batch_1.bin with "
            "--data\n");
  EXPECT_TRUE(failed_with(run({"pack", "--checkpoint", "moved.safetensors", "--int8-grid", "always",
                               "--data", "nowhere"}),
                          1, "there is no folder nowhere"));
}

TEST_F(PackedTest, CheckpointsWithoutNamesOfClassesTakeThoseOfTheDataSet) {
  Checkpoint checkpoint = load_checkpoint(*folder_ / "run/best.safetensors");
  const std::vector<std::string> names = std::exchange(checkpoint.class_names, {});
  save_checkpoint(*folder_ / "old.safetensors", checkpoint);
  const auto names_of_packed = [] {
    return deploy::read_packed_model(*folder_ / "old.lqn").class_names;
  };
  for (const char* option : {"--json", "--verify", "--int8-grid=always"}) {
    const ProcessResult packed = run({"pack", "--checkpoint", "old.safetensors", option});
    EXPECT_EQ(packed.exit_code, 0);
    EXPECT_EQ(packed.err, "");
    EXPECT_EQ(names_of_packed(), names) << option;
  }
  checkpoint.recipe.dataset = "cifar10";
  save_checkpoint(*folder_ / "old.safetensors", checkpoint);
  const ProcessResult nameless = run({"pack", "--checkpoint", "old.safetensors"});
  EXPECT_EQ(nameless.exit_code, 0);
  EXPECT_TRUE(nameless.err.starts_with(
      "lqnet: warning: the checkpoint keeps no names of its classes: cifar10: no folder given"))
      << nameless.err;
  EXPECT_TRUE(names_of_packed().empty());
}

TEST_F(PackedTest, ClassesOfOtherNamesAreTold) {
  Checkpoint checkpoint = load_checkpoint(*folder_ / "run/best.safetensors");
  const std::string name = std::exchange(checkpoint.class_names[2], "zebra");
  save_checkpoint(*folder_ / "zebra.safetensors", checkpoint);
  const std::string told = fmt::format(
      "class 2 of the network is \"zebra\", that of data set synthetic is \"{}\": accuracy "
      "compares "
      "classes by their place\n",
      name);
  const ProcessResult evaluated = run({"eval", "--checkpoint", "zebra.safetensors"});
  EXPECT_EQ(evaluated.exit_code, 0);
  EXPECT_EQ(evaluated.err, "lqnet: warning: zebra.safetensors: " + told);
  ASSERT_EQ(run({"pack", "--checkpoint", "zebra.safetensors"}).err, "");
  const ProcessResult inferred = run({"infer", "--network", "zebra.lqn", "--dataset", "synthetic"});
  EXPECT_TRUE(inferred.err.starts_with("lqnet: warning: zebra.lqn: " + told)) << inferred.err;
}

TEST_F(PackedTest, NothingIsWrittenThatCannotBeVerified) {
  Checkpoint checkpoint = load_checkpoint(*folder_ / "run/best.safetensors");
  checkpoint.recipe.dataset = "cifar10";
  save_checkpoint(*folder_ / "elsewhere.safetensors", checkpoint);
  EXPECT_TRUE(failed_with(
      run({"pack", "--checkpoint", "elsewhere.safetensors", "--data", "nowhere", "--verify"}), 1,
      "there is no folder nowhere"));
  EXPECT_FALSE(std::filesystem::exists(*folder_ / "elsewhere.lqn"));

  // Scores beyond a float cannot be compared.
  Checkpoint huge = load_checkpoint(*folder_ / "run/best.safetensors");
  for (auto& [parameter, tensor] : huge.model) {
    if (parameter == "fc.weight" || parameter == "fc.bias") {
      std::ranges::fill(tensor.span<float>(), std::numeric_limits<float>::max());
    }
  }
  save_checkpoint(*folder_ / "huge.safetensors", huge);
  write_content(*folder_ / "huge.lqn", "kept");
  const ProcessResult compared = run({"pack", "--checkpoint", "huge.safetensors", "--verify"});
  EXPECT_EQ(compared.exit_code, 1) << compared.out;
  EXPECT_EQ(content_of(*folder_ / "huge.lqn"), "kept") << compared.err;
  EXPECT_FALSE(std::filesystem::exists(*folder_ / "huge.lqn.tmp"));
}

TEST_F(PackedTest, FilesOfTheRunAreNeverReplaced) {
  std::filesystem::copy(*folder_ / "run", *folder_ / "kept");
  std::filesystem::create_symlink("kept/last.safetensors", *folder_ / "link.lqn");
  std::filesystem::copy(*folder_ / "run/last.safetensors", *folder_ / "alone.lqn");
  const auto contents = [] {
    std::vector<std::string> all{content_of(*folder_ / "alone.lqn")};
    for (const std::string& name : names_in(*folder_ / "kept")) {
      all.push_back(content_of(*folder_ / "kept" / name));
    }
    return all;
  };
  const std::vector<std::string> before = contents();
  for (const char* command : {"pack", "stats"}) {
    for (const std::string out : {"kept/best.safetensors", "kept/../kept/last.safetensors",
                                  "kept/metrics.jsonl", "link.lqn"}) {
      EXPECT_TRUE(failed_with(run({command, "--checkpoint", "kept", "--out", out}), 2,
                              std::string(command) + ": --out: " + out + " would replace "));
    }
  }
  EXPECT_TRUE(failed_with(run({"pack", "--checkpoint", "alone.lqn"}), 2, "--out: alone.lqn would"));
  EXPECT_EQ(contents(), before);
}

TEST_F(PackedTest, InfersFiles) {
  ASSERT_EQ(run({"pack", "--checkpoint", "run", "--out", "b.lqn"}).exit_code, 0);
  const ProcessResult result =
      run({"infer", "--network", "b.lqn", "picture.pgm", "picture.pgm", "--top", "2", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto report = result.json();
  ASSERT_EQ(report.size(), 2U);
  EXPECT_EQ(report[0]["guesses"].size(), 2U);
  EXPECT_EQ(report[0]["guesses"], report[1]["guesses"]);
  EXPECT_GE(report[0]["guesses"][0]["probability"], report[0]["guesses"][1]["probability"]);
}

TEST_F(PackedTest, AFileThatCannotBeReadLeavesTheOthersTheirGuesses) {
  ASSERT_EQ(run({"pack", "--checkpoint", "run", "--out", "d.lqn"}).exit_code, 0);
  const std::vector<std::string> infer{"infer",       "--network",   "d.lqn",
                                       "nothing.png", "picture.pgm", "tiny.json"};
  std::vector<std::string> infer_as_json = infer;
  infer_as_json.emplace_back("--json");
  const ProcessResult text = run(infer), json = run(infer_as_json);
  for (const ProcessResult& result : {text, json}) {
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_NE(result.err.find("lqnet: warning: nothing.png: "), std::string::npos) << result.err;
    EXPECT_NE(result.err.find("lqnet: warning: tiny.json: not an image"), std::string::npos)
        << result.err;
    EXPECT_TRUE(result.err.ends_with("lqnet: error: infer: 2 of 3 files could not be read\n"))
        << result.err;
  }
  EXPECT_TRUE(text.out.starts_with("picture.pgm (")) << text.out;
  const auto report = json.json();
  ASSERT_EQ(report.size(), 3U);
  for (const std::size_t unreadable : {0, 2}) {
    EXPECT_EQ(report[unreadable].size(), 2U);
    EXPECT_EQ(report[unreadable]["file"], infer[3 + unreadable]);
    EXPECT_TRUE(report[unreadable]["error"].get<std::string>().starts_with(infer[3 + unreadable]));
  }
  EXPECT_EQ(report[1]["guesses"].size(), 5U);
}

TEST_F(PackedTest, OnlyFullBatchesHaveALatency) {
  // The test images of "synthetic" are 512 of 32 x 32 x 3.
  ASSERT_EQ(run({"train", "--dataset", "synthetic", "--model", "small-cnn", "--batch", "8",
                 "--max-steps", "1", "--out", "large"})
                .exit_code,
            0);
  ASSERT_EQ(run({"pack", "--checkpoint", "large", "--out", "large.lqn"}).exit_code, 0);
  const std::vector<std::string> infer{"infer",     "--network", "large.lqn",
                                       "--dataset", "synthetic", "--batch"};
  const auto infer_with = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = infer;
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  };
  EXPECT_GT(infer_with({"500", "--json"}).json()["latency"]["p50_us"], 0.0);
  const nlohmann::json report = infer_with({"513", "--json"}).json();
  EXPECT_EQ(report["images"], 512);
  EXPECT_TRUE(report["latency"].is_null());
  EXPECT_EQ(report["device"].get<std::string>().rfind("CPU with ", 0), 0U) << report["device"];
  EXPECT_NE(infer_with({"500"}).out.find("batches of 500: median"), std::string::npos);
  EXPECT_NE(infer_with({"513"}).out.find("; no batch of 513 was full, which gives no latency ("),
            std::string::npos);
}

TEST_F(PackedTest, WhatIsWrongIsSaidInOneLine) {
  ASSERT_EQ(run({"pack", "--checkpoint", "run", "--out", "c.lqn"}).exit_code, 0);
  const auto expect_refused = [](const ProcessResult& result, int exit_code, const char* part) {
    EXPECT_EQ(result.exit_code, exit_code);
    EXPECT_NE(result.err.find(part), std::string::npos) << result.err;
    EXPECT_EQ(std::ranges::count(result.err, '\n'), 1) << result.err;
  };
  expect_refused(run({"infer", "--network", "tiny.json", "picture.pgm"}), 1, "tiny.json");
  expect_refused(run({"infer", "--network", "run/best.safetensors", "picture.pgm"}), 1,
                 "best.safetensors");
  expect_refused(run({"infer", "--network", "c.lqn"}), 2, "image files or --dataset");
  expect_refused(run({"infer", "--network", "run", "picture.pgm"}), 1,
                 "run: is a folder, expected a file of lqnet pack");
  expect_refused(run({"infer", "--network", "c.lqn", "picture.pgm", "--batch", "2"}), 2,
                 "--batch requires --dataset");
  expect_refused(
      run({"pack", "--checkpoint", "run", "--data", "nowhere", "--out", "d.lqn", "--verify"}), 1,
      "synthetic: the data set has no files, but folder nowhere is given");
  expect_refused(run({"pack", "--checkpoint", "run", "--int8-grid", "some"}), 2, "--int8-grid");
  expect_refused(run({"pack", "--checkpoint", "c.lqn"}), 1, "c.lqn");
  expect_refused(run({"pack", "--checkpoint", "run", "--out", "no/such/folder/d.lqn"}), 1,
                 "no/such/folder");
}

}  // namespace
}  // namespace lq::testing
