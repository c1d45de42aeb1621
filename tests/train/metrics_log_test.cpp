#include "train/metrics_log.h"

#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <vector>

#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/temporary_folder.h"

namespace lq::testing {
namespace {

using nlohmann::json;

std::vector<json> lines_of(const std::filesystem::path& path) {
  std::vector<json> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(json::parse(line));
  return lines;
}

TEST(MetricsLogTest, WritesOneObjectPerLineAtOnce) {
  const TemporaryFolder folder;
  MetricsLog log(folder / "metrics.jsonl");
  log.write(StepMetrics{.epoch = 1,
                        .step = 50,
                        .loss = 0.1 + 0.2,
                        .accuracy = 0.25,
                        .learning_rate = 0.1,
                        .images_per_s = 640.0,
                        .seconds = 10.0});
  log.write(EpochMetrics{.epoch = 1,
                         .step = 100,
                         .train_loss = 1.5,
                         .train_accuracy = 0.5,
                         .test_loss = std::numeric_limits<double>::infinity(),
                         .test_accuracy = 0.625,
                         .test_top5_accuracy = 0.875,
                         .learning_rate = 0.05,
                         .images_per_s = 650.0,
                         .seconds = 21.0});
  log.write_warning(100, "a \"quoted\"\nwarning");
  // The log is still open: what was written must be there already.
  const std::vector<json> lines = lines_of(folder / "metrics.jsonl");
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0], (json{{"kind", "step"},
                            {"epoch", 1},
                            {"step", 50},
                            {"loss", 0.1 + 0.2},
                            {"accuracy", 0.25},
                            {"learning_rate", 0.1},
                            {"images_per_s", 640.0},
                            {"seconds", 10.0}}));
  EXPECT_EQ(lines[1], (json{{"kind", "epoch"},
                            {"epoch", 1},
                            {"step", 100},
                            {"train_loss", 1.5},
                            {"train_accuracy", 0.5},
                            {"test_loss", nullptr},
                            {"test_accuracy", 0.625},
                            {"test_top5_accuracy", 0.875},
                            {"learning_rate", 0.05},
                            {"images_per_s", 650.0},
                            {"seconds", 21.0}}));
  EXPECT_EQ(lines[2],
            (json{{"kind", "warning"}, {"step", 100}, {"message", "a \"quoted\"\nwarning"}}));
}

TEST(MetricsLogTest, ResumingDropsLaterAndTornLines) {
  const TemporaryFolder folder;
  const auto path = folder / "metrics.jsonl";
  {
    MetricsLog log(path);
    for (std::int64_t step : {10, 20, 30}) log.write(StepMetrics{.step = step});
  }
  std::ofstream(path, std::ios::app) << R"({"kind": "step", "step": 1)";
  MetricsLog log(path, /*resume_after=*/20);
  log.write(StepMetrics{.step = 31});
  const std::vector<json> lines = lines_of(path);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0]["step"], 10);
  EXPECT_EQ(lines[1]["step"], 20);
  EXPECT_EQ(lines[2]["step"], 31);
}

TEST(MetricsLogTest, AnEvaluationThatIsDueIsDroppedWithWhatFollowedIt) {
  const TemporaryFolder folder;
  const auto path = folder / "metrics.jsonl";
  {
    MetricsLog log(path);
    log.write(EpochMetrics{.step = 10});
    log.write_warning(10, "of the network");
    log.write(StepMetrics{.step = 20});
    log.write_warning(20, "of training");
    log.write(EpochMetrics{.step = 20});
    log.write_warning(20, "of the network");
  }
  const std::string whole = content_of(path);
  MetricsLog(path, /*resume_after=*/20);
  EXPECT_EQ(content_of(path), whole);
  MetricsLog(path, /*resume_after=*/20, /*evaluation_due=*/true);
  const std::vector<json> lines = lines_of(path);
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0]["kind"], "epoch");
  EXPECT_EQ(lines[2]["kind"], "step");
  EXPECT_EQ(lines[3]["message"], "of training");
}

