#include <algorithm>

#include "core/error.h"
#include "core/tensor.h"
#include "kernels/bitconv/bitconv_direct_cuda.h"

namespace lq::kernels::cuda {

namespace {

int padded(std::int64_t channels) {
  return static_cast<int>((channels + channel_block - 1) / channel_block * channel_block);
}

/// Arrays on the device that live as long as the convolution.
class DeviceArrays {
 public:
  explicit DeviceArrays(Device device) : device_(device) {}

  /// A copy there; null for an empty array.
  template <typename T>
  const T* add(const std::vector<T>& values) {
    if (values.empty()) return nullptr;
    const auto bytes = std::as_bytes(std::span(values));
    tensors_.push_back(
        Tensor::from(std::span(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()),
                     {std::ssize(bytes)}, device_));
    return static_cast<const T*>(std::as_const(tensors_.back()).raw());
  }

 private:
  Device device_;
  std::vector<Tensor> tensors_;
};

/// Arranges the weights of a segment as bitconv_cuda.h says.
class ArrangeSegment {
 public:
  ArrangeSegment(const Conv2dGeometry& geometry, DeviceArrays& arrays, std::size_t& weight_bytes)
      : outputs_(geometry.c_out),
        pitch_(padded(geometry.c_out)),
        taps_(geometry.kernel_h * geometry.kernel_w),
        arrays_(arrays),
        weight_bytes_(weight_bytes) {}

  DeviceSegment operator()(const BitSegment& segment) const {
    DeviceSegment result = start(Arithmetic::bits, segment.channels);
    result.words = static_cast<int>(packed::words(segment.channels));
    result.weight_bits = segment.weight_bits;
    result.input_bits = segment.input_bits;
    std::vector<std::uint32_t> words(segment.weight_bits * taps_ * result.words * pitch_);
    for_each_weight(segment.channels, [&](std::int64_t o, std::int64_t tap, std::int64_t c,
                                          std::int64_t index) {
      for (int i = 0; i < segment.weight_bits; ++i) {
        const std::int64_t word = (i * taps_ + tap) * result.words + packed::word_of(c);
        words[word * pitch_ + o] |= static_cast<std::uint32_t>(segment.weight_codes[index] >> i & 1)
                                    << packed::bit_of(c);
      }
    });
    result.weights = add_weights(words);
    std::vector<float> basis(segment.weight_bits * pitch_);
    for (std::int64_t o = 0; o < outputs_; ++o) {
      for (int i = 0; i < segment.weight_bits; ++i) {
        basis[i * pitch_ + o] = segment.weight_basis[o * segment.weight_bits + i];
      }
    }
    result.weight_basis = arrays_.add(basis);
    result.input_basis = arrays_.add(segment.input_basis);
    return result;
  }

  DeviceSegment operator()(const GridSegment& segment) const {
    DeviceSegment result = start(Arithmetic::bytes, segment.channels);
    result.words = static_cast<int>((segment.channels + 3) / 4);
    result.zero_point = segment.zero_point;
    std::vector<std::uint32_t> words(taps_ * result.words * pitch_);
    std::vector<std::int32_t> sums(taps_ * pitch_);
    for_each_weight(segment.channels, [&](std::int64_t o, std::int64_t tap, std::int64_t c,
                                          std::int64_t index) {
      const std::int8_t weight = segment.weights[index];
      words[(tap * result.words + c / 4) * pitch_ + o] |=
          static_cast<std::uint32_t>(static_cast<std::uint8_t>(weight)) << (8 * (c % 4));
      sums[tap * pitch_ + o] += weight;
    });
    result.weights = add_weights(words);
    result.tap_sums = arrays_.add(sums);
    std::vector<float> scale(pitch_);
    for (std::int64_t o = 0; o < outputs_; ++o) {
      scale[o] = segment.weight_scale[o] * segment.input_scale;
    }
    result.weight_basis = arrays_.add(scale);
    return result;
  }

  DeviceSegment operator()(const FloatSegment& segment) const {
    return floats(segment.channels,
                  [&](std::int64_t, std::int64_t index) { return segment.weights[index]; });
  }

