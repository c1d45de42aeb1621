// Host tensors as arguments of kernels on any device.
#pragma once

#include "core/stream.h"
#include "core/tensor.h"

namespace lq::testing {

/// A view of a host tensor on the stream's device: of the tensor itself on the CPU, and else of a
/// copy, which is copied back when the object goes, at the end of the call that it is an argument
/// of.
template <typename T>
class Staged {
 public:
  Staged(Stream& stream, Tensor& host) : host_(&host), copy_(host.to(stream.device())) {}
  ~Staged() {
    if (copy_.device() != host_->device()) host_->copy_from(copy_);
  }
  Staged(const Staged&) = delete;
  Staged& operator=(const Staged&) = delete;

  operator View<T>() { return copy_.template view<T>(); }        // NOLINT: implicit on purpose
  operator View<const T>() { return copy_.template view<T>(); }  // NOLINT: implicit on purpose

 private:
  Tensor* host_;
  Tensor copy_;
};

/// The same for a tensor that is only read.
template <typename T>
class StagedInput {
 public:
  StagedInput(Stream& stream, const Tensor& host) : copy_(host.to(stream.device())) {}
  operator View<const T>() const { return copy_.template view<T>(); }  // NOLINT: on purpose

 private:
  Tensor copy_;
};

/// An argument that the call may change: kernels::relu_forward(stream, on(stream, x), ...).
template <typename T = float>
Staged<T> on(Stream& stream, Tensor& host) {
  return {stream, host};
}

/// An argument that the call only reads.
template <typename T = float>
StagedInput<T> on(Stream& stream, const Tensor& host) {
  return {stream, host};
}

}  // namespace lq::testing
