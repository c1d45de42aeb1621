#include "train/evaluation.h"

#include <gtest/gtest.h>

#include "tests/train/tiny_run.h"

namespace lq::testing {
namespace {

/// Says the same whatever it sees, and counts.
class ConstantLogits final : public Module {
 public:
  explicit ConstantLogits(std::vector<float> logits) : logits_(std::move(logits)) {}

  int calls = 0;
  bool always_in_evaluation_mode = true;
  bool ever_on_tape = false;

 protected:
  Variable forward(const Variable& x) override {
    ++calls;
    always_in_evaluation_mode = always_in_evaluation_mode && !training();
    ever_on_tape = ever_on_tape || autograd::record_mode() != autograd::RecordMode::none;
    const std::int64_t images = x.shape()[0];
    std::vector<float> all;
    for (std::int64_t n = 0; n < images; ++n) all.insert(all.end(), logits_.begin(), logits_.end());
    return Variable(Tensor::from(all, {images, std::ssize(logits_)}));
  }

 private:
  std::vector<float> logits_;
};

Loader tiny_test_loader() {
  const DatasetSplits data = tiny_data();
  return Loader(data.test, std::make_shared<NormalizeTransform>(per_pixel_normalization(data)),
                {.batch = 8, .threads = 0});
}

TEST(EvaluationTest, SumsOverAllImages) {
  // 30 images, 10 of each class; the logits log 2, 0, 0 mean probabilities 1/2, 1/4, 1/4.
  ConstantLogits model({std::log(2.0F), 0.0F, 0.0F});
  Loader loader = tiny_test_loader();
  std::vector<std::int64_t> seen;
  const ClassificationSums sums = evaluate(
      model, loader, [&](const ClassificationSums& so_far) { seen.push_back(so_far.images); });
  EXPECT_EQ(sums.images, 30);
  EXPECT_EQ(sums.correct, 10);
  EXPECT_DOUBLE_EQ(sums.accuracy(), 1.0 / 3.0);
  // The loss of a batch is a float: relative rounding 6e-8.
  EXPECT_NEAR(sums.mean_loss(), (std::log(2.0) + 2.0 * std::log(4.0)) / 3.0, 2e-7);
  EXPECT_EQ(seen, (std::vector<std::int64_t>{8, 16, 24, 30}));
}

TEST(EvaluationTest, CountsLabelsAmongTheFirstFive) {
  const DatasetSplits data = make_synthetic(
      {.train_images = 8, .test_images = 24, .height = 4, .width = 4, .channels = 1, .classes = 8});
  Loader loader(data.test, std::make_shared<NormalizeTransform>(per_pixel_normalization(data)),
                {.batch = 10, .threads = 0});
  ConstantLogits model({8, 7, 6, 5, 4, 3, 2, 1});
  std::int64_t below_1 = 0;
  std::int64_t below_5 = 0;
  for (std::int64_t i = 0; i < data.test->size(); ++i) {
    below_1 += data.test->label(i) < 1 ? 1 : 0;
    below_5 += data.test->label(i) < 5 ? 1 : 0;
  }
  ASSERT_LT(below_1, below_5);
  ASSERT_LT(below_5, 24);
  const ClassificationSums sums = evaluate(model, loader);
  EXPECT_EQ(sums.correct, below_1);
  EXPECT_EQ(sums.correct_top5, below_5);
  EXPECT_DOUBLE_EQ(sums.top5_accuracy(), static_cast<double>(below_5) / 24.0);
}

TEST(EvaluationTest, WithFewClassesAllAreAmongTheFirstFive) {
  ConstantLogits model({2.0F, 1.0F, 0.0F});
  Loader loader = tiny_test_loader();
  EXPECT_EQ(evaluate(model, loader).top5_accuracy(), 1.0);
}

TEST(EvaluationTest, RunsInEvaluationModeWithoutATapeAndRestoresTheMode) {
  for (const bool training : {true, false}) {
    ConstantLogits model({0.0F, 0.0F, 1.0F});
    model.train(training);
    Loader loader = tiny_test_loader();
    evaluate(model, loader);
    EXPECT_EQ(model.calls, 4);
    EXPECT_TRUE(model.always_in_evaluation_mode);
    EXPECT_FALSE(model.ever_on_tape);
    EXPECT_EQ(model.training(), training);
  }
}

TEST(EvaluationTest, ABatchIsJudgedLikeALoadersBatches) {
  TinyNet model;
  model.initialize(1);
  Loader loader = tiny_test_loader();
  std::vector<ClassificationSums> seen;
  evaluate(model, loader, [&](const ClassificationSums& sums) { seen.push_back(sums); });
  DeviceBatches batches(loader, Device{});
  batches.start(/*epoch=*/0);
  EXPECT_EQ(evaluate(model, *batches.next()), seen.front());
  EXPECT_TRUE(model.training());
}

TEST(EvaluationTest, EndsWithTheSumsSoFarWhenItIsToldToStop) {
  TinyNet model;
  model.initialize(1);
  Loader loader = tiny_test_loader();
  std::vector<ClassificationSums> seen;
  const auto note = [&](const ClassificationSums& sums) { seen.push_back(sums); };
  const ClassificationSums whole = evaluate(model, loader, note);
  const ClassificationSums part =
      evaluate(model, loader, {}, [asked = 0]() mutable { return ++asked == 2; });
  EXPECT_EQ(part, seen[1]);
  EXPECT_EQ(evaluate(model, loader, {}, [] { return false; }), whole);
}

TEST(EvaluationTest, LeavesTheModelAsItIs) {
  TinyNet model;
  model.initialize(1);
  std::vector<Tensor> before;
  for (const auto& [name, tensor] : model.state_dict()) before.push_back(tensor.clone());
  Loader loader = tiny_test_loader();
  const ClassificationSums first = evaluate(model, loader);
  const ClassificationSums second = evaluate(model, loader);
  EXPECT_EQ(first, second);
  const StateDict after = model.state_dict();
  for (std::size_t i = 0; i < after.size(); ++i) {
    EXPECT_TRUE(std::ranges::equal(after[i].second.span<float>(), before[i].span<float>()))
        << after[i].first;
  }
}

TEST(ClassificationSumsTest, NothingSeenIsZero) {
  EXPECT_EQ(ClassificationSums{}.mean_loss(), 0.0);
  EXPECT_EQ(ClassificationSums{}.accuracy(), 0.0);
}

}  // namespace
}  // namespace lq::testing
