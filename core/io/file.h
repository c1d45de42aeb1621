// Whole files: reading with clear errors, and writing that never leaves half a file behind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"

namespace lq {

/// The bytes of a text, for the functions below.
inline std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

/// Runs `action` and puts the path before the message of an Error that it throws.
template <typename Action>
decltype(auto) within_file(const std::filesystem::path& path, Action&& action) {
  try {
    return std::forward<Action>(action)();
  } catch (Error& error) {
    error.within(path.string());
    throw;
  }
}

/// What a path leads to, links followed; file_type::not_found where that is nothing. Throws Error
/// where it cannot be found out: no permission for a folder on the way, links in a circle.
std::filesystem::file_status status_of(const std::filesystem::path& path);

/// An open file descriptor, closed when it goes out of scope.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int descriptor) : descriptor_(descriptor) {}
  FileDescriptor(FileDescriptor&& other) noexcept;
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();

  int get() const { return descriptor_; }
  bool valid() const { return descriptor_ >= 0; }

 private:
  int descriptor_ = -1;
};

/// Locks a folder against all other calls for it, of this process too. Closing the descriptor, or
/// the end of the process in whatever way, unlocks it; nothing is left on the disk. Invalid when
/// someone else has the lock. Where the file system knows no locks, everyone gets one. Throws Error
/// for a folder that cannot be opened.
FileDescriptor try_lock_folder(const std::filesystem::path& folder);

/// A regular file that is read in pieces.
class InputFile {
 public:
  /// Throws Error when the path is missing, unreadable, or not a regular file.
  explicit InputFile(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }
  /// Bytes that the file had when it was opened.
  std::uint64_t size() const { return size_; }
  /// Fills `bytes` from position `offset`; throws Error when the file does not have that many.
  void read(std::uint64_t offset, std::span<std::byte> bytes) const;
  /// For calls of the system; the object keeps it.
  int descriptor() const { return descriptor_.get(); }

 private:
  std::filesystem::path path_;
  FileDescriptor descriptor_;
  std::uint64_t size_ = 0;
};

/// All bytes of a file. Throws Error when it is missing, unreadable, not a regular file or larger
/// than `limit` bytes.
std::vector<std::byte> read_file(const std::filesystem::path& path,
                                 std::uint64_t limit = std::numeric_limits<std::uint64_t>::max());

/// Replaces a file all at once: readers see the old file or the whole new one, also after a crash
/// of the machine. The bytes go to "<path>.tmp" in the same folder; commit() flushes them to the
/// disk, renames, and flushes the folder.
///
/// Every failure (no such folder, no permission, full disk) throws an Error "<path>: what failed:
/// why"; the temporary file is removed then, and the old file stays as it was. A temporary file
/// that a killed process left behind is overwritten by the next writer of the same path. Two
/// writers of one path at the same time: the second one gets an Error.
class AtomicFile {
 public:
  /// A path that names a symbolic link stands for the file that the link leads to.
  explicit AtomicFile(const std::filesystem::path& path);
  /// Discards what was written unless commit() was called.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);
  /// Makes the new content visible and durable. Nothing may be written afterwards.
  void commit();

 private:
  void open_temporary();
  void keep_permissions_of_old_file();
  void discard() noexcept;
  [[noreturn]] void fail_with_errno(std::string_view what, std::string_view object);

  std::filesystem::path path_;  // as given, for messages
  std::string name_;            // of the file within its folder
  std::string temporary_name_;
  FileDescriptor folder_;
  FileDescriptor temporary_;
};

/// AtomicFile in one call: the parts, one after the other.
void write_file_atomically(const std::filesystem::path& path,
                           std::span<const std::span<const std::byte>> parts);
void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes);

}  // namespace lq
