// What kernels see of a tensor.
#pragma once

#include <type_traits>

#include "core/device.h"
#include "core/shape.h"

namespace lq {

/// A non-owning, typed look at contiguous elements. `data` may be null for an optional argument
/// that is absent: test with `if (view)`.
template <typename T>
struct View {
  T* data = nullptr;
  Shape shape;
  Device device;

  View() = default;
  View(T* data_, const Shape& shape_, Device device_ = {})
      : data(data_), shape(shape_), device(device_) {}

  /// A view of mutable elements can be read through.
  template <typename U>
  requires(std::is_same_v<const U, T>)
      View(const View<U>& other)  // NOLINT: implicit on purpose, as T* converts to const T*
      : data(other.data), shape(other.shape), device(other.device) {}

  std::int64_t elements() const { return shape.elements(); }
  explicit operator bool() const { return data != nullptr; }
  T& operator[](std::int64_t index) const { return data[index]; }
  T* begin() const { return data; }
  T* end() const { return data + elements(); }
};

template <typename T>
using ConstView = View<const T>;

}  // namespace lq
