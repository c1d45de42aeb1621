#include "kernels/bitconv/bitconv_arrange_cuda.h"

#include "kernels/bitconv/bitconv_launch_cuda.h"
#include "kernels/bitconv/bitconv_tile_plan.h"

namespace lq::kernels::cuda {

namespace {

class ArrangeSegment {
 public:
  ArrangeSegment(const Conv2dGeometry& geometry, Order order, DeviceArrays& arrays)
      : outputs_(geometry.c_out),
        pitch_(pitch_of(geometry.c_out)),
        taps_(geometry.kernel_h * geometry.kernel_w),
        order_(order),
        arrays_(arrays) {}

  ArrangedSegment operator()(const BitSegment& segment) const {
    ArrangedSegment result = start(Arithmetic::bits, segment.channels);
    result.segment.weight_bits = segment.weight_bits;
    result.segment.input_bits = segment.input_bits;
    set_words(result.segment, packed::words(segment.channels));
    std::vector<std::uint32_t> words = zero_words(result.segment);
    std::vector<std::int32_t> ones(segment.weight_bits * pitch_);
    for_each_weight(segment.channels, [&](std::int64_t o, std::int64_t tap, std::int64_t c,
                                          std::int64_t index) {
      for (int i = 0; i < segment.weight_bits; ++i) {
        const auto bit = static_cast<std::uint32_t>(segment.weight_codes[index] >> i & 1);
        words[place(result.segment, i, tap, packed::word_of(c), o)] |= bit << packed::bit_of(c);
        ones[i * pitch_ + o] += static_cast<std::int32_t>(bit);
      }
    });
    add_weights(result, words);
    std::vector<float> basis(segment.weight_bits * pitch_);
    for (std::int64_t o = 0; o < outputs_; ++o) {
      for (int i = 0; i < segment.weight_bits; ++i) {
        basis[i * pitch_ + o] = segment.weight_basis[o * segment.weight_bits + i];
      }
    }
    result.segment.weight_basis = arrays_.add(basis);
    result.segment.input_basis = arrays_.add(segment.input_basis);
    if (order_ == Order::tiles) result.segment.offsets = arrays_.add(ones);
    return result;
  }

  ArrangedSegment operator()(const GridSegment& segment) const {
    ArrangedSegment result = start(Arithmetic::bytes, segment.channels);
    result.segment.weight_bits = 1;
    result.segment.input_bits = 1;
    result.segment.zero_point = segment.zero_point;
    set_words(result.segment, (segment.channels + bytes_per_word - 1) / bytes_per_word);
    std::vector<std::uint32_t> words = zero_words(result.segment);
    std::vector<std::int32_t> sums(taps_ * pitch_);
    for_each_weight(segment.channels,
                    [&](std::int64_t o, std::int64_t tap, std::int64_t c, std::int64_t index) {
                      const std::int8_t weight = segment.weights[index];
                      words[place(result.segment, 0, tap, c / bytes_per_word, o)] |=
                          static_cast<std::uint32_t>(static_cast<std::uint8_t>(weight))
                          << (8 * (c % bytes_per_word));
                      sums[tap * pitch_ + o] += weight;
                    });
    add_weights(result, words);
    if (order_ == Order::tiles) {
      set_zero_point(result.segment, sums);
    } else {
      result.segment.tap_sums = arrays_.add(sums);
    }
    std::vector<float> scale(pitch_);
    for (std::int64_t o = 0; o < outputs_; ++o) {
      scale[o] = segment.weight_scale[o] * segment.input_scale;
    }
    result.segment.weight_basis = arrays_.add(scale);
    result.segment.input_basis = arrays_.add(std::vector{1.0F});
    return result;
  }

  ArrangedSegment operator()(const FloatSegment& segment) const {
    return floats(segment.channels,
                  [&](std::int64_t, std::int64_t index) { return segment.weights[index]; });
  }

