// The largest of codes in bit-planes, all channels of a word at once.
#pragma once

#include <cstdint>
#include <vector>

namespace lq::deploy {

/// Pixels of a window in one image: rows x columns, each of a word for 32 channels, in every plane.
struct CodeWindow {
  const std::uint32_t* first;  ///< first word of the first pixel, in plane 0
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t row_words;    ///< from one row of the map to the next
  std::int64_t plane_words;  ///< from one plane to the next
};

struct CodeResult {
  std::uint32_t* to;         ///< first word of the pixel, in plane 0
  std::int64_t plane_words;  ///< from one plane to the next
};

/// Codes in the order of their levels, for windows of pixels with `channels` channels.
class MaxOfCodes {
 public:
  /// `order` lists distinct codes of `planes` bits, 1 to 8, from the lowest level to the highest,
  /// at least one; codes that it lacks do not occur.
  MaxOfCodes(int planes, std::int64_t channels, std::vector<std::uint8_t> order);

  /// Allocates nothing. Bits beyond the channels become zero.
  void operator()(const CodeWindow& window, const CodeResult& result) const;

 private:
  template <int Planes, typename Words>
  void compute(const CodeWindow& window, const CodeResult& result, std::int64_t word) const;
  template <int Planes>
  void compute_pixel(const CodeWindow& window, const CodeResult& result) const;

  using ComputePixel = void (MaxOfCodes::*)(const CodeWindow&, const CodeResult&) const;

  std::vector<std::uint8_t> order_;
  std::int64_t words_;
  std::uint32_t tail_mask_;
  ComputePixel compute_pixel_;
};

}  // namespace lq::deploy
