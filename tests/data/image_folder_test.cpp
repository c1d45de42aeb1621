#include "data/image_folder.h"

#include <map>

#include "data/dataset_registry.h"
#include "data/shards.h"
#include "data/synthetic_photographs.h"
#include "tests/data/files.h"
#include "tests/data/photographs.h"

namespace lq::testing {
namespace {

/// Two classes with images of a single colour, which tells them apart; val is flat.
class ImageFolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    write("train/n02/b.JPEG", 40);
    write("train/n02/a.jpg", 30);
    write("train/n01/z.JPEG", 20);
    write("train/n01/y.PNG.jpeg", 10);
    write("val/v2.JPEG", 70);
    write("val/v1.JPEG", 60);
    write_content(folder / "val_labels.txt", "v1.JPEG n02\nv2.JPEG n01\n");
  }

  void write(const std::string& name, std::uint8_t grey) const {
    Image image;
    image.resize(8, 8, 1);
    std::ranges::fill(image.pixels, grey);
    write_jpeg(folder / name, image);
  }
  DatasetSplits open() const { return open_image_folder(folder.path()); }
  void expect_refused(std::initializer_list<std::string> parts) const {
    expect_contains(error_of([&] { open(); }), parts);
  }

  TemporaryFolder folder;
};

/// Labels and grey values of all images in their order.
std::vector<std::pair<int, int>> content(const Dataset& dataset) {
  std::vector<std::pair<int, int>> found;
  Image image;
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    dataset.load(i, image);
    found.emplace_back(dataset.label(i), image.pixels[0]);
  }
  return found;
}

using Content = std::vector<std::pair<int, int>>;
using Names = std::vector<std::string>;

Names classes_of(const Dataset& dataset) {
  return {dataset.classes().begin(), dataset.classes().end()};
}

TEST_F(ImageFolderTest, ImagesComeByClassAndName) {
  // Neither of these is an image of the data set.
  write_content(folder / "train/n01/notes.txt", "no image");
  write("train/n01/.hidden.JPEG", 99);
  const DatasetSplits data = open();
  EXPECT_EQ(content(*data.train), (Content{{0, 10}, {0, 20}, {1, 30}, {1, 40}}));
  EXPECT_EQ(content(*data.test), (Content{{1, 60}, {0, 70}}));
  EXPECT_EQ(classes_of(*data.train), (Names{"n01", "n02"}));
  EXPECT_EQ(classes_of(*data.test), classes_of(*data.train));
  EXPECT_EQ(data.train->image_shape(), (Shape{0, 0, 3}));
}

TEST_F(ImageFolderTest, ValMayHaveFoldersOfClasses) {
  std::filesystem::remove_all(folder / "val");
  std::filesystem::remove(folder / "val_labels.txt");
  write("val/n02/q.JPEG", 80);  // not every class has to be there
  EXPECT_EQ(content(*open().test), (Content{{1, 80}}));
}

TEST_F(ImageFolderTest, LabelsMayBeIndicesWithPathsBeforeNames) {
  write_content(folder / "val_labels.txt", "");
  std::filesystem::remove(folder / "val_labels.txt");
  write_content(folder / "val.txt", "val/v1.JPEG 1\r\n\n./v2.JPEG,0\n");
  EXPECT_EQ(content(*open().test), (Content{{1, 60}, {0, 70}}));
}

TEST_F(ImageFolderTest, ClassesMayHaveNames) {
  write_content(folder / "synset_words.txt", "n02 great white shark, white shark\nn03 other\n");
  EXPECT_EQ(classes_of(*open().train), (Names{"n01", "great white shark, white shark"}));
  write_content(folder / "classes.txt", "n01\ttench\r\nn02\n");
  EXPECT_EQ(classes_of(*open().train), (Names{"tench", "n02"}));
}

