#include "core/io/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <atomic>
#include <thread>

#include "tests/support/errors.h"
#include "tests/support/files.h"
#include "tests/support/temporary_folder.h"

namespace lq::testing {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(ReadFileTest, ReturnsAllBytes) {
  const TemporaryFolder folder;
  const std::string content("a\0b\r\n\xFF", 6);
  write_content(folder / "file", content);
  write_content(folder / "empty", "");
  EXPECT_EQ(text_of(read_file(folder / "file")), content);
  EXPECT_EQ(text_of(read_file(folder / "file", 6)), content);
  EXPECT_TRUE(read_file(folder / "empty", 0).empty());
}

TEST(ReadFileTest, SaysWhatIsWrongWithThePath) {
  const TemporaryFolder folder;
  write_content(folder / "file", "123456");
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  const auto path = [&](const std::string& name) { return (folder / name).string(); };
  EXPECT_TRUE(throws_error([&] { read_file(path("none")); },
                           path("none") + ": cannot open: No such file or directory"));
  EXPECT_TRUE(throws_error([&] { read_file(path("file/x")); }, "cannot open: Not a directory"));
  EXPECT_TRUE(throws_error([&] { read_file(folder.path()); },
                           folder.path().string() + ": is a folder, expected a file"));
  EXPECT_TRUE(throws_error([&] { read_file(path("pipe")); }, "is not a regular file"));
  EXPECT_TRUE(throws_error([&] { read_file(path("file"), 5); },
                           path("file") + ": has 6 bytes, at most 5 are expected"));
}

TEST(ReadFileTest, NeedsPermission) {
  const TemporaryFolder folder;
  write_content(folder / "file", "secret");
  fs::permissions(folder / "file", fs::perms::none);
  const OrdinaryUser user;
  if (!user) GTEST_SKIP() << "root cannot become another user here";
  EXPECT_TRUE(throws_error([&] { read_file(folder / "file"); }, "cannot open: Permission denied"));
}

TEST(InputFileTest, ReadsPiecesAndSeesTheEnd) {
  const TemporaryFolder folder;
  write_content(folder / "file", "0123456789");
  const InputFile file(folder / "file");
  EXPECT_EQ(file.size(), 10U);
  std::array<std::byte, 4> piece{};
  file.read(6, piece);
  EXPECT_EQ(text_of(piece), "6789");
  file.read(0, piece);
  EXPECT_EQ(text_of(piece), "0123");
  EXPECT_TRUE(throws_error([&] { file.read(7, piece); }, "ends at byte 10, 1 more are expected"));
  fs::resize_file(folder / "file", 2);  // behind the back of the reader
  EXPECT_TRUE(throws_error([&] { file.read(0, piece); }, "ends at byte 2"));
}

TEST(AtomicFileTest, WritesPartsInOrder) {
  const TemporaryFolder folder;
  const std::array<std::span<const std::byte>, 3> parts = {as_bytes("one "), {}, as_bytes("two")};
  write_file_atomically(folder / "file", parts);
  EXPECT_EQ(content_of(folder / "file"), "one two");
  write_file_atomically(folder / "file", as_bytes("3"));
  EXPECT_EQ(content_of(folder / "file"), "3");
  write_file_atomically(folder / "file", std::span<const std::byte>{});
  EXPECT_EQ(content_of(folder / "file"), "");
  EXPECT_EQ(names_in(folder.path()), Names{"file"});
}

TEST(AtomicFileTest, OldContentIsThereUntilCommit) {
  const TemporaryFolder folder;
  write_content(folder / "file", "old");
  {
    AtomicFile file(folder / "file");
    file.write(as_bytes("new"));
    EXPECT_EQ(content_of(folder / "file"), "old");
    file.commit();
    EXPECT_EQ(content_of(folder / "file"), "new");
    EXPECT_TRUE(throws_error([&] { file.write(as_bytes("x")); }, "after commit"));
    EXPECT_TRUE(throws_error([&] { file.commit(); }, "after commit"));
  }
  EXPECT_EQ(content_of(folder / "file"), "new");
  EXPECT_EQ(names_in(folder.path()), Names{"file"});
}

TEST(AtomicFileTest, UncommittedContentIsDiscarded) {
  const TemporaryFolder folder;
  write_content(folder / "file", "old");
  {
    AtomicFile file(folder / "file");
    file.write(as_bytes("new"));
  }
  EXPECT_EQ(content_of(folder / "file"), "old");
  EXPECT_EQ(names_in(folder.path()), Names{"file"});
}

TEST(AtomicFileTest, RelativePathsWork) {
  const TemporaryFolder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  write_file_atomically("file", as_bytes("here"));
  fs::current_path(before);
  EXPECT_EQ(content_of(folder / "file"), "here");
}

TEST(AtomicFileTest, FullDiskLeavesTheOldFile) {
  const TemporaryFolder folder;
  write_content(folder / "file", "old");
  const std::string large(10'000, 'x');
  const FileSizeLimit limit(4096);
  EXPECT_TRUE(throws_error([&] { write_file_atomically(folder / "file", as_bytes(large)); },
                           (folder / "file").string() + ": cannot write file.tmp: File too large"));
  EXPECT_EQ(content_of(folder / "file"), "old");
  EXPECT_EQ(names_in(folder.path()), Names{"file"});
}

TEST(AtomicFileTest, NothingCanBeWrittenAfterAFailure) {
  const TemporaryFolder folder;
  const std::string large(10'000, 'x');
  const FileSizeLimit limit(4096);
  AtomicFile file(folder / "file");
  EXPECT_TRUE(throws_error([&] { file.write(as_bytes(large)); }, "File too large"));
  EXPECT_TRUE(names_in(folder.path()).empty());
  EXPECT_TRUE(throws_error([&] { file.write(as_bytes("x")); }, "after commit or failure"));
  EXPECT_TRUE(throws_error([&] { file.commit(); }, "after commit or failure"));
}

TEST(AtomicFileTest, UnusablePathsAreRefused) {
  const TemporaryFolder folder;
  write_content(folder / "file", "old");
  fs::create_directory(folder / "sub");
  fs::create_symlink("nowhere", folder / "dangling");
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  const auto refuses = [&](const fs::path& path, const std::string& reason) {
    return throws_error([&] { AtomicFile file(path); }, path.string() + ": " + reason);
  };
  EXPECT_TRUE(refuses(folder / "none/file", "cannot open the folder"));
  EXPECT_TRUE(refuses(folder / "none/file", "cannot open the folder " + (folder / "none").string() +
                                                ": No such file or directory"));
  EXPECT_TRUE(refuses(folder / "file/below", "cannot open the folder " +
                                                 (folder / "file").string() + ": Not a directory"));
  EXPECT_TRUE(refuses(folder / "sub", "cannot write: it is a folder"));
  EXPECT_TRUE(refuses(folder / "none/", "cannot write: the path names no file"));
  EXPECT_TRUE(throws_error([] { AtomicFile file(""); }, "cannot write: the path names no file"));
  EXPECT_TRUE(refuses(folder / "pipe", "cannot write: it is not a regular file"));
  EXPECT_TRUE(refuses(folder / "dangling", "cannot write: the symbolic link leads to no file"));
  EXPECT_TRUE(refuses(folder / std::string(300, 'n'), "cannot create"));
  EXPECT_EQ(names_in(folder.path()), (Names{"dangling", "file", "pipe", "sub"}));
}

TEST(AtomicFileTest, NeedsPermissionOnTheFolder) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "sub");
  write_content(folder / "sub/file", "old");
  fs::permissions(folder.path(), static_cast<fs::perms>(0755));
  fs::permissions(folder / "sub", static_cast<fs::perms>(0555));
  {
    const OrdinaryUser user;
    if (!user) GTEST_SKIP() << "root cannot become another user here";
    EXPECT_TRUE(throws_error([&] { write_file_atomically(folder / "sub/file", as_bytes("new")); },
                             "cannot create file.tmp: Permission denied"));
  }
  EXPECT_EQ(content_of(folder / "sub/file"), "old");
  fs::permissions(folder / "sub", fs::perms::owner_all);
}

TEST(AtomicFileTest, RenameFailureRemovesTheTemporary) {
  const TemporaryFolder folder;
  AtomicFile file(folder / "file");
  file.write(as_bytes("new"));
  fs::create_directories(folder / "file/in the way");
  EXPECT_TRUE(throws_error([&] { file.commit(); }, "cannot rename file.tmp: "));
  EXPECT_EQ(names_in(folder.path()), Names{"file"});
}

TEST(AtomicFileTest, LinksLeadToTheFileThatIsReplaced) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "real");
  write_content(folder / "real/file", "old");
  fs::create_symlink("real/file", folder / "link");
  write_file_atomically(folder / "link", as_bytes("new"));
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(content_of(folder / "real/file"), "new");
}

