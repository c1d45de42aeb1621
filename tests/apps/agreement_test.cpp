#include "apps/agreement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "autograd/global_average_pool.h"
#include "data/augmentation.h"
#include "data/synthetic.h"
#include "deploy/folding.h"
#include "layers/conv2d.h"
#include "layers/linear.h"
#include "layers/quantizers/hwgq.h"
#include "models/model.h"
#include "tests/support/defective_images.h"
#include "tests/support/errors.h"
#include "tests/support/random.h"

namespace lq::testing {
namespace {

using apps::Agreement;
using apps::RoundingReplay;
using convert::Int8Grid;
using convert::PackWithPlaces;

const Shape image_shape{8, 8, 3};

Tensor random_image(std::uint64_t seed) { return random_normal({1, 8, 8, 3}, seed); }

/// A model with the statistics and bases that some batches leave behind.
std::unique_ptr<Module> calibrated_model(const std::string& name, const std::string& quantizer) {
  const int w_bits = quantizer == "hwgq" ? 1 : 2;
  auto model = make_model(name, {.w_bits = w_bits, .quantizer = quantizer, .input = image_shape});
  model->initialize(5);
  const autograd::NoGradScope no_gradients;
  for (std::uint64_t step = 0; step < 4; ++step) {
    (*model)(Variable(random_normal({8, 8, 8, 3}, step)));
  }
  return model;
}

/// Multiplies the thresholds of all quantizers on the result of a convolution.
void scale_thresholds(deploy::PackedModel& model, std::size_t operation, float factor) {
  auto& convolution = std::get<deploy::Convolution>(model.operations.at(operation));
  ASSERT_FALSE(convolution.symbol_outputs.empty());
  for (std::size_t i = 0; i < convolution.symbol_outputs.size(); ++i) {
    deploy::FoldedThresholds& folded = convolution.folded_thresholds[i];
    for (float& level : folded.levels) level *= factor;
    deploy::set_thresholds(folded, convolution.description.symbol_outputs[i]);
  }
}

int explained_images(Module& model, const PackWithPlaces& packed, int images) {
  RoundingReplay replay(model, packed.model, packed.quantizers);
  int explained = 0;
  for (int i = 0; i < images; ++i) explained += replay.explains(random_image(1000 + i)) ? 1 : 0;
  return explained;
}

Agreement agreement_of(Module& model, const PackWithPlaces& packed, bool explain) {
  const DatasetSplits splits = make_synthetic(
      {.train_images = 32, .test_images = 512, .height = 8, .width = 8, .noise = 120.0F});
  Loader loader(splits.test, std::make_shared<NormalizeTransform>(per_pixel_normalization(splits)),
                {.batch = 64});
  deploy::PackedNetwork network(packed.model, {.max_batch = 64});
  RoundingReplay replay(model, packed.model, packed.quantizers);
  return apps::compare(model, network, loader, explain ? &replay : nullptr);
}

struct ReplayCase {
  std::string model;
  std::string quantizer = "lq";
  Int8Grid int8_grid = Int8Grid::automatic;
};

PackWithPlaces packed_with_places(Module& model, const ReplayCase& c) {
  PackWithPlaces packed = convert::pack_with_places(model, image_shape, {.int8_grid = c.int8_grid});
  EXPECT_TRUE(packed.levels_are_exact);
  EXPECT_FALSE(packed.quantizers.empty());
  return packed;
}

class RoundingReplayTest : public ::testing::TestWithParam<ReplayCase> {};

// vgg-small has pools that move behind quantizers, resnet20 residuals.
TEST_P(RoundingReplayTest, ExplainsEveryImageOfARightNetwork) {
  const auto model = calibrated_model(GetParam().model, GetParam().quantizer);
  const PackWithPlaces packed = packed_with_places(*model, GetParam());
  EXPECT_EQ(explained_images(*model, packed, 8), 8);
}

TEST_P(RoundingReplayTest, NoticesThresholdsThatAreOff) {
  const auto model = calibrated_model(GetParam().model, GetParam().quantizer);
  const PackWithPlaces packed = packed_with_places(*model, GetParam());
  for (std::size_t i = 0; i < packed.model.operations.size(); ++i) {
    const auto* layer = std::get_if<deploy::Convolution>(&packed.model.operations[i]);
    if (layer == nullptr || layer->symbol_outputs.empty()) continue;
    SCOPED_TRACE(layer->name);
    PackWithPlaces disturbed = packed;
    scale_thresholds(disturbed.model, i, 1.01F);
    EXPECT_LT(explained_images(*model, disturbed, 4), 4);
  }
}

TEST_P(RoundingReplayTest, NoticesScoresThatAreOff) {
  const auto model = calibrated_model(GetParam().model, GetParam().quantizer);
  PackWithPlaces packed = packed_with_places(*model, GetParam());
  std::get<deploy::Convolution>(packed.model.operations.back()).description.shift[3] += 0.01F;
  EXPECT_EQ(explained_images(*model, packed, 4), 0);
}

std::string case_name(const ::testing::TestParamInfo<ReplayCase>& info) {
  std::string name = info.param.model + "_" + info.param.quantizer;
  std::ranges::replace(name, '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Models, RoundingReplayTest,
                         ::testing::Values(ReplayCase{"small-cnn"}, ReplayCase{"resnet20"},
                                           ReplayCase{"vgg-small"}, ReplayCase{"small-cnn", "hwgq"},
                                           ReplayCase{"resnet20", "lq-int8", Int8Grid::always},
                                           ReplayCase{"vgg-small", "lq-int8", Int8Grid::always}),
                         case_name);

/// Quantizes its input itself, so that a test decides how far values lie from thresholds.
class InputQuantizingNetwork final : public Module {
 public:
  InputQuantizingNetwork() { initialize(3); }

  const ActivationQuantizer& quantizer() const { return quantizer_; }

 protected:
  Variable forward(const Variable& x) override {
    return linear_(autograd::global_average_pool(convolution_(quantizer_(x))));
  }

 private:
  HwgqActivationQuantizer& quantizer_ = add<HwgqActivationQuantizer>("quant", 2);
  QuantConv2d& convolution_ = add<QuantConv2d>("conv", Conv2dSpec{.in = 3, .out = 4},
                                               Quantization{.kind = "lq", .w_bits = 2});
  Linear& linear_ = add<Linear>("fc", 4, 5);
};

class TieTest : public ::testing::Test {
 protected:
  /// The scores of the packed network for an image of one value, given in units of the second
  /// threshold, when that threshold is packed with `threshold` instead of 1.
  std::vector<float> scores(float value, float threshold) {
    PackWithPlaces packed = convert::pack_with_places(network_, image_shape);
    scale_thresholds(packed.model, 0, threshold);
    const LevelTable table = network_.quantizer().table();
    const Tensor image = Tensor::full({1, 8, 8, 3}, value * table.thresholds.span<float>()[1]);
    deploy::PackedNetwork runner(packed.model);
    std::vector<float> result(runner.classes());
    runner.run(image.span<float>(), result);
    RoundingReplay replay(network_, packed.model, packed.quantizers);
    is_explained_ = replay.explains(image);
    return result;
  }

  InputQuantizingNetwork network_;
  bool is_explained_ = false;
};

TEST_F(TieTest, OtherCodesAreExplainedWhereValuesLieWithinRoundingOfAThreshold) {
  const std::vector<float> below = scores(1.0F, 1.0F);  // what equals a threshold stays below it
  EXPECT_TRUE(is_explained_);
  const std::vector<float> above = scores(1.0F, 1.0F - std::numeric_limits<float>::epsilon());
  EXPECT_TRUE(is_explained_);
  EXPECT_NE(above, below);
  EXPECT_EQ(scores(0.999F, 0.998F), above);
  EXPECT_FALSE(is_explained_);
}

TEST(AgreementTest, DifferencesAreTiesOrUnexplained) {
  const auto model = calibrated_model("small-cnn", "lq");
  PackWithPlaces packed = convert::pack_with_places(*model, image_shape);
  const Agreement right = agreement_of(*model, packed, /*explain=*/true);
  EXPECT_EQ(right.images, 512);
  EXPECT_TRUE(right.is_explained);
  EXPECT_EQ(right.unexplained(), 0);
  EXPECT_EQ(right.ties, right.different);

  scale_thresholds(packed.model, 1, 1.01F);
  const Agreement wrong = agreement_of(*model, packed, /*explain=*/true);
  EXPECT_GT(wrong.unexplained(), 0);
  EXPECT_EQ(wrong.ties + wrong.unexplained(), wrong.different);

  const Agreement silent = agreement_of(*model, packed, /*explain=*/false);
  EXPECT_EQ(silent.different, wrong.different);
  EXPECT_FALSE(silent.is_explained);
  EXPECT_EQ(silent.unexplained(), 0);
}

TEST(AgreementTest, BatchesWithoutAnImageThatCanBeReadAreToldOfToo) {
  const auto model = calibrated_model("small-cnn", "lq");
  const PackWithPlaces packed = convert::pack_with_places(*model, image_shape);
  const DatasetSplits splits =
      make_synthetic({.train_images = 4, .test_images = 18, .height = 8, .width = 8});
  const auto refuse = [](std::int64_t index) {
    if (index < 8 || index == 12) throw UnreadableImage("a gap");
  };
  Loader loader(std::make_shared<DefectiveImages>(splits.test, refuse),
                std::make_shared<NormalizeTransform>(per_pixel_normalization(splits)),
                {.batch = 4});
  deploy::PackedNetwork network(packed.model, {.max_batch = 4});
  std::vector<std::int64_t> images;
  const Agreement agreement =
      apps::compare(*model, network, loader, nullptr,
                    [&](const Agreement& sums) { images.push_back(sums.images); });
  EXPECT_EQ(images, (std::vector<std::int64_t>{0, 0, 4, 7, 9}));
  EXPECT_EQ(agreement.images, 9);
  EXPECT_EQ(agreement.skipped_images, 9);
}

TEST(AgreementTest, ScoresThatAreNoNumbersAreAnError) {
  const auto model = calibrated_model("small-cnn", "lq");
  const PackWithPlaces packed = convert::pack_with_places(*model, image_shape);
  PackWithPlaces overflowing = packed;
  auto& layer = std::get<deploy::Convolution>(overflowing.model.operations.back());
  auto& segment = std::get<kernels::FloatSegment>(layer.description.segments.front());
  for (float& weight : segment.weights) weight *= 1000;
  layer.description.scale[2] = std::numeric_limits<float>::max();
  EXPECT_TRUE(throws_error([&] { agreement_of(*model, overflowing, /*explain=*/false); },
                           "the packed network's score 2 of image 0 is"));

  Tensor bias = model->parameters().back().variable.value();
  bias.span<float>()[1] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(throws_error([&] { agreement_of(*model, packed, /*explain=*/false); },
                           "the trained network's score 1 of image 0 is nan"));
}

}  // namespace
}  // namespace lq::testing
