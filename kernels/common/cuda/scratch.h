// Device memory that a call needs for its own kernels.
#pragma once

#include "core/stream.h"
#include "core/tensor.h"

namespace lq::kernels::cuda {

/// `count` uninitialised elements on the stream's device. They go back to the allocator with the
/// object: what the stream is given later may use them, which comes behind the kernels that do.
template <typename T>
class Scratch {
 public:
  Scratch(Stream& stream, std::int64_t count)
      : bytes_(allocate(stream, count * static_cast<std::int64_t>(sizeof(T)))) {}

  T* data() { return static_cast<T*>(bytes_.raw()); }

 private:
  /// Memory belongs to the current stream, which `stream` need not be.
  static Tensor allocate(Stream& stream, std::int64_t bytes) {
    const StreamScope scope(stream);
    return Tensor({bytes}, DType::u8, stream.device());
  }

  Tensor bytes_;
};

}  // namespace lq::kernels::cuda