TEST_F(ImageFolderTest, WhatIsNotUsedGetsAWarning) {
  EXPECT_EQ(open().warning, "");
  write("train/b.JPEG", 1);
  write("train/a.JPEG", 1);
  write_content(folder / "train/notes.txt", "not meant to be an image");
  EXPECT_EQ(open().warning, folder.path().string() +
                                ": not used: 2 images beside the classes of train (train/a.JPEG)");
  write("train/n01/more/c.JPEG", 1);
  write("train/n02/more/d.JPEG", 1);
  std::filesystem::remove_all(folder / "val");
  write("val/n01/e.JPEG", 1);
  write("val/n01/more/f.JPEG", 1);
  std::filesystem::create_directory(folder / "val/n02");
  const DatasetSplits data = open();
  EXPECT_EQ(data.warning, folder.path().string() +
                              ": not used: 2 images beside the classes of train (train/a.JPEG), "
                              "3 folders within classes (train/n01/more), "
                              "1 class of val without images (val/n02)");
  EXPECT_EQ(data.train->size(), 4);
  EXPECT_EQ(data.test->size(), 1);
}

TEST_F(ImageFolderTest, FilesThatAreNoImagesByTheirNamesAreCounted) {
  write_content(folder / "train/n01/.DS_Store", "");
  EXPECT_EQ(open().warning, "");
  write_content(folder / "train/n02/c.webp", "");
  EXPECT_EQ(open().warning, folder.path().string() +
                                ": not used: 1 file within classes whose name is not of an image "
                                "(train/n02/c.webp)");
  for (const char* name : {"train/n01/d.bmp", "train/n01/b.jfif", "train/n01/e"}) {
    write_content(folder / name, "");
  }
  std::filesystem::remove_all(folder / "val");
  write("val/n01/e.JPEG", 1);
  write_content(folder / "val/n01/e.JPEG.part", "");
  EXPECT_EQ(open().warning, folder.path().string() +
                                ": not used: 5 files within classes whose names are not of images "
                                "(train/n01/b.jfif)");
  EXPECT_EQ(open().train->size(), 4);
}

TEST_F(ImageFolderTest, DamagedImagesAreOpenedAndNamedWhenTheyAreLoaded) {
  write_content(folder / "train/n01/0.JPEG", "no image");
  write_content(folder / "train/n01/1.JPEG", "");
  std::filesystem::create_symlink("nowhere", folder / "train/n01/2.JPEG");
  const DatasetSplits data = open();
  Image image;
  const auto error = [&](int index) { return error_of([&] { data.train->load(index, image); }); };
  expect_contains(error(0), {"train/n01/0.JPEG: not an image"});
  expect_contains(error(1), {"train/n01/1.JPEG: not an image"});
  expect_contains(error(2), {"train/n01/2.JPEG", "No such file"});
  EXPECT_THROW(data.train->load(2, image), UnreadableImage);
  data.train->load(3, image);
  EXPECT_EQ(image.pixels[0], 10);
}

TEST_F(ImageFolderTest, LinksThatLeadNowhereSpoilNoOtherImage) {
  std::filesystem::create_symlink("0.JPEG", folder / "train/n01/0.JPEG");
  std::filesystem::create_symlink("more", folder / "train/n01/more");
  std::filesystem::create_symlink("gone.JPEG", folder / "val/v3.JPEG");
  write_content(folder / "val_labels.txt", "v1.JPEG n02\nv2.JPEG n01\nv3.JPEG n01\n");
  const DatasetSplits data = open();
  EXPECT_EQ(data.train->size(), 5);
  EXPECT_EQ(data.test->size(), 3);
  Image image;
  EXPECT_THROW(data.train->load(0, image), UnreadableImage);
  expect_contains(error_of([&] { data.train->load(0, image); }),
                  {"train/n01/0.JPEG", "Too many levels of symbolic links"});
  data.train->load(1, image);
  EXPECT_EQ(image.pixels[0], 10);
  expect_contains(data.warning, {"1 folder within classes (train/n01/more)"});
  // A class that is lost would change the numbers of those behind it.
  std::filesystem::create_symlink("n00", folder / "train/n00");
  expect_refused({"train/n00: the folder cannot be read: Too many levels of symbolic links"});
}

