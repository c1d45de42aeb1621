// The operands of a bit-convolution that stay on the device.
#pragma once

#include <span>
#include <vector>

#include "core/tensor.h"
#include "kernels/bitconv/bitconv_cuda.h"

namespace lq::kernels::cuda {

/// Arrays on a device that live as long as this.
class DeviceArrays {
 public:
  explicit DeviceArrays(Device device) : device_(device) {}

  /// A copy there; null for an empty array.
  template <typename T>
  T* add(const std::vector<T>& values) {
    if (values.empty()) return nullptr;
    const auto bytes = std::as_bytes(std::span(values));
    tensors_.push_back(
        Tensor::from(std::span(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()),
                     {std::ssize(bytes)}, device_));
    return static_cast<T*>(tensors_.back().raw());
  }

 private:
  Device device_;
  std::vector<Tensor> tensors_;
};

struct ArrangedSegment {
  DeviceSegment segment;
  std::size_t weight_bytes = 0;
};

/// Tiles have no segments of floats.
ArrangedSegment arrange_segment(const Conv2dGeometry& geometry, const BitconvSegment& segment,
                                Order order, DeviceArrays& arrays);

}  // namespace lq::kernels::cuda
