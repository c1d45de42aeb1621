// What the programs that check tables of docs/ do with files.
#pragma once

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace lq::testing {

/// Throws Error if the file cannot be read.
inline std::string contents_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  check(file.is_open(), "{}: cannot be read; is everything built?", path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Throws Error if the file cannot be written.
inline void write_table(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  check(static_cast<bool>(file.flush()), "{}: cannot be written", path);
}

/// Whether a table can be compared; prints why not.
inline bool is_of_compiler(const std::string& path, const std::string& recorded,
                           const std::string& compiler) {
  if (recorded == compiler) return true;
  fmt::print("{} was made with nvcc {}, this build with {}: not compared\n", path, recorded,
             compiler);
  return false;
}

/// Prints what differs from the table, and the target that writes it. Returns whether nothing does.
inline bool agrees(const std::vector<std::string>& differences, const std::string& path,
                   std::string_view target) {
  for (const std::string& line : differences) fmt::print("{}\n", line);
  if (differences.empty()) return true;
  fmt::print(
      "{} lines of {} are not as built; if they should be, build the target {} and commit "
      "the table\n",
      differences.size(), path, target);
  return false;
}

}  // namespace lq::testing
