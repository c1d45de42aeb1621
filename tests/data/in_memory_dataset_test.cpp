#include "data/in_memory_dataset.h"

#include "tests/data/files.h"

namespace lq {
namespace {

using testing::error_of;
using testing::expect_contains;

TEST(InMemoryDataset, ReturnsWhatItWasGiven) {
  const InMemoryDataset dataset({1, 2, 1}, {10, 11, 20, 21}, {1, 0}, {"a", "b"});
  EXPECT_EQ(dataset.size(), 2);
  EXPECT_EQ(dataset.image_shape(), (Shape{1, 2, 1}));
  EXPECT_EQ(dataset.classes()[1], "b");
  EXPECT_EQ(dataset.label(0), 1);
  EXPECT_EQ(dataset.label(1), 0);

  Image image;
  image.resize(7, 7, 3);  // an image of another size that is used again
  dataset.load(1, image);
  EXPECT_EQ(image.shape(), (Shape{1, 2, 1}));
  EXPECT_EQ(image.pixels, (std::vector<std::uint8_t>{20, 21}));
}

TEST(InMemoryDataset, RefusesWhatDoesNotFit) {
  expect_contains(error_of([] {
                    InMemoryDataset({1, 2, 1}, {1, 2, 3}, {0, 0}, {"a"});
                  }),
                  {"3 bytes", "2 images of 1x2x1"});
  expect_contains(error_of([] {
                    InMemoryDataset({1, 1, 1}, {1, 2}, {0, 1}, {"a"});
                  }),
                  {"image 1", "label 1", "0 to 0"});
  expect_contains(error_of([] { InMemoryDataset({1, 1, 1}, {1}, {-1}, {"a"}); }), {"label -1"});
  expect_contains(error_of([] { InMemoryDataset({2, 2}, {1, 2, 3, 4}, {0}, {"a"}); }), {"2x2"});
}

}  // namespace
}  // namespace lq
