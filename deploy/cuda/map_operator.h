// What operations of a packed network between convolutions share on a GPU. For *.cu files.
//
// Their kernels have a thread for each channel of each output pixel, channels fastest, so that a
// warp reads and writes whole rows of channels; each value is read once or by neighbouring windows.
// All are bound by memory, or by the launch.
#pragma once

#include "core/packed_layout.h"
#include "deploy/operator.h"
#include "kernels/common/cuda/launch.h"

namespace lq::deploy::cuda {

inline constexpr int block_threads = 128;

/// Extents and places that kernels of one input and one output need.
struct Map {
  std::int64_t height = 0;  // of the input
  std::int64_t width = 0;
  std::int64_t channels = 0;  // of the input
  std::int64_t out_height = 0;
  std::int64_t out_width = 0;
  std::int64_t out_channels = 0;
  std::int64_t kernel = 1;
  std::int64_t stride = 1;
  std::int64_t pad_top = 0;
  std::int64_t pad_left = 0;
};

struct Channel {
  std::int64_t pixel;  // of the output, in N P Q
  std::int64_t c;
};

/// The channel that this thread owns, in a grid over `channels` channels of each pixel.
__device__ inline Channel own_channel(std::int64_t channels) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * block_threads + threadIdx.x;
  return {i / channels, i % channels};
}

struct CodePlanes {
  const std::uint32_t* words;
  std::int64_t plane_words;
  int planes;
};

/// The code of a channel; the lanes of a warp that own channels of one word read it together.
__device__ inline unsigned code_of(const CodePlanes& from, std::int64_t words_per_pixel,
                                   std::int64_t pixel, std::int64_t c) {
  const std::int64_t word = pixel * words_per_pixel + c / packed::bits_per_word;
  unsigned code = 0;
  for (int j = 0; j < from.planes; ++j) {
    code |= (from.words[j * from.plane_words + word] >> (c % packed::bits_per_word) & 1U) << j;
  }
  return code;
}

/// What all operators here share.
class CudaOperator : public Operator {
 public:
  CudaOperator(std::string name, Stream& stream) : name_(std::move(name)), stream_(stream) {}

 protected:
  kernels::cuda::LaunchShape threads(std::int64_t count) const {
    return {dim3(static_cast<unsigned>(ceil_divide<std::int64_t>(count, block_threads))),
            dim3(block_threads)};
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
        out_(model.values[operation.output]) {
    map_ = {.height = in_.h,
            .width = in_.w,
            .channels = in_.c,
            .out_height = out_.h,
            .out_width = out_.w,
            .out_channels = out_.c};
  }

  void bind(std::span<const ValuePlace> places, std::int64_t batch) override {
    from_ = places[input_];
    to_ = places[output_];
    batch_ = batch;
  }

 protected:
  template <typename Pool>
  void set_window(const Pool& pool) {
    map_.kernel = pool.kernel;
    map_.stride = pool.stride;
    map_.pad_top = pool.pad_top;
    map_.pad_left = pool.pad_left;
  }

  const Map& map() const { return map_; }
  const Value& in() const { return in_; }
  std::int64_t out_pixels() const { return batch_ * map_.out_height * map_.out_width; }
  std::int64_t out_elements() const { return out_pixels() * map_.out_channels; }
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
  Map map_;
  ValuePlace from_;
  ValuePlace to_;
  std::int64_t batch_ = 0;
};

}  // namespace lq::deploy::cuda
