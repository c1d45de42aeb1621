// Runs of the trainer on tiny data, and what they leave.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/threads.h"
#include "tests/support/files.h"
#include "tests/train/tiny_run.h"

namespace lq::testing {

/// The metrics of a kind without what depends on the clock.
inline std::vector<nlohmann::json> metrics_in(const std::filesystem::path& folder,
                                              std::string_view kind) {
  std::vector<nlohmann::json> lines;
  std::ifstream file(folder / "metrics.jsonl");
  for (std::string text; std::getline(file, text);) {
    nlohmann::json line = nlohmann::json::parse(text);
    if (line["kind"] != kind) continue;
    line.erase("seconds");
    line.erase("images_per_s");
    lines.push_back(std::move(line));
  }
  return lines;
}

/// Steps this small only wait for one another when they are split over threads.
class TrainerTest : public ::testing::Test {
 protected:
  TrainerTest() { set_num_threads(1); }
  ~TrainerTest() override { set_num_threads(threads_before_); }

 private:
  int threads_before_ = num_threads();
};

inline TrainingResult train(const TrainerOptions& options,
                            const DatasetSplits& data = tiny_data()) {
  TinyNet model;
  return Trainer(model, data, options).run();
}

/// Expects that two runs ended in the same bits and went there through the same losses.
inline void expect_same_run(const std::filesystem::path& a, const std::filesystem::path& b) {
  EXPECT_EQ(content_of(a / "last.safetensors"), content_of(b / "last.safetensors"));
  EXPECT_EQ(content_of(a / "best.safetensors"), content_of(b / "best.safetensors"));
  EXPECT_EQ(metrics_in(a, "step"), metrics_in(b, "step"));
  EXPECT_EQ(metrics_in(a, "epoch"), metrics_in(b, "epoch"));
}

}  // namespace lq::testing