TEST_F(ImageFolderTest, RefusesFoldersThatLackSomething) {
  std::filesystem::create_directory(folder / "train/n00");
  expect_refused({"train/n00: the class has no images"});
  std::filesystem::remove_all(folder / "train");
  expect_refused({"there is no folder train, expected train/ and val/"});
  std::filesystem::create_directory(folder / "train");
  expect_refused({"train: no folders of classes"});
}

TEST_F(ImageFolderTest, RefusesLabelsThatDoNotFit) {
  const auto expect_label_error = [&](const std::string& text, const std::string& message) {
    write_content(folder / "val_labels.txt", text);
    expect_refused({message});
  };
  expect_label_error("v1.JPEG n02\n", "val_labels.txt: no label for v2.JPEG");
  expect_label_error("\n", "val_labels.txt: no label for v1.JPEG and 1 more");
  expect_label_error("v1.JPEG n02\nv3.JPEG n01\n", "val_labels.txt:2: there is no image v3.JPEG");
  expect_label_error("v1.JPEG n02\n\nv1.JPEG n01\n", "val_labels.txt:3: v1.JPEG has a label");
  expect_label_error("v1.JPEG n07\n", "val_labels.txt:1: label is \"n07\"");
  expect_label_error("v1.JPEG 2\n",
                     "label is \"2\", expected a class of the training images, or 0 to 1");
  expect_label_error("v1.JPEG -1\n", "label is \"-1\"");
  expect_label_error("v1.JPEG\n", "label is \"\"");
  std::filesystem::remove(folder / "val_labels.txt");
  expect_refused({"val: 2 images without folders of classes, and no val_labels.txt"});
}

/// Folders that are called 1, 10, 11, 2: class 1 is index 0.
class NumberedFolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"1", "10", "11", "2"}) {
      write_file(folder / "train" / name / "a.JPEG", {});
    }
    for (const char* name : {"v1.JPEG", "v2.JPEG"}) write_file(folder / "val" / name, {});
  }
  std::vector<int> labels(const std::string& text) const {
    write_content(folder / "val.txt", text);
    const DatasetSplits data = open_image_folder(folder.path());
    return {data.test->label(0), data.test->label(1)};
  }

  TemporaryFolder folder;
};

TEST_F(NumberedFolderTest, AllLabelsAreReadInTheSameWay) {
  EXPECT_EQ(labels("v1.JPEG 2\nv2.JPEG 10\n"), (std::vector{3, 1}));
  EXPECT_EQ(labels("v1.JPEG 1\nv2.JPEG 0\n"), (std::vector{1, 0}));
}

TEST_F(NumberedFolderTest, LabelsOfTwoMeaningsAreRefused) {
  expect_contains(error_of([&] { labels("v1.JPEG 1\nv2.JPEG 2\n"); }),
                  {"val.txt:1: label is \"1\", a class and also the number of class \"10\"",
                   "expected folders of classes"});
  expect_contains(error_of([&] { labels("v1.JPEG 0\nv2.JPEG 10\n"); }),
                  {"val.txt:1: label is \"0\", the number of a class, but that of line 2 is the "
                   "class \"10\""});
  // Whichever is meant.
  std::filesystem::remove_all(folder / "train");
  for (const char* name : {"0", "1", "2"}) write_file(folder / "train" / name / "a.JPEG", {});
  EXPECT_EQ(labels("v1.JPEG 2\nv2.JPEG 0\n"), (std::vector{2, 0}));
}

