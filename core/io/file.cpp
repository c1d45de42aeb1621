#include "core/io/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <stdexcept>
#include <system_error>

namespace lq {

namespace {

namespace fs = std::filesystem;

/// Linux moves at most 2 GiB per call; smaller pieces behave the same everywhere.
constexpr std::size_t largest_transfer = std::size_t{1} << 30;

std::string system_message(int code) { return std::generic_category().message(code); }

[[noreturn]] void fail_at(const fs::path& path, std::string message) {
  Error error(std::move(message));
  error.within(path.string());
  throw error;
}

/// The file that is to be replaced: `path` itself, or where the symbolic link `path` leads to.
fs::path resolved_target(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (fs::is_directory(status)) fail_at(path, "cannot write: it is a folder");
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    fail_at(path, "cannot write: it is not a regular file");
  }
  if (!path.has_filename()) fail_at(path, "cannot write: the path names no file");
  if (!fs::is_symlink(fs::symlink_status(path, error))) return path;
  const fs::path target = fs::canonical(path, error);
  if (error) fail_at(path, "cannot write: the symbolic link leads to no file");
  return target;
}

/// Some file systems cannot flush on request; for them there is nothing more to be done.
bool flush_to_disk(int descriptor) {
  return ::fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP || errno == ENOSYS;
}

FileDescriptor open_folder(const fs::path& folder) {
  return FileDescriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

bool is_locked_by_other(const FileDescriptor& file) {
  return ::flock(file.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

/// Whether that name in the folder leads to the open file.
bool is_named(const FileDescriptor& file, const FileDescriptor& folder, const std::string& name) {
  struct stat opened {
  }, named{};
  return ::fstat(file.get(), &opened) == 0 &&
         ::fstatat(folder.get(), name.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

}  // namespace

fs::file_status status_of(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::none) {
    fail_at(path, fmt::format("cannot be looked at: {}", error.message()));
  }
  return status;
}

FileDescriptor::FileDescriptor(FileDescriptor&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

FileDescriptor::~FileDescriptor() {
  if (valid()) ::close(descriptor_);
}

FileDescriptor try_lock_folder(const fs::path& folder) {
  FileDescriptor descriptor = open_folder(folder);
  if (!descriptor.valid()) fail_at(folder, "cannot open the folder: " + system_message(errno));
  if (is_locked_by_other(descriptor)) return {};
  return descriptor;
}

InputFile::InputFile(fs::path path)
    : path_(std::move(path)),
      // Without O_NONBLOCK, opening a pipe would wait for its writer.
      descriptor_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  if (!descriptor_.valid()) fail_at(path_, "cannot open: " + system_message(errno));
  struct stat status {};
  if (::fstat(descriptor_.get(), &status) != 0) {
    fail_at(path_, "cannot open: " + system_message(errno));
  }
  if (S_ISDIR(status.st_mode)) fail_at(path_, "is a folder, expected a file");
  if (!S_ISREG(status.st_mode)) fail_at(path_, "is not a regular file");
  size_ = static_cast<std::uint64_t>(status.st_size);
}

void InputFile::read(std::uint64_t offset, std::span<std::byte> bytes) const {
  while (!bytes.empty()) {
    const ::ssize_t count =
        ::pread(descriptor_.get(), bytes.data(), std::min(bytes.size(), largest_transfer),
                static_cast<::off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_at(path_, "cannot read: " + system_message(errno));
    if (count == 0) {
      fail_at(path_, fmt::format("ends at byte {}, {} more are expected", offset, bytes.size()));
    }
    offset += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

std::vector<std::byte> read_file(const fs::path& path, std::uint64_t limit) {
  const InputFile file(path);
  if (file.size() > limit) {
    fail_at(path, fmt::format("has {} bytes, at most {} are expected", file.size(), limit));
  }
  std::vector<std::byte> bytes;
  try {
    bytes.resize(file.size());
  } catch (const std::exception&) {  // bad_alloc or length_error
    fail_at(path, fmt::format("has {} bytes, more than there is memory", file.size()));
  }
  file.read(0, bytes);
  return bytes;
}

AtomicFile::AtomicFile(const fs::path& path) : path_(path) {
  const fs::path target = resolved_target(path);
  const fs::path folder = target.has_parent_path() ? target.parent_path() : ".";
  name_ = target.filename().string();
  temporary_name_ = name_ + ".tmp";
  folder_ = open_folder(folder);
  if (!folder_.valid()) fail_with_errno("cannot open the folder", folder.string());
  open_temporary();
  keep_permissions_of_old_file();
}

AtomicFile::~AtomicFile() { discard(); }

// The lock tells a temporary that someone is writing from one that a killed process left. Between
// opening and locking, the other writer may have renamed or removed the file: then try again.
void AtomicFile::open_temporary() {
  constexpr int attempts = 100;
  for (int attempt = 0; attempt < attempts && !temporary_.valid(); ++attempt) {
    FileDescriptor file(::openat(folder_.get(), temporary_name_.c_str(),
                                 O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666));
    if (!file.valid()) fail_with_errno("cannot create", temporary_name_);
    if (is_locked_by_other(file)) break;
    if (is_named(file, folder_, temporary_name_)) temporary_ = std::move(file);
  }
  if (!temporary_.valid()) fail_at(path_, "cannot write: another process is writing it");
  if (::ftruncate(temporary_.get(), 0) != 0) fail_with_errno("cannot empty", temporary_name_);
}

void AtomicFile::keep_permissions_of_old_file() {
  struct stat old {};
  if (::fstatat(folder_.get(), name_.c_str(), &old, 0) != 0) return;
  constexpr ::mode_t permissions = 0777;
  if (::fchmod(temporary_.get(), old.st_mode & permissions) != 0) {
    fail_with_errno("cannot set the permissions of", temporary_name_);
  }
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  check(temporary_.valid(), "{}: written to after commit or failure", path_.string());
  while (!bytes.empty()) {
    const ::ssize_t count =
        ::write(temporary_.get(), bytes.data(), std::min(bytes.size(), largest_transfer));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_with_errno("cannot write", temporary_name_);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

void AtomicFile::commit() {
  check(temporary_.valid(), "{}: committed after commit or failure", path_.string());
  if (!flush_to_disk(temporary_.get())) fail_with_errno("cannot flush", temporary_name_);
  if (::renameat(folder_.get(), temporary_name_.c_str(), folder_.get(), name_.c_str()) != 0) {
    fail_with_errno("cannot rename", temporary_name_);
  }
  temporary_ = FileDescriptor();  // only now: closing gives up the lock
  if (!flush_to_disk(folder_.get())) {
    fail_with_errno("was written, but cannot flush", "its folder");
  }
}

void AtomicFile::discard() noexcept {
  if (!temporary_.valid()) return;
  ::unlinkat(folder_.get(), temporary_name_.c_str(), 0);
  temporary_ = FileDescriptor();
}

void AtomicFile::fail_with_errno(std::string_view what, std::string_view object) {
  const int code = errno;
  discard();
  fail_at(path_, fmt::format("{} {}: {}", what, object, system_message(code)));
}

void write_file_atomically(const fs::path& path,
                           std::span<const std::span<const std::byte>> parts) {
  AtomicFile file(path);
  for (const auto part : parts) file.write(part);
  file.commit();
}

void write_file_atomically(const fs::path& path, std::span<const std::byte> bytes) {
  write_file_atomically(path, std::span(&bytes, 1));
}

}  // namespace lq