TEST(MetricsLogTest, ResumingRepeatsNoWarningOfTheSameStep) {
  const TemporaryFolder folder;
  const auto path = folder / "metrics.jsonl";
  {
    MetricsLog log(path);
    log.write_warning(10, "one");
    log.write_warning(20, "one");
  }
  MetricsLog log(path, /*resume_after=*/20);
  log.write_warning(20, "one");
  log.write_warning(20, "two");
  log.write_warning(30, "one");
  const std::vector<json> lines = lines_of(path);
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[2]["message"], "two");
  EXPECT_EQ(lines[3]["step"], 30);
}

TEST(MetricsLogTest, ResumingWritesNothingAnewWhereNothingIsDropped) {
  const TemporaryFolder folder;
  const auto path = folder / "metrics.jsonl";
  MetricsLog(path).write(StepMetrics{.step = 10});
  std::filesystem::create_hard_link(path, folder / "same file");
  MetricsLog(path, /*resume_after=*/10).write(StepMetrics{.step = 11});
  EXPECT_TRUE(std::filesystem::equivalent(path, folder / "same file"));
  EXPECT_EQ(lines_of(path).size(), 2U);
}

TEST(MetricsLogTest, AFileThatCannotBeReadIsNotReplaced) {
  const TemporaryFolder folder;
  const auto path = folder / "metrics.jsonl";
  MetricsLog(path).write(StepMetrics{.step = 10});
  const std::string content = content_of(path);
  std::filesystem::permissions(folder.path(), std::filesystem::perms::all);
  std::filesystem::permissions(path, static_cast<std::filesystem::perms>(0222));
  {
    const OrdinaryUser user;
    if (!user) GTEST_SKIP() << "root cannot become another user here";
    EXPECT_TRUE(throws_error([&] { MetricsLog(path, /*resume_after=*/10); },
                             "metrics.jsonl: cannot open: Permission denied"));
  }
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  EXPECT_EQ(content_of(path), content);
}

TEST(MetricsLogTest, AFolderInItsPlaceIsRefused) {
  const TemporaryFolder folder;
  const auto path = folder / "metrics.jsonl";
  std::filesystem::create_directory(path);
  EXPECT_TRUE(throws_error([&] { MetricsLog(path, /*resume_after=*/10); },
                           "metrics.jsonl: is a folder, expected a file"));
  EXPECT_TRUE(throws_error([&] { MetricsLog{path}; }, "metrics.jsonl: cannot be opened"));
  EXPECT_TRUE(std::filesystem::is_directory(path));
}

TEST(MetricsLogTest, ResumingWithoutAFileBeginsOne) {
  const TemporaryFolder folder;
  MetricsLog log(folder / "metrics.jsonl", /*resume_after=*/20);
  log.write(StepMetrics{.step = 21});
  EXPECT_EQ(lines_of(folder / "metrics.jsonl").size(), 1U);
}

TEST(MetricsLogTest, UnwritableFileIsRefused) {
  const TemporaryFolder folder;
  EXPECT_TRUE(throws_error([&] { MetricsLog(folder / "missing/metrics.jsonl"); },
                           "missing/metrics.jsonl: "));
}

TEST(MetricsLogTest, WarningsMayNameFilesOfAnyBytes) {
  const TemporaryFolder folder;
  MetricsLog log(folder / "metrics.jsonl");
  log.write_warning(7, "caf\xE9.JPEG: truncated");
  const auto line = lines_of(folder / "metrics.jsonl").at(0);
  EXPECT_EQ(line["message"], "caf\xEF\xBF\xBD.JPEG: truncated");
}

TEST(MetricsLogTest, FullDiskIsReported) {
  const TemporaryFolder folder;
  MetricsLog log(folder / "metrics.jsonl");
  log.write(StepMetrics{});
  const FileSizeLimit full_disk(std::filesystem::file_size(folder / "metrics.jsonl"));
  EXPECT_TRUE(throws_error([&] { log.write(StepMetrics{}); }, "metrics.jsonl: cannot be written"));
}

}  // namespace
}  // namespace lq::testing
