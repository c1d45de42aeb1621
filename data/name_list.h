// The names of a data set's files: a million of them in little memory.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace lq {

/// Names, addressed by index.
class NameList {
 public:
  void add(std::string_view name);
  /// Frees what add() has reserved.
  void shrink();

  std::int64_t size() const { return std::ssize(ends_); }
  /// Valid until the next add() or shrink().
  std::string_view operator[](std::int64_t index) const;

 private:
  std::vector<char> names_;          // one after the other
  std::vector<std::uint64_t> ends_;  // of each name
};

}  // namespace lq