TEST_F(ImageFolderTest, WhatCannotBeLookedAtIsAnError) {
  const auto expect_circle = [&](const char* name, auto&& action) {
    std::filesystem::remove_all(folder / name);
    std::filesystem::create_symlink(folder / name, folder / name);
    expect_contains(error_of(action), {(folder / name).string() +
                                       ": cannot be looked at: Too many levels of symbolic links"});
    std::filesystem::remove(folder / name);
  };
  const auto open_any = [&] { open_dataset("image-folder", folder.path()); };
  expect_circle("index.lqshards", open_any);
  expect_circle("classes.txt", open_any);
  expect_circle("val_labels.txt", open_any);
  expect_circle("val", open_any);
  expect_circle("train", open_any);
  expect_circle("images", [&] { open_dataset("image-folder", folder / "images"); });
  expect_circle("images", [&] { write_shards(folder / "images", folder / "shards"); });
  expect_circle("data_batch_1.bin", [&] { open_dataset("cifar10", folder.path()); });
  expect_circle("train-images-idx3-ubyte", [&] { open_dataset("mnist", folder.path()); });
}

TEST_F(ImageFolderTest, RefusesAValThatDoesNotFit) {
  write("val/n01/a.JPEG", 1);
  expect_refused({"val: images beside folders (v1.JPEG and n01)"});
  std::filesystem::remove(folder / "val/v1.JPEG");
  std::filesystem::remove(folder / "val/v2.JPEG");
  write("val/n05/a.JPEG", 1);
  expect_refused({"val/n05: the class is not in ", "train"});
  std::filesystem::remove_all(folder / "val");
  std::filesystem::create_directory(folder / "val");
  expect_refused({"val: no images"});
}

// --- Shards

class ShardsTest : public ImageFolderTest {
 protected:
  void SetUp() override {
    ImageFolderTest::SetUp();
    write_content(folder / "classes.txt", "n01 tench\n");
    write_content(folder / "train/n01/0.JPEG", "damaged");
    write_shards(folder.path(), shards(), {.shard_bytes = 1000});
  }
  std::filesystem::path shards() const { return folder / "shards"; }
};

std::vector<std::byte> bytes_of(const ImageStore& store, std::int64_t index) {
  std::vector<std::byte> bytes;
  store.read(index, bytes);
  return bytes;
}

TEST_F(ShardsTest, HoldWhatTheFolderHolds) {
  const ImageFiles data = list_image_folder(folder.path());
  const std::filesystem::path again = folder / "again";
  write_shards(shards(), again, {.shard_bytes = 1});  // shards can be packed as well
  for (const std::filesystem::path& place : {shards(), again}) {
    const ImageFiles packed = list_shards(place);
    EXPECT_EQ(packed.classes, data.classes);
    for (const auto part : {&ImageFiles::train, &ImageFiles::val}) {
      const ImageStore &actual = *(packed.*part), &expected = *(data.*part);
      ASSERT_EQ(actual.size(), expected.size());
      for (std::int64_t i = 0; i < actual.size(); ++i) {
        EXPECT_EQ(actual.name(i), expected.name(i));
        EXPECT_EQ(actual.label(i), expected.label(i));
        EXPECT_EQ(bytes_of(actual, i), bytes_of(expected, i));
      }
    }
  }
  EXPECT_TRUE(std::filesystem::exists(shards() / "train-00001.shard"));
  EXPECT_FALSE(std::filesystem::exists(shards() / "train-00004.shard"));
  EXPECT_TRUE(std::filesystem::exists(again / "train-00004.shard"));
}

TEST_F(ShardsTest, StandForTheFolderAsADataSet) {
  const DatasetSplits packed = open_dataset("image-folder", shards());
  EXPECT_EQ(classes_of(*packed.train), classes_of(*open().train));
  Image image;
  expect_contains(error_of([&] { packed.train->load(0, image); }),
                  {"train-00000.shard: n01/0.JPEG: not an image"});
}

