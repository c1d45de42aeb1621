// The names of all images that a run had to do without.
#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>

#include "data/skipped_images.h"

namespace lq {

/// A text file with a line for each image that could not be read, once in a run however many epochs
/// meet it: "training: <image>: <what is wrong>". Images are called as in their data set, without
/// the place where it lies, so that they are the same ones when a resumed run finds it elsewhere,
/// or packed. There is no file while there is no such image. It names as many images as
/// SkippedImages::most_named.
class SkippedLog {
 public:
  /// Goes on with a file that is there when the run is a resumed one, and removes it otherwise.
  /// Throws Error when that fails.
  SkippedLog(std::filesystem::path path, bool resumed);

  /// Adds those that are not in the file yet. Throws Error when it cannot be written; it is as it
  /// was then.
  void add(std::string_view part, const SkippedImages& skipped);
  /// Images in the file.
  std::int64_t size() const { return std::ssize(lines_); }

 private:
  void add(std::string_view part, std::string_view image, std::string_view message);

  std::filesystem::path path_;
  std::set<std::string> lines_;
};

}  // namespace lq
