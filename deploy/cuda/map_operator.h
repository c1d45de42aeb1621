// What operations of a packed network between convolutions share on a GPU. For *.cu files.
//
// Neighbouring threads own neighbouring channels of a pixel, or words of them, so that a warp reads
// and writes whole rows; each value is read once, or by neighbouring windows. Places are found by
// multiplication (kernels/common/cuda/divider.h).
#pragma once

#include "core/packed_layout.h"
#include "deploy/operator.h"
#include "kernels/common/cuda/divider.h"
#include "kernels/common/cuda/launch.h"

namespace lq::deploy::cuda {

inline constexpr int block_threads = 128;

/// The element that this thread owns, in a grid over `of_pixel` channels or words of each pixel.
struct OwnElement {
  int index;
  int pixel;  // of the output, in N P Q
  int place;  // in the pixel

  __device__ explicit OwnElement(const kernels::cuda::Divider& of_pixel)
      : index(static_cast<int>(blockIdx.x * block_threads + threadIdx.x)) {
    pixel = of_pixel.split(index, place);
  }
};

struct CodePlanes {
  const std::uint32_t* words;
  std::int64_t plane_words;
  int planes;
};

/// What all operators here share.
class CudaOperator : public Operator {
 public:
  CudaOperator(std::string name, Stream& stream) : name_(std::move(name)), stream_(stream) {}

 protected:
  /// A thread for each of `count` elements; throws Error for more than kernels can number.
  kernels::cuda::LaunchShape threads(std::int64_t count) const {
    const int elements = kernels::cuda::index_extent(name_, count);
    return {dim3(static_cast<unsigned>(ceil_divide(elements, block_threads))), dim3(block_threads)};
  }
  const std::string& name() const { return name_; }
  Stream& stream() const { return stream_; }

 private:
  std::string name_;
  Stream& stream_;
};

/// One input and one output.
class MapOperator : public CudaOperator {
 public:
  template <typename Operation>
  MapOperator(const PackedModel& model, const Operation& operation, Stream& stream)
      : CudaOperator(operation.name, stream),
        input_(operation.input),
        output_(operation.output),
        in_(model.values[operation.input]),
        out_(model.values[operation.output]) {}

  void bind(std::span<const ValuePlace> places, std::int64_t batch) override {
    from_ = places[input_];
    to_ = places[output_];
    batch_ = batch;
  }

 protected:
  const Value& in() const { return in_; }
  const Value& out() const { return out_; }
  std::int64_t out_pixels() const { return batch_ * out_.h * out_.w; }
  template <typename T>
  const T* from() const {
    return reinterpret_cast<const T*>(from_.data);
  }
  template <typename T>
  T* to() const {
    return reinterpret_cast<T*>(to_.data);
  }
  CodePlanes codes() const { return {from<std::uint32_t>(), from_.plane_words, in_.planes}; }
  std::int64_t to_plane_words() const { return to_.plane_words; }

 private:
  std::size_t input_;
  std::size_t output_;
  Value in_;
  Value out_;
  ValuePlace from_;
  ValuePlace to_;
  std::int64_t batch_ = 0;
};

}  // namespace lq::deploy::cuda
