#include "data/cifar.h"

#include <algorithm>

#include "tests/data/files.h"

namespace lq {
namespace {

using testing::Bytes;
using testing::error_of;
using testing::expect_contains;
using testing::TemporaryFolder;
using testing::write_content;
using testing::write_file;
using testing::operator+;

// Both formats with images of 2 x 2, one per training file and two in the test file.
CifarFormat tiny(CifarFormat format) {
  format.size = 2;
  format.train_file_images = 1;
  format.test_file_images = 2;
  return format;
}

// Planes R, G, B of a 2 x 2 image, and the same pixels interleaved.
Bytes planes(std::uint8_t first) {
  Bytes bytes;
  for (int plane = 0; plane < 3; ++plane) {
    for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<std::uint8_t>(first + 10 * plane + i));
  }
  return bytes;
}
Bytes interleaved(std::uint8_t first) {
  Bytes bytes;
  for (int i = 0; i < 4; ++i) {
    for (int plane = 0; plane < 3; ++plane) {
      bytes.push_back(static_cast<std::uint8_t>(first + 10 * plane + i));
    }
  }
  return bytes;
}

Bytes pixels(const Dataset& dataset, std::int64_t index) {
  Image image;
  dataset.load(index, image);
  return image.pixels;
}

void write_cifar10(const std::filesystem::path& folder) {
  for (std::uint8_t file = 1; file <= 5; ++file) {
    write_file(folder / ("data_batch_" + std::to_string(file) + ".bin"),
               Bytes{file} + planes(static_cast<std::uint8_t>(20 * file)));
  }
  write_file(folder / "test_batch.bin", Bytes{9} + planes(200) + Bytes{0} + planes(210));
}

void expect_golden_cifar10(const DatasetSplits& splits) {
  ASSERT_EQ(splits.train->size(), 5);
  EXPECT_EQ(splits.train->image_shape(), (Shape{2, 2, 3}));
  for (std::uint8_t i = 0; i < 5; ++i) {
    EXPECT_EQ(splits.train->label(i), i + 1);
    EXPECT_EQ(pixels(*splits.train, i), interleaved(static_cast<std::uint8_t>(20 * (i + 1))));
  }
  ASSERT_EQ(splits.test->size(), 2);
  EXPECT_EQ(splits.test->label(0), 9);
  EXPECT_EQ(pixels(*splits.test, 0), interleaved(200));
  EXPECT_EQ(splits.test->label(1), 0);
  EXPECT_EQ(pixels(*splits.test, 1), interleaved(210));
}

TEST(Cifar10, ReadsTheFolderItself) {
  const TemporaryFolder folder;
  write_cifar10(folder.path());
  const DatasetSplits splits = read_cifar(tiny(cifar10_format()), folder.path());
  expect_golden_cifar10(splits);
  EXPECT_EQ(splits.train->classes().size(), 10U);
  EXPECT_EQ(splits.test->classes()[9], "truck");
}

TEST(Cifar10, ReadsTheUsualSubfolder) {
  const TemporaryFolder folder;
  write_cifar10(folder / "cifar-10-batches-bin");
  expect_golden_cifar10(read_cifar(tiny(cifar10_format()), folder.path()));
}

TEST(Cifar10, TakesClassNamesFromTheirFile) {
  const TemporaryFolder folder;
  write_cifar10(folder.path());
  write_content(folder / "batches.meta.txt", "a\r\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n");
  const DatasetSplits splits = read_cifar(tiny(cifar10_format()), folder.path());
  EXPECT_EQ(splits.train->classes()[0], "a");
  EXPECT_EQ(splits.train->classes()[9], "j");

  write_content(folder / "batches.meta.txt", "a\nb\n");
  expect_contains(error_of([&] { read_cifar(tiny(cifar10_format()), folder.path()); }),
                  {(folder / "batches.meta.txt").string(), "2 class names", "expected 10"});
}

TEST(Cifar100, UsesTheFineLabel) {
  const TemporaryFolder folder;
  write_file(folder / "cifar-100-binary/train.bin", Bytes{19, 99} + planes(7));
  write_file(folder / "cifar-100-binary/test.bin",
             Bytes{0, 42} + planes(1) + Bytes{3, 0} + planes(2));
  const DatasetSplits splits = read_cifar(tiny(cifar100_format()), folder.path());
  ASSERT_EQ(splits.train->size(), 1);
  ASSERT_EQ(splits.test->size(), 2);
  EXPECT_EQ(splits.train->label(0), 99);
  EXPECT_EQ(pixels(*splits.train, 0), interleaved(7));
  EXPECT_EQ(splits.test->label(0), 42);
  EXPECT_EQ(pixels(*splits.test, 0), interleaved(1));
  EXPECT_EQ(splits.test->label(1), 0);
  EXPECT_EQ(pixels(*splits.test, 1), interleaved(2));
}

TEST(Cifar100, HasAHundredDifferentNamesInOrder) {
  const std::vector<std::string> names = cifar100_format().names;
  EXPECT_EQ(names.size(), 100U);
  EXPECT_TRUE(std::ranges::is_sorted(names));
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
}

TEST(Cifar100, RefusesLabelsOutOfRange) {
  const TemporaryFolder folder;
  write_file(folder / "test.bin", Bytes{0, 42} + planes(1) + Bytes{3, 0} + planes(2));
  const auto error = [&](const Bytes& labels) {
    write_file(folder / "train.bin", labels + planes(7));
    return error_of([&] { read_cifar(tiny(cifar100_format()), folder.path()); });
  };
  expect_contains(error({20, 0}), {(folder / "train.bin").string(), "is 20", "0 to 19"});
  expect_contains(error({0, 100}), {(folder / "train.bin").string(), "is 100", "0 to 99"});
}

class DamagedCifar10 : public ::testing::Test {
 protected:
  DamagedCifar10() { write_cifar10(folder.path()); }

