// Where the parts of a split product go. For *.cu files.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/device.h"
#include "kernels/common/cuda/float_convolution.h"
#include "kernels/common/cuda/float_gemm_outputs.h"
#include "kernels/common/cuda/pixels.h"
#include "kernels/common/cuda/scratch.h"

namespace lq::kernels::cuda {

/// What becomes of the sums of all splits: rows x channels, channels fastest.
struct AddSplits {
  const float* partial;
  float* sums;
  const float* bias;  // one number per channel, or null
  std::int64_t elements;
  int channels;
  int count;
  bool add;

  template <int group>
  __device__ void apply(int row, int channel) const {
    const std::int64_t at = static_cast<std::int64_t>(row) * channels + channel;
    Channels<group> total{};
    if (bias != nullptr) total = load_channels<group>(bias + channel);
    for (int split = 0; split < count; ++split) {
      const Channels<group> part = load_channels<group>(partial + split * elements + at);
#pragma unroll
      for (int i = 0; i < group; ++i) total.values[i] += part.values[i];
    }
    deliver_channels<group>(sums + at, total, add);
  }
};

/// What a product fills: rows x channels, channels fastest.
struct GemmResult {
  float* data;
  std::int64_t rows, channels;
  std::int64_t line;  // consecutive values that belong together: fours lie within them
  bool add;           // to what is there
};

/// Where splits put their sums: several into memory of their own, until finish() adds them in
/// order; or straight into the result, if there is one only, or if results may vary from run to run
/// and blocks can add their fours atomically.
class SplitSums {
 public:
  /// Clears a result to which splits will add.
  SplitSums(Stream& stream, int count, const GemmResult& result)
      : stream_(stream), count_(count), result_(result) {
    if (count == 1) return;
    is_atomic_ = fit_groups(result.line, result.data) && adds_atomically(stream.device());
    if (!is_atomic_) {
      partial_.emplace(stream, count * elements());
    } else if (!result.add) {
      device_memory(stream.device())
          .zero(result.data, static_cast<std::size_t>(elements()) * sizeof(float), stream);
    }
  }

  Delivery delivery() {
    float* const data = partial_ ? partial_->data() : result_.data;
    const DeliveryMode to_result = is_atomic_    ? DeliveryMode::add_atomically
                                   : result_.add ? DeliveryMode::add
                                                 : DeliveryMode::store;
    return {.data = data,
            .split_offset = partial_ ? elements() : 0,
            .mode = partial_ ? DeliveryMode::store : to_result,
            .in_fours = fit_groups(result_.line, data)};
  }
  /// The bias, unless finish() adds it.
  const float* bias_of_product(const float* bias) const { return partial_ ? nullptr : bias; }

  /// result (+)= the splits in order, and the bias, if any. Nothing to do where they are in it.
  void finish(std::string_view operation, const float* bias) {
    if (!partial_) return;
    const bool in_groups = fit_groups(result_.channels, partial_->data(), result_.data, bias);
    for_each_pixel(operation, stream_, result_.rows, result_.channels, in_groups,
                   AddSplits{partial_->data(), result_.data, bias, elements(),
                             static_cast<int>(result_.channels), count_, result_.add});
  }

 private:
  std::int64_t elements() const { return result_.rows * result_.channels; }

  Stream& stream_;
  int count_;
  GemmResult result_;
  bool is_atomic_ = false;
  std::optional<Scratch<float>> partial_;
};

}  // namespace lq::kernels::cuda
