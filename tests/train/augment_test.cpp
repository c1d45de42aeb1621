#include "train/augment.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <utility>

#include "core/rng.h"
#include "data/image_folder.h"
#include "data/resize_transforms.h"
#include "data/shards.h"
#include "data/synthetic_photographs.h"
#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/temporary_folder.h"
#include "tests/train/tiny_run.h"

namespace lq::testing {
namespace {

Recipe scaled_recipe(AugmentationKind kind) {
  Recipe recipe = tiny_recipe();
  recipe.dataset = "image-folder";
  recipe.augmentation = {.kind = kind, .resize = {.crop = 24, .shorter_side = 28}};
  return recipe;
}

template <typename Expected>
bool is(const std::shared_ptr<const Transform>& transform) {
  return dynamic_cast<const Expected*>(transform.get()) != nullptr;
}

TEST(AugmentTest, RecipesChooseTheirTransforms) {
  const Normalization mean{.mean = Tensor::zeros({8, 8, 2})};
  const Recipe as_they_are = tiny_recipe();
  EXPECT_TRUE(is<PadCropFlipTransform>(training_transform(as_they_are, mean)));
  EXPECT_TRUE(is<NormalizeTransform>(test_transform(as_they_are, mean)));
  EXPECT_EQ(input_shape(as_they_are, {8, 8, 2}), (Shape{8, 8, 2}));
  EXPECT_TRUE(throws_error(
      [&] {
        input_shape(as_they_are, {0, 0, 3});
      },
      "recipe: augmentation.kind is pad_crop, for images of one size, but "
      "those of data set synthetic differ"));

  const Recipe plain = scaled_recipe(AugmentationKind::crop);
  const Recipe augmented = scaled_recipe(AugmentationKind::resized_crop);
  const Normalization channels = recipe_normalization(plain, tiny_data());
  EXPECT_EQ(channels, imagenet_normalization());
  EXPECT_TRUE(is<RandomCropTransform>(training_transform(plain, channels)));
  EXPECT_TRUE(is<RandomResizedCropTransform>(training_transform(augmented, channels)));
  for (const Recipe& recipe : {plain, augmented}) {
    EXPECT_TRUE(is<CentreCropTransform>(test_transform(recipe, channels)));
    EXPECT_EQ(input_shape(recipe, {0, 0, 3}), (Shape{24, 24, 3}));
  }
}

/// What a transform makes of an image of chance, with that seed.
std::pair<std::vector<std::uint8_t>, CropWindow> prepared(const Transform& transform,
                                                          std::uint64_t seed) {
  SourceImage source;
  Rng pixels(7, RngPurpose::test), rng(seed, RngPurpose::augmentation);
  Image& image = source.set_decoded();
  image.resize(50, 60, 3);
  for (std::uint8_t& value : image.pixels) value = static_cast<std::uint8_t>(pixels.below(256));
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(transform.image_shape().elements()));
  const CropWindow window = transform.prepare(source, rng, bytes);
  return {bytes, window};
}

void expect_equal(const std::shared_ptr<const Transform>& actual, const Transform& expected) {
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    EXPECT_EQ(prepared(*actual, seed), prepared(expected, seed)) << "seed " << seed;
  }
}

/// Eight draws tell styles and flips apart.
TEST(AugmentTest, RecipesSetTheirTransforms) {
  const ResizeOptions resize{.crop = 24,
                             .shorter_side = 28,
                             .interpolation = Interpolation::bicubic_opencv,
                             .order = ChannelOrder::bgr};
  const Normalization mean = imagenet_normalization(ChannelOrder::bgr);
  for (const bool flip : {false, true}) {
    for (const AugmentationStyle style :
         {AugmentationStyle::fb_resnet, AugmentationStyle::official}) {
      Recipe recipe = scaled_recipe(AugmentationKind::resized_crop);
      recipe.augmentation.style = style;
      recipe.augmentation.resize = resize;
      recipe.flip = flip;
      expect_equal(training_transform(recipe, mean),
                   RandomResizedCropTransform(resize, {.style = style}, flip));
      expect_equal(test_transform(recipe, mean), CentreCropTransform(resize));
      recipe.augmentation.kind = AugmentationKind::crop;
      expect_equal(training_transform(recipe, mean), RandomCropTransform(resize, flip));
    }
  }
}