  std::string error() {
    return error_of([this] { read_cifar(tiny(cifar10_format()), folder.path()); });
  }

  TemporaryFolder folder;
};

TEST_F(DamagedCifar10, MissingFolderContent) {
  std::filesystem::remove(folder / "data_batch_1.bin");
  expect_contains(error(), {"cifar10", (folder / "data_batch_1.bin").string(),
                            (folder / "cifar-10-batches-bin/data_batch_1.bin").string()});
}

TEST_F(DamagedCifar10, MissingFile) {
  std::filesystem::remove(folder / "data_batch_4.bin");
  expect_contains(error(), {(folder / "data_batch_4.bin").string(), "No such file"});
}

TEST_F(DamagedCifar10, TruncatedFile) {
  Bytes bytes = Bytes{1} + planes(1);
  bytes.pop_back();
  write_file(folder / "data_batch_2.bin", bytes);
  expect_contains(error(), {(folder / "data_batch_2.bin").string(), "12 bytes",
                            "expected 13 (1 images of 13 bytes)"});
}

TEST_F(DamagedCifar10, TruncatedAtARecord) {
  write_file(folder / "test_batch.bin", Bytes{1} + planes(1));
  expect_contains(error(), {(folder / "test_batch.bin").string(), "13 bytes", "expected 26"});
}

TEST_F(DamagedCifar10, TrailingBytes) {
  write_file(folder / "data_batch_5.bin", Bytes{1} + planes(1) + Bytes{0});
  expect_contains(error(), {(folder / "data_batch_5.bin").string(), "14 bytes", "expected 13"});
}

TEST_F(DamagedCifar10, EmptyFile) {
  write_file(folder / "data_batch_3.bin", {});
  expect_contains(error(), {(folder / "data_batch_3.bin").string(), "0 bytes", "expected 13"});
}

TEST_F(DamagedCifar10, LabelOutOfRange) {
  write_file(folder / "test_batch.bin", Bytes{9} + planes(1) + Bytes{10} + planes(1));
  expect_contains(error(), {(folder / "test_batch.bin").string(), "image 1 is 10", "0 to 9"});
}

}  // namespace
}  // namespace lq
