#include "data/encoded_dataset.h"

#include <new>

#include "tests/data/files.h"

namespace lq::testing {
namespace {

/// Files for which there is no memory.
class HugeFiles final : public ImageStore {
 public:
  std::int64_t size() const override { return 1; }
  std::string_view name(std::int64_t) const override { return "huge.png"; }
  std::string path(std::int64_t) const override { return "folder/huge.png"; }
  std::int32_t label(std::int64_t) const override { return 0; }
  void read(std::int64_t, std::vector<std::byte>&) const override { throw std::bad_alloc(); }
};

TEST(EncodedDataset, AFileThatMemoryIsTooShortForIsUnreadable) {
  const EncodedDataset images(std::make_shared<HugeFiles>(), {"class"});
  SourceImage image;
  EXPECT_THROW(images.fetch(0, image), UnreadableImage);
  expect_contains(error_of([&] { images.fetch(0, image); }),
                  {"folder/huge.png: not enough memory"});
}

}  // namespace
}  // namespace lq::testing
