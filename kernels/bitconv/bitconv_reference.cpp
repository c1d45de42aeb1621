#include "core/packed_layout.h"
#include "kernels/bitconv/bitconv.h"

namespace lq::kernels::reference {

namespace {

/// The value of a weight or an input by the definitions of bitconv.h.
struct WeightValue {
  std::int64_t o;
  std::int64_t index;  // in O R S C

  double operator()(const BitSegment& segment) const { return sum_of_basis(segment); }
  double operator()(const GridSegment& segment) const {
    return static_cast<double>(segment.weights[index]) *
           static_cast<double>(segment.weight_scale[o]);
  }
  double operator()(const FloatSegment& segment) const { return segment.weights[index]; }
  double operator()(const CodedFloatSegment& segment) const {
    return static_cast<float>(sum_of_basis(segment));
  }

  template <typename Segment>
  double sum_of_basis(const Segment& segment) const {
    double value = 0;
    for (int i = 0; i < segment.weight_bits; ++i) {
      const double basis = segment.weight_basis[o * segment.weight_bits + i];
      value += ((segment.weight_codes[index] >> i) & 1) != 0 ? basis : -basis;
    }
    return value;
  }
};

struct WeightBytes {
  std::size_t operator()(const BitSegment& segment) const { return segment.weight_codes.size(); }
  std::size_t operator()(const GridSegment& segment) const { return segment.weights.size(); }
  std::size_t operator()(const FloatSegment& segment) const {
    return segment.weights.size() * sizeof(float);
  }
  std::size_t operator()(const CodedFloatSegment& segment) const {
    return segment.weight_codes.size();
  }
};

struct InputValue {
  const BitconvBuffer<const void*>& buffer;
  std::int64_t pixel;  // in N H W
  std::int64_t channel;

  double operator()(const BitSegment& segment) const {
    const auto* words = static_cast<const std::uint32_t*>(buffer.data) +
                        pixel * packed::words(segment.channels) + packed::word_of(channel);
    double value = 0;
    for (int j = 0; j < segment.input_bits; ++j) {
      const std::uint32_t word = words[j * buffer.plane_words];
      if (((word >> packed::bit_of(channel)) & 1U) != 0) value += segment.input_basis[j];
    }
    return value;
  }
  double operator()(const GridSegment& segment) const {
    const auto* bytes = static_cast<const std::uint8_t*>(buffer.data);
    return static_cast<double>(segment.input_scale) *
           (bytes[pixel * segment.channels + channel] - static_cast<double>(segment.zero_point));
  }
  double operator()(const FloatSegment& segment) const { return number(segment.channels); }
  double operator()(const CodedFloatSegment& segment) const { return number(segment.channels); }

  double number(std::int64_t channels) const {
    return static_cast<const float*>(buffer.data)[pixel * channels + channel];
  }
};

class ReferenceBitconv final : public Bitconv {
 public:
  explicit ReferenceBitconv(const BitconvDescription& description) : description_(description) {}

  std::size_t scratch_bytes() const override { return 0; }

  std::size_t weight_bytes() const override {
    std::size_t bytes = 0;
    for (const BitconvSegment& segment : description_.segments) {
      bytes += std::visit(WeightBytes{}, segment);
    }
    return bytes;
  }

  void run(const BitconvOperands& operands, Slice slice, std::span<std::byte>) const override {
    const Conv2dGeometry& g = description_.geometry;
    const std::int64_t rows = operands.batch * g.out_h;
    for (std::int64_t row = rows * slice.index / slice.count;
         row < rows * (slice.index + 1) / slice.count; ++row) {
      for (std::int64_t q = 0; q < g.out_w; ++q) {
        for (std::int64_t o = 0; o < g.c_out; ++o) {
          store(operands, row * g.out_w + q, o,
                value(operands, row / g.out_h, row % g.out_h, q, o));
        }
      }
    }
  }

 private:
  double value(const BitconvOperands& operands, std::int64_t n, std::int64_t p, std::int64_t q,
               std::int64_t o) const {
    const Conv2dGeometry& g = description_.geometry;
    double sum = 0;
    for (std::size_t s = 0; s < description_.segments.size(); ++s) {
      const BitconvSegment& segment = description_.segments[s];
      const std::int64_t channels =
          std::visit([](const auto& kind) { return kind.channels; }, segment);
      for (std::int64_t r = 0; r < g.kernel_h; ++r) {
        const std::int64_t y = p * g.stride_h + r - g.pad_top;
        if (y < 0 || y >= g.h) continue;
        for (std::int64_t k = 0; k < g.kernel_w; ++k) {
          const std::int64_t x = q * g.stride_w + k - g.pad_left;
          if (x < 0 || x >= g.w) continue;
          for (std::int64_t c = 0; c < channels; ++c) {
            const std::int64_t index = ((o * g.kernel_h + r) * g.kernel_w + k) * channels + c;
            sum += std::visit(WeightValue{o, index}, segment) *
                   std::visit(InputValue{operands.inputs[s], (n * g.h + y) * g.w + x, c}, segment);
          }
        }
      }
    }
    const double affine = sum * description_.scale[o] + description_.shift[o];
    if (!description_.has_residual) return affine;
    return affine + operands.residual[((n * g.out_h + p) * g.out_w + q) * g.c_out + o];
  }

  void store(const BitconvOperands& operands, std::int64_t pixel, std::int64_t o,
             double value) const {
    const std::int64_t channels = description_.geometry.c_out;
    for (std::size_t i = 0; i < description_.float_outputs.size(); ++i) {
      const BitconvFloatOutput& output = description_.float_outputs[i];
      double result = value;
      if (!output.scale.empty()) result = result * output.scale[o] + output.shift[o];
      if (output.relu && !(result > 0)) result = 0;
      operands.floats[i][pixel * channels + o] = static_cast<float>(result);
    }
    for (std::size_t i = 0; i < description_.symbol_outputs.size(); ++i) {
      const BitconvSymbolOutput& output = description_.symbol_outputs[i];
      std::size_t position = 0;
      for (std::size_t t = 0; t + 1 < output.symbols.size(); ++t) {
        if (output.signs[o] * value > output.thresholds[t * channels + o]) ++position;
      }
      store_symbol(operands.symbols[i], output.planes, pixel, o, output.symbols[position]);
    }
  }

  void store_symbol(const BitconvBuffer<void*>& buffer, int planes, std::int64_t pixel,
                    std::int64_t o, std::uint8_t symbol) const {
    const std::int64_t channels = description_.geometry.c_out;
    if (planes == 0) {
      static_cast<std::uint8_t*>(buffer.data)[pixel * channels + o] = symbol;
      return;
    }
    for (int j = 0; j < planes; ++j) {
      std::uint32_t& word = static_cast<std::uint32_t*>(
          buffer
              .data)[j * buffer.plane_words + pixel * packed::words(channels) + packed::word_of(o)];
      // The first channel of a word clears it: bits beyond the channels stay zero.
      if (packed::bit_of(o) == 0) word = 0;
      word |= ((static_cast<std::uint32_t>(symbol) >> j) & 1U) << packed::bit_of(o);
    }
  }

  BitconvDescription description_;
};

}  // namespace

std::unique_ptr<Bitconv> prepare_bitconv(Stream&, const BitconvDescription& description) {
  return std::make_unique<ReferenceBitconv>(description);
}

}  // namespace lq::kernels::reference
