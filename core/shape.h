// Extents of a contiguous tensor.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

#include "core/format.h"

namespace lq {

/// Up to five extents, outermost first; a rank of 0 is a scalar with one element.
/// Activations are N H W C, convolution weights O H W I (see docs/design.md).
class Shape {
 public:
  static constexpr int max_rank = 5;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> extents);
  explicit Shape(std::span<const std::int64_t> extents);

  int rank() const { return rank_; }

  /// Extent of `axis`; a negative axis counts from the end.
  std::int64_t operator[](int axis) const { return extents_[axis < 0 ? axis + rank_ : axis]; }

  /// Product of the extents. Overflow is refused when the shape is made.
  std::int64_t elements() const { return elements_; }

  std::span<const std::int64_t> extents() const {
    return {extents_.data(), static_cast<std::size_t>(rank_)};
  }

  /// "2x32x32x16"; "scalar" for rank 0.
  std::string to_string() const;

  friend bool operator==(const Shape& a, const Shape& b) = default;

 private:
  std::array<std::int64_t, max_rank> extents_{};
  std::int64_t elements_ = 1;
  int rank_ = 0;
};

}  // namespace lq

template <>
struct fmt::formatter<lq::Shape> : lq::ToStringFormatter<lq::Shape> {};
