// Device memory that a call needs for its own kernels.
#pragma once

#include "core/tensor.h"

namespace lq::kernels::cuda {

/// `count` uninitialised elements on the stream's device. They go back to the allocator with the
/// object: what the stream is given later may use them, which comes behind the kernels that do.
template <typename T>
class Scratch {
 public:
  Scratch(Stream& stream, std::int64_t count)
      : bytes_({count * static_cast<std::int64_t>(sizeof(T))}, DType::u8, stream.device()) {}

  T* data() { return static_cast<T*>(bytes_.raw()); }

 private:
  Tensor bytes_;
};

}  // namespace lq::kernels::cuda
