// Files that are read as if they were memory.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "core/io/file.h"

namespace lq {

/// The bytes of a file, mapped into memory: pages are read when they are first touched, and shared
/// with other processes that map the file.
///
/// A program that touches a page which someone has cut off the file meanwhile gets SIGBUS. Files
/// that are written by AtomicFile are replaced and never shortened: their mappings stay whole.
class MappedFile {
 public:
  /// Throws Error when the path is missing, unreadable, or not a regular file.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace lq
