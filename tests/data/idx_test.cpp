#include "data/idx.h"

#include "tests/data/files.h"

namespace lq {
namespace {

using testing::Bytes;
using testing::error_of;
using testing::expect_contains;
using testing::read_bytes;
using testing::TemporaryFolder;
using testing::write_file;
using testing::write_gzip_file;
using testing::operator+;

constexpr std::string_view train_images = "train-images-idx3-ubyte";
constexpr std::string_view train_labels = "train-labels-idx1-ubyte";
constexpr std::string_view test_images = "t10k-images-idx3-ubyte";
constexpr std::string_view test_labels = "t10k-labels-idx1-ubyte";
const std::vector<std::string> classes{"zero", "one", "two"};

// Two training images of 2 x 3, and one test image.
const Bytes golden_train_images{0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0,  2,  0,  0,
                                0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 90, 10, 11, 255};
const Bytes golden_train_labels{0, 0, 8, 1, 0, 0, 0, 2, 2, 0};
const Bytes golden_test_images{0, 0, 8, 3, 0, 0,  0,  1,  0,  0,  0,
                               2, 0, 0, 0, 3, 21, 22, 23, 24, 25, 26};
const Bytes golden_test_labels{0, 0, 8, 1, 0, 0, 0, 1, 1};

class Idx : public ::testing::Test {
 protected:
  Idx() {
    write_file(folder / train_images, golden_train_images);
    write_file(folder / train_labels, golden_train_labels);
    write_file(folder / test_images, golden_test_images);
    write_file(folder / test_labels, golden_test_labels);
  }

  // The message that names `file` after it was replaced by `content`.
  std::string error_with(std::string_view file, const Bytes& content, int padded_size = 0) {
    write_file(folder / file, content);
    const std::string message = error_of([&] { read_idx(folder.path(), classes, padded_size); });
    expect_contains(message, {(folder / file).string()});
    return message;
  }

