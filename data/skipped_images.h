// Images that could not be read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lq {

struct SkippedImage {
  std::string message;  ///< which image, and what is wrong
  std::string image;    ///< Dataset::name(), where one is known

  friend bool operator==(const SkippedImage&, const SkippedImage&) = default;
};

struct SkippedImages {
  /// So many are named at most, which bounds the memory of names to some 20 MB.
  static constexpr std::size_t most_named = 100'000;
  /// describe() names so many at most.
  static constexpr std::size_t most_described = 5;
  /// A data set has a few images that cannot be read; where it is so many in a row, all are gone.
  static constexpr std::int64_t most_in_a_row = 1000;

  std::int64_t count = 0;
  std::vector<SkippedImage> named;  ///< the first ones

  void add(std::string message, std::string image = "");
};

/// "3 test images could not be read and were left out: a.JPEG: ...; b.JPEG: ..."; `part` names the
/// images, `outcome` tells what became of them, and the first few messages are in it.
std::string describe(const SkippedImages& skipped, std::string_view part,
                     std::string_view outcome = "left out");

}  // namespace lq
