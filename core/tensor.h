// The value type that everything above the kernels passes around.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "core/device.h"
#include "core/dtype.h"
#include "core/error.h"
#include "core/shape.h"
#include "core/view.h"

namespace lq {

/// A handle on shared storage plus shape, dtype and device. Always contiguous, no strides.
/// Copying a Tensor copies the handle; `clone()` copies the elements.
class Tensor {
 public:
  /// Undefined: no storage; only `defined()` and assignment are allowed.
  Tensor() = default;
  /// Uninitialised elements. Throws Error when there is no memory for them.
  explicit Tensor(const Shape& shape, DType dtype = DType::f32, Device device = {});

  static Tensor zeros(const Shape& shape, DType dtype = DType::f32, Device device = {});
  static Tensor full(const Shape& shape, float value, Device device = {});
  /// Host values copied into a new tensor on `device`; `values.size()` must equal the elements.
  template <typename T>
  static Tensor from(std::span<const T> values, const Shape& shape, Device device = {}) {
    return from_bytes(values.data(), values.size_bytes(), shape, dtype_of<T>, device);
  }
  template <typename T>
  static Tensor from(const std::vector<T>& values, const Shape& shape, Device device = {}) {
    return from(std::span<const T>(values), shape, device);
  }

  bool defined() const { return storage_ != nullptr; }
  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }
  /// The CPU for an undefined tensor.
  Device device() const;
  std::int64_t elements() const { return shape_.elements(); }
  std::size_t bytes() const { return static_cast<std::size_t>(elements()) * size_of(dtype_); }

  void* raw();
  const void* raw() const;

  /// Typed pointers and views; throw Error when T is not the dtype.
  template <typename T>
  T* data() {
    expect_dtype(dtype_of<T>);
    return static_cast<T*>(raw());
  }
  template <typename T>
  const T* data() const {
    expect_dtype(dtype_of<T>);
    return static_cast<const T*>(raw());
  }
  template <typename T>
  View<T> view() {
    return {data<T>(), shape_, device()};
  }
  template <typename T>
  ConstView<T> view() const {
    return {data<T>(), shape_, device()};
  }
  /// Host elements as a span; only for tensors on the CPU.
  template <typename T>
  std::span<T> span() {
    return {host(data<T>()), static_cast<std::size_t>(elements())};
  }
  template <typename T>
  std::span<const T> span() const {
    return {host(data<T>()), static_cast<std::size_t>(elements())};
  }

  /// Same storage, other extents, same number of elements.
  Tensor reshape(const Shape& shape) const;
  /// Rows [begin, end) of the outermost axis; shares storage.
  Tensor slice(std::int64_t begin, std::int64_t end) const;
  /// A copy of the elements in storage of its own.
  Tensor clone() const;
  /// This tensor when it is already there, else a copy on `device`.
  Tensor to(Device device) const;
  /// Moves the storage, and so every handle on it, slices included. Views that were taken before
  /// must not be used any more.
  void move_to(Device device);
  /// Copies the elements of `from` (same shape and dtype, any device) into this storage.
  void copy_from(const Tensor& from);
  void fill_zero();

  /// Whether another handle looks at the same storage: writing in place would be seen there.
  bool is_shared() const { return storage_.use_count() > 1; }

 private:
  struct Storage;

  static Tensor from_bytes(const void* values, std::size_t bytes, const Shape& shape, DType dtype,
                           Device device);
  void expect_dtype(DType wanted) const;
  template <typename T>
  T* host(T* pointer) const {
    check(device().type == DeviceType::cpu, "Tensor: elements on {} are not readable from the host",
          device());
    return pointer;
  }

  std::shared_ptr<Storage> storage_;
  std::size_t offset_ = 0;  // bytes
  Shape shape_;
  DType dtype_ = DType::f32;
};

}  // namespace lq