  /// Decoded here: a GPU has no use for the memory that bits would save, and none of the time.
  ArrangedSegment operator()(const CodedFloatSegment& segment) const {
    return floats(segment.channels, [&](std::int64_t o, std::int64_t index) {
      double weight = 0;
      for (int i = 0; i < segment.weight_bits; ++i) {
        const double v = segment.weight_basis[o * segment.weight_bits + i];
        weight += (segment.weight_codes[index] >> i & 1) != 0 ? v : -v;
      }
      return static_cast<float>(weight);
    });
  }

 private:
  static ArrangedSegment start(Arithmetic arithmetic, std::int64_t channels) {
    return {.segment = {.arithmetic = arithmetic, .channels = static_cast<int>(channels)}};
  }

  /// Words of a pixel.
  void set_words(DeviceSegment& segment, std::int64_t words) const {
    segment.words = static_cast<int>(words);
    segment.by_words = Divider(words);
    segment.steps = tile_steps(taps_ * words);
  }

  std::vector<std::uint32_t> zero_words(const DeviceSegment& segment) const {
    const std::int64_t of_channel =
        order_ == Order::tiles ? std::int64_t{segment.steps} * step_words : taps_ * segment.words;
    return std::vector<std::uint32_t>(of_channel * segment.weight_bits * pitch_);
  }

  std::int64_t place(const DeviceSegment& segment, int plane, std::int64_t tap, std::int64_t word,
                     std::int64_t o) const {
    if (order_ == Order::lanes) {
      return ((plane * taps_ + tap) * segment.words + word) * pitch_ + o;
    }
    const std::int64_t of_window = tap * segment.words + word;
    const std::int64_t row = of_window / step_words * segment.weight_bits + plane;
    return (row * pitch_ + o) * step_words + swizzled(o, of_window % step_words);
  }

  /// Places outside of the map are read as zero points, so that a constant corrects all windows.
  void set_zero_point(DeviceSegment& segment, const std::vector<std::int32_t>& tap_sums) const {
    std::vector<std::int32_t> offsets(pitch_);
    for (std::int64_t tap = 0; tap < taps_; ++tap) {
      for (std::int64_t o = 0; o < pitch_; ++o) {
        offsets[o] -= segment.zero_point * tap_sums[tap * pitch_ + o];
      }
    }
    segment.offsets = arrays_.add(offsets);
    if (segment.zero_point != 0) {
      const auto point = static_cast<std::uint32_t>(segment.zero_point);
      segment.outside = arrays_.add(std::vector<std::uint32_t>(4, point * 0x01010101U));
    }
  }

  /// Calls visit(o, place in the window, channel, index in O R S C).
  template <typename Visit>
  void for_each_weight(std::int64_t channels, Visit&& visit) const {
    for (std::int64_t o = 0; o < outputs_; ++o) {
      for (std::int64_t tap = 0; tap < taps_; ++tap) {
        for (std::int64_t c = 0; c < channels; ++c) {
          visit(o, tap, c, (o * taps_ + tap) * channels + c);
        }
      }
    }
  }

  template <typename WeightAt>
  ArrangedSegment floats(std::int64_t channels, WeightAt&& weight_at) const {
    ArrangedSegment result = start(Arithmetic::floats, channels);
    std::vector<float> weights(taps_ * channels * pitch_);
    for_each_weight(channels,
                    [&](std::int64_t o, std::int64_t tap, std::int64_t c, std::int64_t index) {
                      weights[(tap * channels + c) * pitch_ + o] = weight_at(o, index);
                    });
    add_weights(result, weights);
    return result;
  }

  template <typename T>
  void add_weights(ArrangedSegment& result, const std::vector<T>& weights) const {
    result.weight_bytes = weights.size() * sizeof(T);
    result.segment.weights = arrays_.add(weights);
  }

  std::int64_t outputs_;
  std::int64_t pitch_;
  std::int64_t taps_;
  Order order_;
  DeviceArrays& arrays_;
};

}  // namespace

ArrangedSegment arrange_segment(const Conv2dGeometry& geometry, const BitconvSegment& segment,
                                Order order, DeviceArrays& arrays) {
  return std::visit(ArrangeSegment(geometry, order, arrays), segment);
}

}  // namespace lq::kernels::cuda