  /// Decoded here: a GPU has no use for the memory that bits would save, and none of the time.
  DeviceSegment operator()(const CodedFloatSegment& segment) const {
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
  DeviceSegment start(Arithmetic arithmetic, std::int64_t channels) const {
    return {.arithmetic = arithmetic, .channels = static_cast<int>(channels)};
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
  DeviceSegment floats(std::int64_t channels, WeightAt&& weight_at) const {
    DeviceSegment result = start(Arithmetic::floats, channels);
    std::vector<float> weights(taps_ * channels * pitch_);
    for_each_weight(channels,
                    [&](std::int64_t o, std::int64_t tap, std::int64_t c, std::int64_t index) {
                      weights[(tap * channels + c) * pitch_ + o] = weight_at(o, index);
                    });
    result.weights = add_weights(weights);
    return result;
  }

  template <typename T>
  const T* add_weights(const std::vector<T>& weights) const {
    weight_bytes_ += weights.size() * sizeof(T);
    return arrays_.add(weights);
  }

  std::int64_t outputs_;
  std::int64_t pitch_;
  std::int64_t taps_;
  DeviceArrays& arrays_;
  std::size_t& weight_bytes_;
};

class CudaBitconv final : public Bitconv {
 public:
  CudaBitconv(Stream& stream, const BitconvDescription& description)
      : stream_(stream), arrays_(stream.device()) {
    set_geometry(description.geometry);
    for (const BitconvSegment& segment : description.segments) {
      conv_.segment[conv_.segments++] =
          std::visit(ArrangeSegment(description.geometry, arrays_, weight_bytes_), segment);
    }
    conv_.scale = arrays_.add(description.scale);
    conv_.shift = arrays_.add(description.shift);
    has_residual_ = description.has_residual;
    for (const BitconvFloatOutput& output : description.float_outputs) {
      conv_.floats[conv_.float_outputs++] = {.scale = arrays_.add(output.scale),
                                             .shift = arrays_.add(output.shift),
                                             .relu = output.relu};
    }
    for (const BitconvSymbolOutput& output : description.symbol_outputs) {
      conv_.symbols[conv_.symbol_outputs++] = {.thresholds = arrays_.add(output.thresholds),
                                               .signs = arrays_.add(output.signs),
                                               .symbols = arrays_.add(output.symbols),
                                               .count = static_cast<int>(output.symbols.size()) - 1,
                                               .planes = output.planes};
    }
  }

  std::size_t scratch_bytes() const override { return 0; }
  std::size_t weight_bytes() const override { return weight_bytes_; }

  void run(const BitconvOperands& operands, Slice, std::span<std::byte>) const override {
    DeviceConvolution conv = conv_;
    conv.pixels = operands.batch * conv.p * conv.q;
    for (int i = 0; i < conv.segments; ++i) {
      conv.segment[i].input = operands.inputs[static_cast<std::size_t>(i)].data;
      conv.segment[i].plane_words = operands.inputs[static_cast<std::size_t>(i)].plane_words;
    }
    conv.residual = has_residual_ ? operands.residual : nullptr;
    for (int i = 0; i < conv.float_outputs; ++i) {
      conv.floats[i].to = operands.floats[static_cast<std::size_t>(i)];
    }
    for (int i = 0; i < conv.symbol_outputs; ++i) {
      conv.symbols[i].to = operands.symbols[static_cast<std::size_t>(i)].data;
      conv.symbols[i].plane_words = operands.symbols[static_cast<std::size_t>(i)].plane_words;
    }
    run_direct(stream_, conv);
  }

 private:
  void set_geometry(const Conv2dGeometry& g) {
    constexpr std::int64_t most = std::int64_t{1} << 30;
    check(g.h < most && g.w < most && g.c_in < most && g.c_out < most &&
              g.kernel_h * g.kernel_w < most,
          "bitconv: geometry {}, on a GPU extents below 2^30 are expected", g.to_string());
    conv_.h = static_cast<int>(g.h);
    conv_.w = static_cast<int>(g.w);
    conv_.p = static_cast<int>(g.out_h);
    conv_.q = static_cast<int>(g.out_w);
    conv_.kernel_h = static_cast<int>(g.kernel_h);
    conv_.kernel_w = static_cast<int>(g.kernel_w);
    conv_.stride_h = static_cast<int>(g.stride_h);
    conv_.stride_w = static_cast<int>(g.stride_w);
    conv_.pad_top = static_cast<int>(g.pad_top);
    conv_.pad_left = static_cast<int>(g.pad_left);
    conv_.outputs = static_cast<int>(g.c_out);
    conv_.outputs_pitch = padded(g.c_out);
    conv_.by_q = Divider(g.out_w);
    conv_.by_p = Divider(g.out_h);
  }

  Stream& stream_;
  DeviceArrays arrays_;
  DeviceConvolution conv_;
  std::size_t weight_bytes_ = 0;
  bool has_residual_ = false;
};

}  // namespace

std::unique_ptr<Bitconv> prepare_bitconv(Stream& stream, const BitconvDescription& description) {
  return std::make_unique<CudaBitconv>(stream, description);
}

}  // namespace lq::kernels::cuda