  TemporaryFolder folder;
};

void expect_golden(const DatasetSplits& splits) {
  ASSERT_EQ(splits.train->size(), 2);
  ASSERT_EQ(splits.test->size(), 1);
  EXPECT_EQ(splits.train->image_shape(), (Shape{2, 3, 1}));
  EXPECT_EQ(splits.train->classes()[2], "two");
  EXPECT_EQ(splits.train->label(0), 2);
  EXPECT_EQ(splits.train->label(1), 0);
  EXPECT_EQ(splits.test->label(0), 1);
  Image image;
  splits.train->load(0, image);
  EXPECT_EQ(image.pixels, (Bytes{1, 2, 3, 4, 5, 6}));
  splits.train->load(1, image);
  EXPECT_EQ(image.pixels, (Bytes{7, 8, 90, 10, 11, 255}));
  splits.test->load(0, image);
  EXPECT_EQ(image.pixels, (Bytes{21, 22, 23, 24, 25, 26}));
}

TEST_F(Idx, ReadsPlainFiles) { expect_golden(read_idx(folder.path(), classes, 0)); }

TEST_F(Idx, ReadsCompressedFiles) {
  for (const std::string_view name : {train_images, train_labels, test_images, test_labels}) {
    const Bytes content = read_bytes(folder / name);
    std::filesystem::remove(folder / name);
    write_gzip_file(folder / (std::string(name) + ".gz"), content);
  }
  expect_golden(read_idx(folder.path(), classes, 0));
}

TEST_F(Idx, PadsWithZerosOnAllSides) {
  const DatasetSplits splits = read_idx(folder.path(), classes, 5);
  EXPECT_EQ(splits.train->image_shape(), (Shape{5, 5, 1}));
  Image image;
  splits.train->load(1, image);
  EXPECT_EQ(image.pixels, (Bytes{0, 0,  0,  0,   0,  //
                                 0, 7,  8,  90,  0,  //
                                 0, 10, 11, 255, 0,  //
                                 0, 0,  0,  0,   0,  //
                                 0, 0,  0,  0,   0}));
  EXPECT_EQ(splits.test->image_shape(), (Shape{5, 5, 1}));

  read_idx(folder.path(), classes, 4).train->load(1, image);
  EXPECT_EQ(image.pixels, (Bytes{0, 0, 0, 0,      //
                                 7, 8, 90, 0,     //
                                 10, 11, 255, 0,  //
                                 0, 0, 0, 0}));
}

TEST_F(Idx, NamesAMissingFile) {
  std::filesystem::remove(folder / test_labels);
  expect_contains(error_of([&] { read_idx(folder.path(), classes, 0); }),
                  {(folder / test_labels).string(), "no such file", ".gz"});
}

TEST_F(Idx, RefusesAWrongMagicNumber) {
  expect_contains(error_with(train_images, golden_train_labels + Bytes(10)),
                  {"0x00000801", "expected 0x00000803"});
  write_file(folder / train_images, golden_train_images);
  expect_contains(error_with(train_labels, golden_train_images),
                  {"0x00000803", "expected 0x00000801"});
}

TEST_F(Idx, RefusesATruncatedHeader) {
  expect_contains(error_with(train_images, {}), {"0 bytes", "header of 16"});
  expect_contains(error_with(train_images, {0, 0, 8, 3, 0, 0, 0, 2}), {"8 bytes", "header of 16"});
  write_file(folder / train_images, golden_train_images);
  expect_contains(error_with(train_labels, {0, 0, 8, 1}), {"4 bytes", "header of 8"});
}

TEST_F(Idx, RefusesTruncatedAndTrailingBytes) {
  Bytes truncated = golden_train_images;
  truncated.pop_back();
  expect_contains(error_with(train_images, truncated), {"11 bytes", "expected 2 x 2 x 3"});
  expect_contains(error_with(train_images, golden_train_images + Bytes{0}),
                  {"13 bytes", "expected 2 x 2 x 3"});
  write_file(folder / train_images, golden_train_images);
  expect_contains(error_with(train_labels, golden_train_labels + Bytes{0}),
                  {"3 bytes", "expected 2"});
}

TEST_F(Idx, RefusesTruncatedCompression) {
  const std::string name = std::string(train_images) + ".gz";
  write_gzip_file(folder / name, golden_train_images);
  Bytes compressed = read_bytes(folder / name);
  compressed.resize(compressed.size() - 9);
  std::filesystem::remove(folder / train_images);
  error_with(name, compressed);
}

TEST_F(Idx, RefusesExtentsThatOverflow) {
  // 2^31 x 2^31 x 4 is 0 in 64 bits, which is what the file holds.
  const Bytes huge{0, 0, 8, 3, 128, 0, 0, 0, 128, 0, 0, 0, 0, 0, 0, 4};
  expect_contains(error_with(train_images, huge), {"0 bytes", "2147483648 x 2147483648 x 4"});
}

TEST_F(Idx, RefusesEmptyDimensions) {
  expect_contains(error_with(train_images, {0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3}),
                  {"dimension 0 is 0"});
}

TEST_F(Idx, RefusesALabelOutOfRange) {
  expect_contains(error_with(train_labels, {0, 0, 8, 1, 0, 0, 0, 2, 2, 3}),
                  {"image 1 is 3", "expected 0 to 2"});
}

TEST_F(Idx, RefusesCountsThatDiffer) {
  expect_contains(error_with(test_labels, {0, 0, 8, 1, 0, 0, 0, 2, 0, 0}),
                  {"2 labels", "expected 1", (folder / test_images).string()});
}

TEST_F(Idx, RefusesImagesThatDoNotFitThePaddedSize) {
  expect_contains(error_with(train_images, golden_train_images, 2), {"2 x 3", "at most 2 x 2"});
}

TEST_F(Idx, RefusesMoreImagesThanPaddingHasRoomFor) {
  Bytes many{0, 0, 8, 3, 0, 0, 0, 129, 0, 0, 0, 1, 0, 0, 0, 1};
  many.resize(many.size() + 129);
  Bytes labels{0, 0, 8, 1, 0, 0, 0, 129};
  labels.resize(labels.size() + 129);
  write_file(folder / train_labels, labels);
  expect_contains(error_with(train_images, many, 4096),
                  {"129 images", "at most 128 of 4096 x 4096"});
}

TEST_F(Idx, RefusesTestImagesOfAnotherSize) {
  write_file(folder / test_images, {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3});
  expect_contains(error_of([&] { read_idx(folder.path(), classes, 0); }),
                  {folder.path().string(), "2x3x1", "1x3x1"});
}

}  // namespace
}  // namespace lq
