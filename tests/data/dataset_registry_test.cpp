#include "data/dataset_registry.h"

#include <algorithm>
#include <array>

#include "tests/data/files.h"

namespace lq {
namespace {

using testing::error_of;
using testing::expect_contains;
using testing::TemporaryFolder;
using testing::write_file;

TEST(DatasetRegistry, KnowsEveryNameOnce) {
  std::vector<std::string_view> names;
  for (const DatasetInfo& info : datasets()) {
    names.push_back(info.name);
    EXPECT_EQ(&dataset_info(info.name), &info);
    EXPECT_FALSE(info.description.empty());
    EXPECT_NE(info.open, nullptr);
  }
  EXPECT_EQ(names, (std::vector<std::string_view>{"fashion-mnist", "mnist", "cifar10", "cifar100",
                                                  "imagenet", "image-folder", "synthetic"}));
  EXPECT_EQ(dataset_names(), (std::vector<std::string>(names.begin(), names.end())));
}

TEST(DatasetRegistry, ListsTheNamesWhenOneIsUnknown) {
  expect_contains(
      error_of([] { open_dataset("cifar", ""); }),
      {"\"cifar\"", "fashion-mnist, mnist, cifar10, cifar100, imagenet, image-folder, synthetic"});
}

TEST(DatasetRegistry, SaysHowToGetWhatIsMissing) {
  const std::filesystem::path nowhere = TemporaryFolder().path();
  expect_contains(error_of([&] { open_dataset("fashion-mnist", nowhere); }),
                  {"fashion-mnist", nowhere.string(), "dataset-fashion-mnist", "--data"});
  expect_contains(error_of([] { open_dataset("cifar10"); }), {"cifar10: no folder", "--data"});
  expect_contains(error_of([] { open_dataset("mnist"); }), {"mnist: no folder", "--data"});
}

TEST(DatasetRegistry, OpensSyntheticDataWithoutAFolder) {
  DatasetOptions options;
  options.synthetic = {.train_images = 5, .test_images = 3, .height = 4, .width = 6};
  const DatasetSplits splits = open_dataset("synthetic", {}, options);
  EXPECT_EQ(splits.train->size(), 5);
  EXPECT_EQ(splits.test->size(), 3);
  EXPECT_EQ(splits.train->image_shape(), (Shape{4, 6, 3}));
}

TEST(DatasetRegistry, ExpectsTheOfficialSizesOfCifar) {
  const TemporaryFolder folder;
  write_file(folder / "data_batch_1.bin", {0});
  expect_contains(error_of([&] { open_dataset("cifar10", folder.path()); }),
                  {"1 bytes, expected 30730000 (10000 images of 3073 bytes)"});
  write_file(folder / "train.bin", {0});
  expect_contains(error_of([&] { open_dataset("cifar100", folder.path()); }),
                  {"1 bytes, expected 153700000 (50000 images of 3074 bytes)"});
}

TEST(DatasetRegistry, PadsMnistTo32UnlessToldOtherwise) {
  const TemporaryFolder folder;
  for (const std::string part : {"train", "t10k"}) {
    constexpr std::array<std::uint8_t, 16> header{0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 28, 0, 0, 0, 28};
    std::vector<std::uint8_t> images(header.size() + 28 * 28, 255);
    std::ranges::copy(header, images.begin());
    write_file(folder / (part + "-images-idx3-ubyte"), images);
    write_file(folder / (part + "-labels-idx1-ubyte"), {0, 0, 8, 1, 0, 0, 0, 1, 7});
  }
  Image image;
  open_dataset("mnist", folder.path()).train->load(0, image);
  ASSERT_EQ(image.shape(), (Shape{32, 32, 1}));
  for (int h = 0; h < 32; ++h) {
    for (int w = 0; w < 32; ++w) {
      const bool inside = h >= 2 && h < 30 && w >= 2 && w < 30;
      ASSERT_EQ(image.pixels[h * 32 + w], inside ? 255 : 0) << h << " " << w;
    }
  }
  EXPECT_FALSE(open_dataset("mnist", folder.path()).mirror_symmetric);
  EXPECT_TRUE(open_dataset("fashion-mnist", folder.path()).mirror_symmetric);
  const DatasetSplits plain = open_dataset("mnist", folder.path(), {.padded_size = 0});
  EXPECT_EQ(plain.test->image_shape(), (Shape{28, 28, 1}));
  EXPECT_EQ(plain.test->classes()[plain.test->label(0)], "7");
}

TEST(DatasetRegistry, ReadsTheRealFashionMnist) {
  if (!std::filesystem::is_directory(dataset_info("fashion-mnist").default_folder)) {
    GTEST_SKIP() << "the package dataset-fashion-mnist is not installed";
  }
  const DatasetSplits splits = open_dataset("fashion-mnist");
  const auto expect_balanced = [](const Dataset& dataset, std::int64_t per_class) {
    EXPECT_EQ(dataset.size(), 10 * per_class);
    EXPECT_EQ(dataset.image_shape(), (Shape{32, 32, 1}));
    EXPECT_EQ(dataset.classes().size(), 10U);
    std::array<std::int64_t, 10> images{};
    for (std::int64_t i = 0; i < dataset.size(); ++i) ++images[dataset.label(i)];
    for (const std::int64_t count : images) EXPECT_EQ(count, per_class);
  };
  expect_balanced(*splits.train, 6000);
  expect_balanced(*splits.test, 1000);
}

}  // namespace
}  // namespace lq