TEST(AtomicFileTest, KeepsThePermissionsOfTheOldFile) {
  const TemporaryFolder folder;
  write_content(folder / "file", "old");
  const fs::perms perms = fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read;
  fs::permissions(folder / "file", perms);
  write_file_atomically(folder / "file", as_bytes("new"));
  EXPECT_EQ(fs::status(folder / "file").permissions(), perms);
}

TEST(AtomicFileTest, TemporaryOfAKilledWriterIsReused) {
  const TemporaryFolder folder;
  write_content(folder / "file.tmp", "much longer than what is written now");
  write_file_atomically(folder / "file", as_bytes("new"));
  EXPECT_EQ(content_of(folder / "file"), "new");
  EXPECT_EQ(names_in(folder.path()), Names{"file"});
}

TEST(AtomicFileTest, SecondWriterIsRefusedAndDoesNoHarm) {
  const TemporaryFolder folder;
  AtomicFile first(folder / "file");
  first.write(as_bytes("first "));
  EXPECT_TRUE(throws_error([&] { AtomicFile second(folder / "file"); },
                           "cannot write: another process is writing it"));
  first.write(as_bytes("writer"));
  first.commit();
  EXPECT_EQ(content_of(folder / "file"), "first writer");
  AtomicFile(folder / "file").commit();  // the lock is gone, although `first` still lives
  EXPECT_EQ(content_of(folder / "file"), "");
}

