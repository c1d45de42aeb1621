#include <algorithm>
#include <cmath>

#include "core/packed_layout.h"
#include "deploy/max_of_codes.h"
#include "deploy/operator.h"

namespace lq::deploy {

namespace {

/// The pixels of a window that lie on the map.
struct Window {
  std::int64_t first_pixel;  ///< in N H W
  std::int64_t rows;
  std::int64_t columns;
};

/// Windows over the maps of a batch.
class Windows {
 public:
  template <typename Pool>
  Windows(const Pool& pool, const Value& input, const Value& output)
      : height_(input.h),
        width_(input.w),
        out_height_(output.h),
        out_width_(output.w),
        kernel_(pool.kernel),
        stride_(pool.stride),
        pad_top_(pool.pad_top),
        pad_left_(pool.pad_left) {}

  std::int64_t width() const { return width_; }

  /// Calls body(window, output pixel in N P Q) for a worker's share.
  template <typename Body>
  void for_each(std::int64_t batch, kernels::Slice slice, Body&& body) const {
    const Share share = share_of(batch * out_height_, slice);
    for (std::int64_t row = share.begin; row < share.end; ++row) {
      const Range y = range(row % out_height_, pad_top_, height_);
      const std::int64_t first_row = row / out_height_ * height_ + y.begin;
      for (std::int64_t q = 0; q < out_width_; ++q) {
        const Range x = range(q, pad_left_, width_);
        body(Window{first_row * width_ + x.begin, y.end - y.begin, x.end - x.begin},
             row * out_width_ + q);
      }
    }
  }

 private:
  struct Range {
    std::int64_t begin;
    std::int64_t end;
  };
  Range range(std::int64_t window, std::int64_t pad, std::int64_t extent) const {
    const std::int64_t start = window * stride_ - pad;
    return {std::max<std::int64_t>(start, 0), std::min(start + kernel_, extent)};
  }

  std::int64_t height_;
  std::int64_t width_;
  std::int64_t out_height_;
  std::int64_t out_width_;
  std::int64_t kernel_;
  std::int64_t stride_;
  std::int64_t pad_top_;
  std::int64_t pad_left_;
};

/// What all operators with one input and one output share.
class PoolOperator : public Operator {
 public:
  template <typename Pool>
  PoolOperator(const PackedModel& model, const Pool& pool)
      : channels_(model.values[pool.input].c), input_(pool.input), output_(pool.output) {}

  void bind(std::span<const ValuePlace> places, std::int64_t batch) override {
    from_ = places[input_];
    to_ = places[output_];
    batch_ = batch;
  }

 protected:
  std::int64_t channels() const { return channels_; }
  std::int64_t batch() const { return batch_; }
  const ValuePlace& from() const { return from_; }
  const ValuePlace& to() const { return to_; }
  template <typename T>
  const T* input() const {
    return reinterpret_cast<const T*>(from_.data);
  }
  template <typename T>
  T* output() const {
    return reinterpret_cast<T*>(to_.data);
  }

 private:
  std::int64_t channels_;
  std::size_t input_;
  std::size_t output_;
  ValuePlace from_;
  ValuePlace to_;
  std::int64_t batch_ = 0;
};

/// A NaN wins over every number, as in training.
float larger(float a, float b) { return !(b <= a) && !std::isnan(a) ? b : a; }
std::uint8_t larger(std::uint8_t a, std::uint8_t b) { return std::max(a, b); }

/// Calls combine(elements of a pixel) for all pixels of a window but the first.
template <typename T, typename Combine>
void for_each_further_pixel(const Window& window, const T* first, std::int64_t row_elements,
                            std::int64_t channels, Combine&& combine) {
  for (std::int64_t row = 0; row < window.rows; ++row) {
    for (std::int64_t column = row == 0 ? 1 : 0; column < window.columns; ++column) {
      combine(first + row * row_elements + column * channels);
    }
  }
}

/// Maximum of floats or bytes.
template <typename T>
class MaxPoolOperator final : public PoolOperator {
 public:
  MaxPoolOperator(const PackedModel& model, const MaxPool& pool)
      : PoolOperator(model, pool),
        windows_(pool, model.values[pool.input], model.values[pool.output]) {}

  void run(kernels::Slice slice, std::span<std::byte>) const override {
    const std::int64_t count = channels();
    windows_.for_each(batch(), slice, [&](const Window& window, std::int64_t pixel) {
      const T* first = input<T>() + window.first_pixel * count;
      T* to = output<T>() + pixel * count;
      std::copy_n(first, count, to);
      for_each_further_pixel(window, first, windows_.width() * count, count, [&](const T* from) {
        for (std::int64_t c = 0; c < count; ++c) to[c] = larger(to[c], from[c]);
      });
    });
  }

