// Images that a run has to do without are named, however it ends.

#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "data/source_image.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"
#include "tests/train/defective_images.h"
#include "tests/train/training_runs.h"

namespace lq::testing {
namespace {

class SkippedImagesTest : public TrainerTest {
 protected:
  /// Trains on data of which `refuse` throws for images of that part.
  void train_on(std::shared_ptr<const Dataset> DatasetSplits::*part,
                const std::function<void(std::int64_t)>& refuse) {
    DatasetSplits data = tiny_data();
    bool is_training = false;  // the mean image is made of all of them, before any training
    data.*part = std::make_shared<DefectiveImages>(data.*part, [&](std::int64_t index) {
      if (is_training) refuse(index);
    });
    TinyNet model;
    Trainer trainer(model, data, options_);
    is_training = true;
    trainer.run();
  }
  /// The image at a place of the order of the first epoch.
  std::int64_t image_at(std::int64_t position) const {
    return shuffled_order(tiny_images.train_images, options_.recipe.seed, 0)[position];
  }
  std::string names() const { return content_of(options_.output / "skipped_images.txt"); }

  TemporaryFolder folder_;
  TrainerOptions options_ = tiny_options(folder_ / "run");
};

TEST_F(SkippedImagesTest, OfTrainingThatFailsAreNamed) {
  const std::int64_t gap = image_at(3), broken = image_at(30);
  const auto refuse = [=](std::int64_t index) {
    if (index == gap) throw UnreadableImage(fmt::format("{}.png: a gap", index));
    if (index == broken) fail("a broken disk");
  };
  EXPECT_TRUE(throws_error([&] { train_on(&DatasetSplits::train, refuse); }, "a broken disk"));
  EXPECT_EQ(names(), fmt::format("training: {}.png: a gap\n", gap));
  const std::vector<nlohmann::json> warnings = metrics_in(options_.output, "warning");
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_EQ(warnings[0]["step"], 3);  // batch 3 has the broken one
}

TEST_F(SkippedImagesTest, OfAnEvaluationThatFailsAreNamed) {
  const auto refuse = [](std::int64_t index) {
    if (index == 2) throw UnreadableImage("2.png: a gap");
    if (index == 20) fail("a broken disk");
  };
  EXPECT_TRUE(throws_error([&] { train_on(&DatasetSplits::test, refuse); }, "a broken disk"));
  EXPECT_EQ(names(), "test: 2.png: a gap\n");
}

TEST_F(SkippedImagesTest, DoNotHideWhatFailedFirst) {
  const std::int64_t gap = image_at(3), broken = image_at(30);
  const auto refuse = [&](std::int64_t index) {
    if (index == gap) throw UnreadableImage("a gap");
    if (index != broken) return;
    std::filesystem::create_directories(options_.output / "skipped_images.txt/in the way");
    fail("a broken disk");
  };
  EXPECT_TRUE(throws_error([&] { train_on(&DatasetSplits::train, refuse); }, "a broken disk"));
}

/// A run that is killed goes on behind its last checkpoint.
TEST_F(SkippedImagesTest, AreNamedWhenACheckpointWithinAnEpochIsWritten) {
  const std::int64_t gap = image_at(3), next_gap = image_at(3 * 8);
  const auto refuse = [=](std::int64_t index) {
    if (index == gap || index == next_gap) {
      throw UnreadableImage(fmt::format("{}.png: a gap", index));
    }
  };
  options_.checkpoint_interval = 2;
  options_.recipe.epochs = 1;
  std::vector<std::string> names_after;
  options_.stop_requested = [&] {
    names_after.push_back(names());
    return false;
  };
  train_on(&DatasetSplits::train, refuse);
  const std::string first = fmt::format("training: {}.png: a gap\n", gap);
  ASSERT_EQ(std::ssize(names_after), tiny_steps_per_epoch);
  EXPECT_EQ(names_after[1], "");  // asked in front of the checkpoint of step 2
  EXPECT_EQ(names_after[2], first);
  EXPECT_EQ(names_after[3], first);
  EXPECT_GT(names_after[4].size(), first.size());
  EXPECT_EQ(names_after[4], names());
  // The number of them is told once, at the end.
  EXPECT_EQ(metrics_in(options_.output, "warning").size(), 1U);
}

}  // namespace
}  // namespace lq::testing