/// The images have the extents of the input.
TEST(AugmentTest, RecipesOfSmallImagesSetPaddingAndFlip) {
  const Normalization mean{.mean = Tensor::zeros({50, 60, 3})};
  for (const bool flip : {false, true}) {
    Recipe recipe = tiny_recipe();
    recipe.flip = flip;
    recipe.crop_padding = 3;
    expect_equal(training_transform(recipe, mean),
                 PadCropFlipTransform(mean, {.padding = 3, .flip = flip}));
  }
}

TEST(AugmentTest, FieldsOutOfRangeAreRefused) {
  Recipe recipe = scaled_recipe(AugmentationKind::crop);
  recipe.augmentation.resize.shorter_side = 23;
  EXPECT_TRUE(throws_error([&] { validate(recipe); }, "crop 24 and shorter_side 23"));
  recipe.augmentation.kind = AugmentationKind::pad_crop;
  validate(recipe);
}

/// Global mean of the image, fully connected: enough for photographs whose classes differ in hue.
class HueNet final : public Module {
 public:
  explicit HueNet(std::int64_t classes) : classes_(classes) {
    weight_ = add_parameter("weight", {classes, 24 * 24 * 3},
                            Initializer::variance_scaling(24 * 24 * 3), true);
    bias_ = add_parameter("bias", {classes}, Initializer::zeros());
  }

 protected:
  Variable forward(const Variable& x) override {
    return autograd::linear(autograd::reshape(x, {x.shape()[0], 24 * 24 * 3}), weight_, bias_);
  }

 private:
  std::int64_t classes_;
  Variable weight_;
  Variable bias_;
};

class ImageFolderTrainingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    write_photographs(
        images(), {.classes = 3, .train_images = 16, .val_images = 6, .height = 30, .width = 40});
  }
  std::filesystem::path images() const { return folder / "images"; }

  TrainingResult train(const std::filesystem::path& out, AugmentationKind kind, int threads) const {
    HueNet model(3);
    TrainerOptions options = tiny_options(out);
    options.recipe = scaled_recipe(kind);
    options.recipe.schedule.base_rate = 0.02;
    options.loader_threads = threads;
    return Trainer(model, open_image_folder(images()), options).run();
  }

  TemporaryFolder folder;
};

TEST_F(ImageFolderTrainingTest, ClassesAreLearned) {
  for (const AugmentationKind kind : {AugmentationKind::crop, AugmentationKind::resized_crop}) {
    const auto out = folder / (kind == AugmentationKind::crop ? "plain" : "augmented");
    const TrainingResult result = train(out, kind, 1);
    ASSERT_TRUE(result.test.has_value());
    EXPECT_EQ(result.test->images, 18);
    EXPECT_GE(result.test->accuracy(), 0.9);
    const Checkpoint checkpoint = load_last_checkpoint(out);
    EXPECT_EQ(checkpoint.normalization, imagenet_normalization());
    EXPECT_EQ(input_shape(checkpoint), (Shape{24, 24, 3}));
    EXPECT_EQ(checkpoint.recipe.augmentation.kind, kind);
  }
}

/// One image of each part.
TEST_F(ImageFolderTrainingTest, UnreadableImagesAreLeftOutAndNamed) {
  const std::string first = photograph_class(0), second = photograph_class(1);
  std::ofstream(images() / "train" / first / (first + "_3.JPEG")) << "damaged";
  std::ofstream(images() / "val" / second / (second + "_2.JPEG")) << "damaged";
  const TrainingResult result = train(folder / "run", AugmentationKind::crop, 2);
  EXPECT_FALSE(result.interrupted);
  EXPECT_EQ(result.steps, 3 * 6);
  EXPECT_EQ(result.test->images, 17);
  const std::string metrics = content_of(folder / "run" / metrics_file);
  EXPECT_NE(metrics.find("1 training image could not be read and was left out: "),
            std::string::npos);
  EXPECT_NE(metrics.find(first + "_3.JPEG: not an image"), std::string::npos);
  EXPECT_NE(metrics.find("1 test image could not be read and was left out: "), std::string::npos);
  EXPECT_NE(metrics.find("(all of them are in skipped_images.txt)"), std::string::npos);
}