TEST_F(ShardsTest, KeepAPlaceForWhatCannotBeRead) {
  std::filesystem::create_symlink("nowhere", folder / "train/n01/a.JPEG");
  std::filesystem::create_symlink("nowhere", folder / "val/v3.JPEG");
  write_content(folder / "val_labels.txt", "v1.JPEG n02\nv2.JPEG n01\nv3.JPEG n02\n");
  const std::filesystem::path output = folder / "others";
  std::vector<std::int64_t> progress;
  const ShardResult result =
      write_shards(folder.path(), output, {.on_image = [&](std::int64_t done, std::int64_t all) {
                     EXPECT_EQ(all, 9);
                     progress.push_back(done);
                   }});
  EXPECT_EQ(progress, (std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(result.skipped.count, 2);
  ASSERT_EQ(result.skipped.named.size(), 2U);
  expect_contains(result.skipped.named[0].message, {"train/n01/a.JPEG", "No such file"});
  expect_contains(result.skipped.named[1].message, {"val/v3.JPEG", "No such file"});

  const DatasetSplits packed = open_shards(output);
  EXPECT_EQ(packed.train->size(), 6);
  EXPECT_EQ(packed.test->size(), 3);
  EXPECT_EQ(packed.test->label(2), 1);
  Image image;
  EXPECT_THROW(packed.train->load(1, image), UnreadableImage);
  expect_contains(error_of([&] { packed.train->load(1, image); }),
                  {"train-00000.shard: n01/a.JPEG: was empty, or could not be read when it was "
                   "packed"});
  packed.train->load(2, image);
  EXPECT_EQ(image.pixels[0], 10);

  const ShardResult again = write_shards(output, folder / "again");
  EXPECT_EQ(again.skipped.count, 2);
  expect_contains(again.skipped.named.at(0).message,
                  {"train-00000.shard: n01/a.JPEG: was empty, or"});
  expect_contains(again.skipped.named.at(1).message, {"val-00000.shard: v3.JPEG: was empty, or"});
}

TEST_F(ShardsTest, AreNotWrittenOfFoldersThatAreGone) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path())) {
    if (entry.path().extension() != ".JPEG" && entry.path().extension() != ".jpg") continue;
    std::filesystem::resize_file(entry.path(), 0);
  }
  // Files without a byte can be read.
  EXPECT_EQ(write_shards(folder.path(), folder / "empty").skipped.count, 0);
  for (const char* name :
       {"n01/0.JPEG", "n01/y.PNG.jpeg", "n01/z.JPEG", "n02/a.jpg", "n02/b.JPEG"}) {
    std::filesystem::remove(folder / "train" / name);
    std::filesystem::create_symlink("nowhere", folder / "train" / name);
  }
  for (const char* name : {"v1.JPEG", "v2.JPEG"}) {
    std::filesystem::remove(folder / "val" / name);
    std::filesystem::create_symlink("nowhere", folder / "val" / name);
  }
  expect_contains(error_of([&] { write_shards(folder.path(), folder / "others"); }),
                  {"none of 7 images could be read"});
  EXPECT_FALSE(holds_shards(folder / "others"));
  for (int i = 0; i < 1000; ++i) {
    std::filesystem::create_symlink("nowhere", folder / fmt::format("train/n01/{}.JPEG", i + 1));
  }
  expect_contains(error_of([&] { write_shards(folder.path(), folder / "others"); }),
                  {"none of 1000 images in a row could be read", "No such file"});
}

TEST_F(ShardsTest, AreNotWrittenIntoTheFolderItself) {
  for (const std::filesystem::path& output : {folder.path(), folder / "train/.."}) {
    expect_contains(error_of([&] { write_shards(folder.path(), output); }),
                    {"the output is the folder that is packed"});
  }
  EXPECT_FALSE(holds_shards(folder.path()));
}

std::ptrdiff_t open_files() {
  const std::filesystem::directory_iterator files("/proc/self/fd");
  return std::distance(begin(files), end(files));
}

