#include "core/shape.h"

#include "core/error.h"

namespace lq {

Shape::Shape(std::initializer_list<std::int64_t> extents)
    : Shape(std::span<const std::int64_t>(extents.begin(), extents.size())) {}

Shape::Shape(std::span<const std::int64_t> extents) {
  check(extents.size() <= max_rank, "Shape: {} dimensions given, at most {} are supported",
        extents.size(), max_rank);
  rank_ = static_cast<int>(extents.size());
  for (int axis = 0; axis < rank_; ++axis) {
    const std::int64_t extent = extents[axis];
    check(extent >= 0, "Shape: dimension {} is {}, expected 0 or more", axis, extent);
    check(!__builtin_mul_overflow(elements_, extent, &elements_),
          "Shape: the number of elements does not fit in 64 bits");
    extents_[axis] = extent;
  }
}

std::string Shape::to_string() const {
  if (rank_ == 0) return "scalar";
  return fmt::format("{}", fmt::join(extents(), "x"));
}

}  // namespace lq
