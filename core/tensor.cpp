#include "core/tensor.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "core/stream.h"

namespace lq {

struct Tensor::Storage {
  Storage(std::size_t bytes_, Device device_)
      : device(device_),
        memory(&device_memory(device_)),
        bytes(bytes_),
        data(memory->allocate(bytes_)) {}
  ~Storage() { memory->deallocate(data, bytes); }
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  void swap(Storage& other) noexcept {
    std::swap(device, other.device);
    std::swap(memory, other.memory);
    std::swap(bytes, other.bytes);
    std::swap(data, other.data);
  }

  Device device;
  DeviceMemory* memory;
  std::size_t bytes;
  void* data;
};

namespace {

/// Between two devices, or within one; one of them may be the host.
void copy_bytes(void* to, Device to_device, const void* from, Device from_device,
                std::size_t bytes) {
  const Device worker = to_device.type != DeviceType::cpu ? to_device : from_device;
  device_memory(worker).copy(to, to_device, from, from_device, bytes, current_stream(worker));
}

}  // namespace

Tensor::Tensor(const Shape& shape, DType dtype, Device device) : shape_(shape), dtype_(dtype) {
  check(shape.elements() <= PTRDIFF_MAX / static_cast<std::int64_t>(size_of(dtype)),
        "Tensor: {} of {} is more than can be addressed", shape, name_of(dtype));
  storage_ = std::make_shared<Storage>(bytes(), device);
}

Tensor Tensor::zeros(const Shape& shape, DType dtype, Device device) {
  Tensor tensor(shape, dtype, device);
  tensor.fill_zero();
  return tensor;
}

Tensor Tensor::full(const Shape& shape, float value, Device device) {
  Tensor host(shape);
  std::ranges::fill(host.span<float>(), value);
  return host.to(device);
}

Tensor Tensor::from_bytes(const void* values, std::size_t bytes, const Shape& shape, DType dtype,
                          Device device) {
  Tensor tensor(shape, dtype, device);
  check(bytes == tensor.bytes(), "Tensor: {} bytes given for {} elements of {}", bytes,
        shape.elements(), name_of(dtype));
  copy_bytes(tensor.raw(), device, values, Device{}, bytes);
  return tensor;
}

Device Tensor::device() const { return defined() ? storage_->device : Device{}; }

void* Tensor::raw() {
  check(defined(), "Tensor: used before it was given a value");
  return static_cast<char*>(storage_->data) + offset_;
}

const void* Tensor::raw() const { return const_cast<Tensor*>(this)->raw(); }

void Tensor::expect_dtype(DType wanted) const {
  check(wanted == dtype_, "Tensor: elements are {}, asked for as {}", name_of(dtype_),
        name_of(wanted));
}

Tensor Tensor::reshape(const Shape& shape) const {
  check(shape.elements() == elements(), "reshape: {} has {} elements, {} has {}", shape_,
        elements(), shape, shape.elements());
  Tensor result = *this;
  result.shape_ = shape;
  return result;
}

Tensor Tensor::slice(std::int64_t begin, std::int64_t end) const {
  check(shape_.rank() > 0 && 0 <= begin && begin <= end && end <= shape_[0],
        "slice: rows [{}, {}) of {}", begin, end, shape_);
  std::array<std::int64_t, Shape::max_rank> extents{};
  std::ranges::copy(shape_.extents(), extents.begin());
  extents[0] = end - begin;
  Tensor result = *this;
  result.shape_ = Shape(std::span<const std::int64_t>(extents.data(), shape_.extents().size()));
  const std::int64_t row = shape_[0] == 0 ? 0 : elements() / shape_[0];
  result.offset_ = offset_ + static_cast<std::size_t>(begin * row) * size_of(dtype_);
  return result;
}

Tensor Tensor::clone() const {
  Tensor result(shape_, dtype_, device());
  result.copy_from(*this);
  return result;
}

Tensor Tensor::to(Device device) const {
  if (device == this->device()) return *this;
  Tensor result(shape_, dtype_, device);
  result.copy_from(*this);
  return result;
}

void Tensor::move_to(Device device) {
  if (!defined() || device == this->device()) return;
  Storage moved(storage_->bytes, device);
  copy_bytes(moved.data, device, storage_->data, storage_->device, storage_->bytes);
  storage_->swap(moved);
}

void Tensor::copy_from(const Tensor& from) {
  check(from.shape_ == shape_ && from.dtype_ == dtype_, "copy: {} {} does not fit {} {}",
        from.shape_, name_of(from.dtype_), shape_, name_of(dtype_));
  copy_bytes(raw(), device(), from.raw(), from.device(), bytes());
}

void Tensor::fill_zero() { device_memory(device()).zero(raw(), bytes(), current_stream(device())); }

}  // namespace lq