TEST_F(ShardsTest, ManyShardsTakeFewDescriptors) {
  for (int i = 0; i < 400; ++i) {
    write_content(folder / fmt::format("train/n02/{:03}.JPEG", i), fmt::format("content {}", i));
  }
  write_shards(folder.path(), folder / "many", {.shard_bytes = 1});
  const std::ptrdiff_t before = open_files();
  const ImageFiles packed = list_shards(folder / "many");
  EXPECT_LT(open_files() - before, 300);
  const ImageFiles data = list_image_folder(folder.path());
  ASSERT_EQ(packed.train->size(), 405);
  for (std::int64_t i = 0; i < packed.train->size(); ++i) {
    EXPECT_EQ(bytes_of(*packed.train, i), bytes_of(*data.train, i));
  }
  std::filesystem::remove(folder / "many/train-00404.shard");
  expect_contains(error_of([&] { bytes_of(*packed.train, 404); }),
                  {"train-00404.shard", "No such file"});
}

TEST_F(ShardsTest, AreNotWrittenTwice) {
  expect_contains(error_of([&] { write_shards(folder.path(), shards()); }),
                  {"already holds shards (index.lqshards)"});
}

TEST_F(ShardsTest, DamageIsFound) {
  const auto flip = [](const std::filesystem::path& path, std::size_t at) {
    Bytes bytes = read_bytes(path);
    bytes[at] ^= 1;
    write_file(path, bytes);
  };
  // A bit of an image: that image alone cannot be read.
  flip(shards() / "train-00000.shard", 3);
  const DatasetSplits data = open_shards(shards());
  Image image;
  expect_contains(error_of([&] { data.train->load(0, image); }), {"n01/0.JPEG", "checksum"});
  data.train->load(1, image);
  EXPECT_EQ(image.pixels[0], 10);
  // A shard that lacks a byte, and one that is not there.
  Bytes shard = read_bytes(shards() / "val-00000.shard");
  const std::size_t size = shard.size();
  shard.pop_back();
  write_file(shards() / "val-00000.shard", shard);
  expect_contains(error_of([&] { open_shards(shards()); }),
                  {"val-00000.shard", fmt::format("{} bytes, expected {}", size - 1, size)});
  std::filesystem::remove(shards() / "val-00000.shard");
  expect_contains(error_of([&] { open_shards(shards()); }), {"val-00000.shard"});
}

TEST_F(ShardsTest, DamagedIndicesAreRefused) {
  const std::filesystem::path path = shards() / "index.lqshards";
  const Bytes index = read_bytes(path);
  for (std::size_t size = 0; size < index.size(); ++size) {
    write_file(path, Bytes(index.begin(), index.begin() + static_cast<std::ptrdiff_t>(size)));
    expect_contains(error_of([&] { open_shards(shards()); }), {"index.lqshards: "});
  }
  for (std::size_t at = 0; at < index.size(); ++at) {
    Bytes damaged = index;
    damaged[at] ^= 0x10;
    write_file(path, damaged);
    expect_contains(error_of([&] { open_shards(shards()); }), {"index.lqshards: "});
  }
}

// --- Made-up photographs

TEST(Photographs, AreOfTheirOptions) {
  const TemporaryFolder folder;
  std::vector<std::int64_t> progress;
  const PhotographOptions options{.classes = 3,
                                  .train_images = 2,
                                  .val_images = 1,
                                  .height = 60,
                                  .width = 80,
                                  .on_image = [&](std::int64_t done, std::int64_t all) {
                                    EXPECT_EQ(all, 9);
                                    progress.push_back(done);
                                  }};
  write_photographs(folder.path(), options);
  EXPECT_EQ(progress, (std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 7, 8, 9}));
  const DatasetSplits data = open_image_folder(folder.path());
  EXPECT_EQ(data.train->size(), 6);
  EXPECT_EQ(data.test->size(), 3);
  EXPECT_EQ(classes_of(*data.train), (Names{"n00000000", "n00000001", "n00000002"}));
  Image image;
  for (std::int64_t i = 0; i < data.train->size(); ++i) {
    data.train->load(i, image);
    EXPECT_NEAR(std::min(image.height, image.width), 60, 12);
    EXPECT_NEAR(std::max(image.height, image.width), 80, 12);
  }
}

}  // namespace
}  // namespace lq::testing
