#include "core/io/mapped_file.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/temporary_folder.h"

namespace lq::testing {
namespace {

TEST(MappedFileTest, HasTheBytesOfTheFile) {
  const TemporaryFolder folder;
  for (const std::size_t size : {0, 1, 4096, 10000}) {
    std::string content(size, '\0');
    for (std::size_t i = 0; i < size; ++i) content[i] = static_cast<char>(i * 7);
    write_content(folder / "file", content);
    const MappedFile file(folder / "file");
    EXPECT_TRUE(std::ranges::equal(file.bytes(), as_bytes(content)));
  }
}

TEST(MappedFileTest, SeesTheOldContentWhenTheFileIsReplaced) {
  const TemporaryFolder folder;
  write_content(folder / "file", "old");
  const MappedFile file(folder / "file");
  write_file_atomically(folder / "file", as_bytes("new and longer"));
  EXPECT_TRUE(std::ranges::equal(file.bytes(), as_bytes("old")));
}

TEST(MappedFileTest, RefusesWhatIsNoFile) {
  const TemporaryFolder folder;
  EXPECT_TRUE(throws_error([&] { MappedFile(folder / "none"); }, "none: cannot open"));
  EXPECT_TRUE(throws_error([&] { MappedFile(folder.path()); }, "is a folder"));
}

}  // namespace
}  // namespace lq::testing
