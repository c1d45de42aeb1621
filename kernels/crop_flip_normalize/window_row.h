// Where the rows of windows lie in their images, for every backend but the reference.
#pragma once

#include <algorithm>
#include <cstdint>

namespace lq::kernels {

struct Extents {
  std::int64_t height;
  std::int64_t width;
};

/// One row of a window, as it is written. Numbers count values, which are channels of pixels.
struct WindowRow {
  /// The values [begin, end) of the row show the image, the others lie outside of it.
  std::int64_t begin;
  std::int64_t end;
  /// Of the byte, in all images, that channel 0 of the row's first pixel shows, or would show if
  /// the image went on to there.
  std::int64_t origin;
  bool mirrored;

  /// The byte that value `i` shows, which is of this channel.
  template <typename Index>
  constexpr std::int64_t source(Index i, Index channel) const {
    return origin + (mirrored ? 2 * channel - i : i);
  }
};

/// Row y of window n, whose top, left and mirrored are at `window`.
constexpr WindowRow window_row(const std::int32_t* window, std::int64_t n, std::int64_t y,
                               const Extents& images, const Extents& windows,
                               std::int64_t channels) {
  const std::int64_t row = window[0] + y;
  const std::int64_t left = window[1];
  const bool mirrored = window[2] != 0;
  // Columns of the window before mirroring.
  const bool shows_image = row >= 0 && row < images.height;
  const std::int64_t first = shows_image ? std::clamp<std::int64_t>(-left, 0, windows.width) : 0;
  const std::int64_t last =
      shows_image ? std::clamp<std::int64_t>(images.width - left, first, windows.width) : 0;
  const std::int64_t first_column = left + (mirrored ? windows.width - 1 : 0);
  return {.begin = (mirrored ? windows.width - last : first) * channels,
          .end = (mirrored ? windows.width - first : last) * channels,
          .origin = ((n * images.height + row) * images.width + first_column) * channels,
          .mirrored = mirrored};
}

}  // namespace lq::kernels
