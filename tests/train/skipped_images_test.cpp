// Images that a run has to do without: they are named, however it ends, and steps may lack them
// all.

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <set>

#include "data/source_image.h"
#include "tests/support/defective_images.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"
#include "tests/train/training_runs.h"

namespace lq::testing {
namespace {

class SkippedImagesTest : public TrainerTest {
 protected:
  /// Trains on data of which `refuse` throws for images of that part.
  TrainingResult train_on(std::shared_ptr<const Dataset> DatasetSplits::*part,
                          const std::function<void(std::int64_t)>& refuse) {
    DatasetSplits data = tiny_data();
    bool is_training = false;  // the mean image is made of all of them, before any training
    data.*part = std::make_shared<DefectiveImages>(data.*part, [&](std::int64_t index) {
      if (is_training) refuse(index);
    });
    Trainer trainer(model_.emplace(), data, options_);
    is_training = true;
    return trainer.run();
  }
  /// The image at a place of the order of the first epoch.
  std::int64_t image_at(std::int64_t position) const {
    return shuffled_order(tiny_images.train_images, options_.recipe.seed, 0)[position];
  }
  std::string names() const { return content_of(options_.output / "skipped_images.txt"); }

  TemporaryFolder folder_;
  TrainerOptions options_ = tiny_options(folder_ / "run");
  std::optional<TinyNet> model_;  // of the last run
};

/// Refuses images at places [begin, end) of the order of the first epoch.
std::function<void(std::int64_t)> gap_between(std::int64_t begin, std::int64_t end) {
  const std::vector<std::int64_t> order =
      shuffled_order(tiny_images.train_images, tiny_recipe().seed, 0);
  const std::set<std::int64_t> gap(order.begin() + begin, order.begin() + end);
  return [gap](std::int64_t index) {
    if (gap.contains(index)) throw UnreadableImage(fmt::format("{}.png: a gap", index));
  };
}

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

TEST_F(SkippedImagesTest, OfAnEvaluationThatIsStoppedAreNamedAndCountedByTheNextOne) {
  const auto refuse = [](std::int64_t index) {
    if (index == 2 || index == 29) throw UnreadableImage(fmt::format("{}.png: a gap", index));
  };
  options_.recipe.epochs = 1;
  options_.stop_requested = [questions = 0]() mutable {
    return ++questions == tiny_steps_per_epoch + 1;
  };
  EXPECT_TRUE(train_on(&DatasetSplits::test, refuse).interrupted);
  EXPECT_TRUE(names().starts_with("test: 2.png: a gap\n")) << names();
  EXPECT_TRUE(metrics_in(options_.output, "warning").empty());

  options_.stop_requested = nullptr;
  options_.resume = true;
  train_on(&DatasetSplits::test, refuse);
  EXPECT_EQ(names(), "test: 2.png: a gap\ntest: 29.png: a gap\n");
  const std::vector<nlohmann::json> warnings = metrics_in(options_.output, "warning");
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_TRUE(warnings[0]["message"].get<std::string>().starts_with("2 test images"))
      << warnings[0];
}

/// The warning about training is told in front of the checkpoint, and not by the resumed run again.
TEST_F(SkippedImagesTest, OfAnEpochWhoseEvaluationIsStoppedAreToldOnce) {
  options_.recipe.epochs = 1;
  options_.stop_requested = [questions = 0]() mutable {
    return ++questions == tiny_steps_per_epoch + 1;
  };
  train_on(&DatasetSplits::train, gap_between(0, 3));
  options_.stop_requested = nullptr;
  options_.resume = true;
  EXPECT_FALSE(train_on(&DatasetSplits::train, gap_between(0, 3)).interrupted);
  const std::vector<nlohmann::json> warnings = metrics_in(options_.output, "warning");
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_TRUE(warnings[0]["message"].get<std::string>().starts_with("3 training images"))
      << warnings[0];
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
  ASSERT_EQ(std::ssize(names_after), tiny_steps_per_epoch + tiny_test_batches);
  EXPECT_EQ(names_after[1], "");  // asked in front of the checkpoint of step 2
  EXPECT_EQ(names_after[2], first);
  EXPECT_EQ(names_after[3], first);
  EXPECT_GT(names_after[4].size(), first.size());
  EXPECT_EQ(names_after[4], names());
  // The number of them is told once, at the end.
  EXPECT_EQ(metrics_in(options_.output, "warning").size(), 1U);
}

/// The loss of no images is always finite.
TEST_F(SkippedImagesTest, DoNotKeepASpoiltNetworkFromBeingNoticed) {
  options_.recipe.accumulation = 2;
  // Step 5 lacks the second of its parts, and step 6 both.
  const auto refuse = gap_between(8 * 4 + 4, 8 * 6);
  for (const std::int64_t last_step : {5, 6}) {
    options_.output = folder_ / fmt::format("run{}", last_step);
    std::int64_t steps = 0;
    options_.stop_requested = [&] {
      if (++steps < last_step) return false;
      // Finite, but for who is not of class 0 the difference of the logits is not.
      for (auto& [name, tensor] : model_->state_dict()) {
        if (name != "bias") continue;
        std::ranges::fill(tensor.span<float>(), -3e38F);
        tensor.span<float>()[0] = 3e38F;
      }
      return true;
    };
    EXPECT_TRUE(throws_error([&] { train_on(&DatasetSplits::train, refuse); },
                             fmt::format("the loss is inf after {} steps", last_step)));
    EXPECT_EQ(load_checkpoint(options_.output / "last.safetensors").state.steps_done, 0);
  }
  const std::vector<nlohmann::json> metrics = metrics_in(options_.output, "step");
  ASSERT_EQ(metrics.size(), 6U);
  EXPECT_TRUE(metrics[4]["loss"].is_number());
  EXPECT_TRUE(metrics[5]["loss"].is_null());
  EXPECT_TRUE(metrics[5]["accuracy"].is_null());
}

TEST_F(SkippedImagesTest, BeforeTheFirstStepLeaveTheCheckpointAlone) {
  options_.stop_requested = [] { return true; };
  EXPECT_TRUE(train_on(&DatasetSplits::train, gap_between(0, 8)).interrupted);
  EXPECT_EQ(load_checkpoint(options_.output / "last.safetensors").state.steps_done, 0);
  EXPECT_EQ(std::ranges::count(names(), '\n'), 8);
}

}  // namespace
}  // namespace lq::testing