 private:
  Windows windows_;
};

class MaxPoolOfCodesOperator final : public PoolOperator {
 public:
  MaxPoolOfCodesOperator(const PackedModel& model, const MaxPool& pool)
      : PoolOperator(model, pool),
        windows_(pool, model.values[pool.input], model.values[pool.output]),
        max_(model.values[pool.input].planes, channels(), pool.order) {}

  void run(kernels::Slice slice, std::span<std::byte>) const override {
    const std::int64_t words = packed::words(channels());
    windows_.for_each(batch(), slice, [&](const Window& window, std::int64_t pixel) {
      max_({.first = input<std::uint32_t>() + window.first_pixel * words,
            .rows = window.rows,
            .columns = window.columns,
            .row_words = windows_.width() * words,
            .plane_words = from().plane_words},
           {.to = output<std::uint32_t>() + pixel * words, .plane_words = to().plane_words});
    });
  }

 private:
  Windows windows_;
  MaxOfCodes max_;
};

class AveragePoolOperator final : public PoolOperator {
 public:
  AveragePoolOperator(const PackedModel& model, const AveragePool& pool)
      : PoolOperator(model, pool),
        windows_(pool, model.values[pool.input], model.values[pool.output]) {}

  void run(kernels::Slice slice, std::span<std::byte>) const override {
    const std::int64_t count = channels();
    windows_.for_each(batch(), slice, [&](const Window& window, std::int64_t pixel) {
      const float* first = input<float>() + window.first_pixel * count;
      float* to = output<float>() + pixel * count;
      std::copy_n(first, count, to);
      for_each_further_pixel(window, first, windows_.width() * count, count,
                             [&](const float* from) {
                               for (std::int64_t c = 0; c < count; ++c) to[c] += from[c];
                             });
      const auto pixels = static_cast<float>(window.rows * window.columns);
      for (std::int64_t c = 0; c < count; ++c) to[c] /= pixels;
    });
  }

 private:
  Windows windows_;
};

/// Sums in double, as in training. Workers share images and blocks of channels.
class GlobalAveragePoolOperator final : public PoolOperator {
 public:
  GlobalAveragePoolOperator(const PackedModel& model, const GlobalAveragePool& pool)
      : PoolOperator(model, pool),
        pixels_(model.values[pool.input].h * model.values[pool.input].w),
        blocks_((channels() + block_channels - 1) / block_channels) {}

  void run(kernels::Slice slice, std::span<std::byte>) const override {
    const Share share = share_of(batch() * blocks_, slice);
    for (std::int64_t i = share.begin; i < share.end; ++i) {
      average(i / blocks_, i % blocks_ * block_channels);
    }
  }

 private:
  static constexpr std::int64_t block_channels = 32;

  void average(std::int64_t n, std::int64_t first_channel) const {
    const std::int64_t count = std::min(block_channels, channels() - first_channel);
    double sums[block_channels] = {};
    for (std::int64_t pixel = 0; pixel < pixels_; ++pixel) {
      const float* from = input<float>() + (n * pixels_ + pixel) * channels() + first_channel;
      for (std::int64_t c = 0; c < count; ++c) sums[c] += static_cast<double>(from[c]);
    }
    float* to = output<float>() + n * channels() + first_channel;
    for (std::int64_t c = 0; c < count; ++c) {
      to[c] = static_cast<float>(sums[c] / static_cast<double>(pixels_));
    }
  }

  std::int64_t pixels_;
  std::int64_t blocks_;
};

}  // namespace

std::unique_ptr<Operator> make_operator(const PackedModel& model, const MaxPool& operation) {
  switch (model.values[operation.input].kind) {
    case ValueKind::planes:
      return std::make_unique<MaxPoolOfCodesOperator>(model, operation);
    case ValueKind::bytes:
      return std::make_unique<MaxPoolOperator<std::uint8_t>>(model, operation);
    case ValueKind::floats:
      break;
  }
  return std::make_unique<MaxPoolOperator<float>>(model, operation);
}

std::unique_ptr<Operator> make_operator(const PackedModel& model, const AveragePool& operation) {
  return std::make_unique<AveragePoolOperator>(model, operation);
}

std::unique_ptr<Operator> make_operator(const PackedModel& model,
                                        const GlobalAveragePool& operation) {
  return std::make_unique<GlobalAveragePoolOperator>(model, operation);
}

}  // namespace lq::deploy