/// The warnings name a few of them, the file all of them, once, whatever the epochs and the breaks.
TEST_F(ImageFolderTrainingTest, AllUnreadableImagesAreInAFile) {
  train(folder / "whole", AugmentationKind::crop, 1);
  EXPECT_FALSE(std::filesystem::exists(folder / "whole" / skipped_images_file));
  std::set<std::string> expected;
  const auto damage = [&](const std::string& part, const std::string& place) {
    std::ofstream(images() / place) << "damaged";
    expected.insert(fmt::format("{}: {}: not an image in PNG, JPEG, PGM or PPM format", part,
                                place.substr(place.find('/') + 1)));
  };
  for (int label = 0; label < 3; ++label) {
    const std::string name = photograph_class(label);
    for (const int i : {2, 5, 11}) {
      damage("training", fmt::format("train/{}/{}_{}.JPEG", name, name, i));
    }
    damage("test", fmt::format("val/{}/{}_0.JPEG", name, name));
  }
  const auto lines = [&] {
    std::istringstream text(content_of(folder / "run" / skipped_images_file));
    std::vector<std::string> all;
    for (std::string line; std::getline(text, line);) all.push_back(line);
    return all;
  };
  const TrainingResult result = train(folder / "run", AugmentationKind::crop, 2);
  EXPECT_EQ(lines(), std::vector<std::string>(expected.begin(), expected.end()));
  EXPECT_EQ(result.skipped_images, 12);

  const std::string name = photograph_class(0);
  damage("training", fmt::format("train/{}/{}_7.JPEG", name, name));
  write_shards(images(), folder / "shards");
  TrainerOptions options = tiny_options(folder / "run");
  options.recipe = load_last_checkpoint(folder / "run").recipe;
  options.resume = true;
  // They are the same ones wherever they are read from.
  for (const DatasetSplits& data :
       {open_image_folder(images()), open_image_folder(folder / "images/../images"),
        open_shards(folder / "shards")}) {
    HueNet model(3);
    ++options.recipe.epochs;
    EXPECT_EQ(Trainer(model, data, options).run().skipped_images, 13);
    EXPECT_EQ(lines(), std::vector<std::string>(expected.begin(), expected.end()));
  }
}

TEST_F(ImageFolderTrainingTest, EmptyBatchesChangeNothing) {
  // Eleven of the sixteen images of each class cannot be read: with batches of two some are empty.
  for (int label = 0; label < 3; ++label) {
    const std::string name = photograph_class(label);
    for (int i = 0; i < 11; ++i) {
      std::ofstream(images() / "train" / name / fmt::format("{}_{}.JPEG", name, i)) << "damaged";
    }
  }
  HueNet model(3);
  TrainerOptions options = tiny_options(folder / "run");
  options.recipe = scaled_recipe(AugmentationKind::crop);
  options.recipe.batch = 2;
  options.recipe.epochs = 1;
  options.recipe.schedule = {.base_rate = 0.02};
  const TrainingResult result = Trainer(model, open_image_folder(images()), options).run();
  EXPECT_EQ(result.steps, 24);
  EXPECT_EQ(result.test->images, 18);
  EXPECT_NE(content_of(folder / "run" / metrics_file).find("33 training images could not be read"),
            std::string::npos);
}

TEST_F(ImageFolderTrainingTest, AnEpochWithoutAnImageIsAnError) {
  for (int label = 0; label < 3; ++label) {
    const std::string name = photograph_class(label);
    for (int i = 0; i < 16; ++i) {
      std::ofstream(images() / "train" / name / fmt::format("{}_{}.JPEG", name, i)) << "damaged";
    }
  }
  EXPECT_TRUE(throws_error([&] { train(folder / "run", AugmentationKind::crop, 1); },
                           "none of 48 images could be read"));
}

}  // namespace
}  // namespace lq::testing