TEST(AtomicFileTest, RacingWritersNeverMixTheirContent) {
  const TemporaryFolder folder;
  std::atomic<int> written = 0, torn = 0;
  const auto write_often = [&](char letter) {
    const std::string content(3000, letter);
    for (int round = 0; round < 50; ++round) {
      try {
        write_file_atomically(folder / "file", as_bytes(content));
        ++written;
      } catch (const Error&) {  // the other one is writing
      }
      const std::string seen = content_of(folder / "file");
      const bool whole = seen.find_first_not_of(seen.front()) == std::string::npos;
      if (seen.size() != content.size() || !whole) ++torn;
    }
  };
  write_file_atomically(folder / "file", as_bytes(std::string(3000, 'c')));
  std::thread other([&] { write_often('a'); });
  write_often('b');
  other.join();
  EXPECT_GT(written, 0);
  EXPECT_EQ(torn, 0);
  EXPECT_EQ(names_in(folder.path()), Names{"file"});
}

TEST(FolderLockTest, IsHeldUntilItIsClosedAndLeavesNothing) {
  const TemporaryFolder folder;
  {
    const FileDescriptor lock = try_lock_folder(folder.path());
    EXPECT_TRUE(lock.valid());
    EXPECT_FALSE(try_lock_folder(folder.path()).valid());
  }
  EXPECT_TRUE(try_lock_folder(folder.path()).valid());
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>());
  EXPECT_TRUE(throws_error([&] { try_lock_folder(folder / "none"); },
                           "none: cannot open the folder: No such file"));
}

}  // namespace
}  // namespace lq::testing
