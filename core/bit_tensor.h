// Packed bit-planes as their own type.
#pragma once

#include "core/packed_layout.h"
#include "core/tensor.h"

namespace lq {

/// Codes of 1 to 8 bits, one plane per bit, in the layout of packed_layout.h.
class BitTensor {
 public:
  BitTensor() = default;
  /// All bits zero. `shape` is N H W C; `planes` is the number of bits of a code, 1 to 8.
  BitTensor(const Shape& shape, int planes, Device device = {});

  bool defined() const { return words_.defined(); }
  const Shape& shape() const { return shape_; }
  int planes() const { return planes_; }
  Device device() const { return words_.device(); }
  std::int64_t words_per_pixel() const { return packed::words(shape_[3]); }
  std::int64_t words_per_plane() const { return words_.elements() / planes_; }
  std::size_t bytes() const { return words_.bytes(); }

  std::uint32_t* plane(int j);
  const std::uint32_t* plane(int j) const;

  /// Code of one element, on the CPU; for tests and small tools, not for loops that matter.
  /// Positions and codes out of range throw Error.
  int code(std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c) const;
  void set_code(std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c, int code);

  /// Whether all bits beyond the last channel are zero, as the layout demands. On the CPU.
  bool pad_bits_are_zero() const;

 private:
  void expect_host() const;
  std::int64_t word_index(std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c) const;

  Tensor words_;  // i32: planes x N x H x W x words
  Shape shape_;
  int planes_ = 0;
};

}  // namespace lq
