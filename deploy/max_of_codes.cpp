#include "deploy/max_of_codes.h"

#include <array>
#include <cstring>
#include <utility>

#include "core/packed_layout.h"

namespace lq::deploy {

namespace {

using WordBlock = std::uint32_t __attribute__((vector_size(16)));

template <typename Words>
Words load(const std::uint32_t* from) {
  Words words;
  std::memcpy(&words, from, sizeof words);
  return words;
}

}  // namespace

// With the codes in order, "position >= p" is the disjunction of "code == order[q]" over q >= p,
// and the maximum of positions has this bit where any pixel has it. These bits are nested, so that
// the code of the maximum is the lowest code with all changes up to its position applied.
template <int Planes, typename Words>
void MaxOfCodes::compute(const CodeWindow& window, const CodeResult& result,
                         std::int64_t word) const {
  constexpr int codes = 1 << Planes;
  const std::size_t positions = order_.size();
  Words reached[codes] = {};
  for (std::int64_t row = 0; row < window.rows; ++row) {
    for (std::int64_t column = 0; column < window.columns; ++column) {
      const std::uint32_t* pixel = window.first + row * window.row_words + column * words_ + word;
      Words is_code[codes];
      is_code[0] = ~Words{};
      for (int j = 0; j < Planes; ++j) {
        const auto bits = load<Words>(pixel + j * window.plane_words);
        for (int code = 0; code < 1 << j; ++code) {
          is_code[code | 1 << j] = is_code[code] & bits;
          is_code[code] &= ~bits;
        }
      }
      Words at_least{};
      for (std::size_t p = positions - 1; p > 0; --p) {
        at_least |= is_code[order_[p]];
        reached[p] |= at_least;
      }
    }
  }
  for (int j = 0; j < Planes; ++j) {
    Words bits = ((order_[0] >> j) & 1) != 0 ? ~Words{} : Words{};
    for (std::size_t p = 1; p < positions; ++p) {
      if ((((order_[p] ^ order_[p - 1]) >> j) & 1) != 0) bits ^= reached[p];
    }
    std::memcpy(result.to + j * result.plane_words + word, &bits, sizeof bits);
  }
}

template <int Planes>
void MaxOfCodes::compute_pixel(const CodeWindow& window, const CodeResult& result) const {
  constexpr std::int64_t block = sizeof(WordBlock) / sizeof(std::uint32_t);
  std::int64_t word = 0;
  for (; word + block <= words_; word += block) compute<Planes, WordBlock>(window, result, word);
  for (; word < words_; ++word) compute<Planes, std::uint32_t>(window, result, word);
  for (int j = 0; j < Planes; ++j) result.to[j * result.plane_words + words_ - 1] &= tail_mask_;
}

MaxOfCodes::MaxOfCodes(int planes, std::int64_t channels, std::vector<std::uint8_t> order)
    : order_(std::move(order)),
      words_(packed::words(channels)),
      tail_mask_(packed::tail_mask(channels)) {
  constexpr std::array<ComputePixel, 8> by_planes = {
      &MaxOfCodes::compute_pixel<1>, &MaxOfCodes::compute_pixel<2>, &MaxOfCodes::compute_pixel<3>,
      &MaxOfCodes::compute_pixel<4>, &MaxOfCodes::compute_pixel<5>, &MaxOfCodes::compute_pixel<6>,
      &MaxOfCodes::compute_pixel<7>, &MaxOfCodes::compute_pixel<8>};
  compute_pixel_ = by_planes.at(planes - 1);
}

void MaxOfCodes::operator()(const CodeWindow& window, const CodeResult& result) const {
  (this->*compute_pixel_)(window, result);
}

}  // namespace lq::deploy
