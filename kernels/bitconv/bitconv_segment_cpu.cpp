#include "kernels/bitconv/bitconv_segment.h"

#include <cstring>

#include "core/packed_layout.h"

namespace lq::kernels::bitconv {

namespace {

/// Two planes in one word save half of the work where they fit, which costs a copy.
Arithmetic arithmetic_of(const Conv2dGeometry& geometry, const BitSegment& segment) {
  const std::int64_t window = geometry.kernel_h * geometry.kernel_w;
  const bool makes_pairs = segment.input_bits > 1 && window > 1 && window <= max_halves_words &&
                           segment.channels > packed::bits_per_word / 4 &&
                           segment.channels <= packed::bits_per_word / 2;
  return makes_pairs ? Arithmetic::halves : Arithmetic::bits;
}

class BitSegmentWeights final : public Segment {
 public:
  BitSegmentWeights(const Conv2dGeometry& geometry, const BitSegment& segment,
                    std::span<const float> scale)
      : Segment(geometry, arithmetic_of(geometry, segment), segment.channels, segment.weight_bits,
                segment.input_bits, 0) {
    WeightWords words(geometry.c_out, segment.weight_bits, kernel_rows(), row_words());
    counts_.resize(geometry.c_out * geometry.kernel_h * geometry.kernel_w * segment.weight_bits, 0);
    const std::uint8_t* code = segment.weight_codes.data();
    for (std::int64_t o = 0; o < geometry.c_out; ++o) {
      for (std::int64_t r = 0; r < geometry.kernel_h; ++r) {
        for (std::int64_t k = 0; k < geometry.kernel_w; ++k) {
          for (std::int64_t c = 0; c < segment.channels; ++c, ++code) {
            set_bits(words, o, r, k, bit_place(r, k, c, segment.channels), *code);
          }
        }
      }
    }
    set_weights(words);
    set_coefficients([&](std::int64_t o, int i, int j) {
      if (j >= segment.input_bits) return 0.0F;  // the half of a pair that is missing
      return -scale[o] * segment.weight_basis[o * segment.weight_bits + i] * segment.input_basis[j];
    });
    weight_basis_.assign(segment.weight_basis.begin(), segment.weight_basis.end());
    for (const float u : segment.input_basis) input_sum_ += u;
  }

 protected:
  double constant_of_part(std::int64_t o, const KernelPart& part) const override {
    const std::int64_t bits = std::ssize(weight_basis_) / geometry_.c_out;
    double sum = 0;
    for (std::int64_t r = part.first_row; r < part.end_row; ++r) {
      for (std::int64_t k = part.first_column; k < part.end_column; ++k) {
        for (std::int64_t i = 0; i < bits; ++i) {
          sum +=
              static_cast<double>(weight_basis_[o * bits + i]) * counts_[tap(o, r, k) * bits + i];
        }
      }
    }
    return sum * input_sum_;
  }

 private:
  std::int64_t tap(std::int64_t o, std::int64_t r, std::int64_t k) const {
    return (o * geometry_.kernel_h + r) * geometry_.kernel_w + k;
  }

  /// The bit of a kernel row (of the whole window, for patches) that belongs to a weight.
  std::int64_t bit_place(std::int64_t r, std::int64_t k, std::int64_t c,
                         std::int64_t channels) const {
    if (form() == Form::patches) return (r * geometry_.kernel_w + k) * channels + c;
    return k * pixel_words() * packed::bits_per_word + c;
  }

  void set_bits(WeightWords& words, std::int64_t o, std::int64_t r, std::int64_t k,
                std::int64_t place, std::uint8_t code) {
    for (int i = 0; i < words.planes; ++i) {
      if (((code >> i) & 1) == 0) continue;
      std::uint32_t* row = words.row(o, i, form() == Form::patches ? 0 : r);
      std::uint32_t bit = 1U << packed::bit_of(place);
      if (arithmetic() == Arithmetic::halves) bit |= bit << packed::bits_per_word / 2;
      row[packed::word_of(place)] |= bit;
      ++counts_[tap(o, r, k) * words.planes + i];
    }
  }

  std::vector<float> weight_basis_;   // O x bits
  std::vector<std::int32_t> counts_;  // O R S x bits: set bits
  double input_sum_ = 0;
};

class GridSegmentWeights final : public Segment {
 public:
  GridSegmentWeights(const Conv2dGeometry& geometry, const GridSegment& segment,
                     std::span<const float> scale)
      : Segment(geometry, Arithmetic::int8, segment.channels, 1, 1, segment.zero_point) {
    WeightWords words(geometry.c_out, 1, geometry.kernel_h, row_words());
    sums_.resize(geometry.c_out * geometry.kernel_h * geometry.kernel_w, 0);
    const std::int8_t* weight = segment.weights.data();
    for (std::int64_t o = 0; o < geometry.c_out; ++o) {
      for (std::int64_t r = 0; r < geometry.kernel_h; ++r) {
        auto* row = reinterpret_cast<std::int8_t*>(words.row(o, 0, r));
        for (std::int64_t k = 0; k < geometry.kernel_w; ++k) {
          for (std::int64_t c = 0; c < segment.channels; ++c, ++weight) {
            row[k * pixel_words() * word_bytes + c] = *weight;
            sums_[(o * geometry.kernel_h + r) * geometry.kernel_w + k] += *weight;
          }
        }
      }
    }
    set_weights(words);
    set_coefficients([&](std::int64_t o, int, int) {
      return scale[o] * segment.weight_scale[o] * segment.input_scale;
    });
    for (const float weight_scale : segment.weight_scale) {
      zero_.push_back(static_cast<double>(weight_scale) * segment.input_scale * segment.zero_point);
    }
  }

 protected:
  double constant_of_part(std::int64_t o, const KernelPart& part) const override {
    double sum = 0;
    for (std::int64_t r = part.first_row; r < part.end_row; ++r) {
      for (std::int64_t k = part.first_column; k < part.end_column; ++k) {
        sum += sums_[(o * geometry_.kernel_h + r) * geometry_.kernel_w + k];
      }
    }
    return -sum * zero_[o];
  }

 private:
  std::vector<std::int32_t> sums_;  // O R S: of the weights
  std::vector<double> zero_;        // O: what a zero point's byte stands for, times the scales
};

class FloatSegmentWeights final : public Segment {
 public:
  FloatSegmentWeights(const Conv2dGeometry& geometry, const FloatSegment& segment,
                      std::span<const float> scale)
      : Segment(geometry, Arithmetic::float32, segment.channels, 1, 1, 0) {
    WeightWords words(geometry.c_out, 1, geometry.kernel_h, row_words());
    std::memcpy(words.words.data(), segment.weights.data(), segment.weights.size() * sizeof(float));
    set_weights(words);
    set_coefficients([&](std::int64_t o, int, int) { return scale[o]; });
  }

 protected:
  double constant_of_part(std::int64_t, const KernelPart&) const override { return 0; }
};

/// A weight that is a sum of basis elements.
float weight_of(std::span<const float> basis, unsigned code) {
  double sum = 0;
  for (std::size_t i = 0; i < basis.size(); ++i) {
    const auto element = static_cast<double>(basis[i]);
    sum += ((code >> i) & 1U) != 0 ? element : -element;
  }
  return static_cast<float>(sum);
}

/// The elements of one output channel's basis.
std::span<const float> basis_of(const CodedFloatSegment& segment, std::int64_t o) {
  return std::span(segment.weight_basis).subspan(o * segment.weight_bits, segment.weight_bits);
}

FloatSegment expanded(const CodedFloatSegment& segment, std::int64_t outputs) {
  FloatSegment result{.channels = segment.channels};
  const std::int64_t per_output = std::ssize(segment.weight_codes) / outputs;
  for (std::int64_t index = 0; index < std::ssize(segment.weight_codes); ++index) {
    result.weights.push_back(
        weight_of(basis_of(segment, index / per_output), segment.weight_codes[index]));
  }
  return result;
}

/// Weights in the form of CodedBlock. Codes whose bits are all different have opposite weights, so
/// the levels are those with the highest bit set.
class CodedFloatSegmentWeights final : public Segment {
 public:
  CodedFloatSegmentWeights(const Conv2dGeometry& geometry, const CodedFloatSegment& segment,
                           std::span<const float> scale)
      : Segment(geometry, Arithmetic::float32, segment.channels, 1, 1, 0),
        bits_(segment.weight_bits),
        words_(kernel_rows() * row_words()) {
    const std::int64_t blocks = ceil_divide(geometry.c_out, block_channels);
    planes_.resize(blocks * words_ * bits_, 0);
    levels_.resize(blocks * levels_per_block(), 0.0F);
    for (std::int64_t o = 0; o < geometry.c_out; ++o) {
      set_channel(o, basis_of(segment, o), segment.weight_codes.data() + o * words_);
    }
    set_coefficients([&](std::int64_t channel, int, int) { return scale[channel]; });
  }

  std::int64_t weight_bytes() const override {
    return std::ssize(planes_) * std::int64_t{sizeof(planes_[0])} +
           std::ssize(levels_) * std::int64_t{sizeof(levels_[0])};
  }

  std::int64_t decoded_bytes() const override {
    return blocks_of_tile(0) * words_ * block_channels * word_bytes;
  }

  ArrangedWeights weights(const BitconvKernels& kernels, std::int64_t block,
                          std::byte* scratch) const override {
    const std::int64_t blocks = blocks_of_tile(block);
    auto* to = reinterpret_cast<float*>(scratch);
    for (std::int64_t b = 0; b < blocks; ++b) {
      kernels.decode({.bits = bits_,
                      .words = words_,
                      .planes = planes_.data() + (block + b) * words_ * bits_,
                      .levels = levels_.data() + (block + b) * levels_per_block()},
                     to + b * block_channels, blocks * block_channels);
    }
    return {.words = reinterpret_cast<const std::uint32_t*>(scratch), .first_block = block};
  }

 protected:
  double constant_of_part(std::int64_t, const KernelPart&) const override { return 0; }

 private:
  std::int64_t blocks_of_tile(std::int64_t block) const {
    const std::int64_t blocks = ceil_divide(geometry_.c_out, block_channels);
    return std::min<std::int64_t>(blocks_per_tile, blocks - block);
  }
  std::int64_t levels_per_block() const {
    return (std::int64_t{1} << (bits_ - 1)) * block_channels;
  }

  void set_channel(std::int64_t o, std::span<const float> basis, const std::uint8_t* codes) {
    const std::int64_t block = o / block_channels;
    const std::int64_t lane = o % block_channels;
    const unsigned highest = 1U << (bits_ - 1);
    for (unsigned number = 0; number < highest; ++number) {
      levels_[block * levels_per_block() + number * block_channels + lane] =
          weight_of(basis, number | highest);
    }
    for (std::int64_t k = 0; k < words_; ++k) {
      // A negative weight has the number of its opposite, and then a 1.
      const unsigned code = codes[k];
      const unsigned bits = (code & highest) == 0 ? ~code : code ^ highest;
      for (int i = 0; i < bits_; ++i) {
        planes_[(block * words_ + k) * bits_ + i] |=
            static_cast<std::uint16_t>(((bits >> i) & 1U) << lane);
      }
    }
  }

  int bits_;
  std::int64_t words_;                   // of a window
  AlignedVector<std::uint16_t> planes_;  // blocks x words x bits
  AlignedVector<float> levels_;          // blocks x 2^(bits - 1) x 16
};

struct MakeSegment {
  const Conv2dGeometry& geometry;
  std::span<const float> scale;

  std::unique_ptr<Segment> operator()(const BitSegment& segment) const {
    return std::make_unique<BitSegmentWeights>(geometry, segment, scale);
  }
  std::unique_ptr<Segment> operator()(const GridSegment& segment) const {
    return std::make_unique<GridSegmentWeights>(geometry, segment, scale);
  }
  std::unique_ptr<Segment> operator()(const FloatSegment& segment) const {
    return std::make_unique<FloatSegmentWeights>(geometry, segment, scale);
  }
  std::unique_ptr<Segment> operator()(const CodedFloatSegment& segment) const {
    if (segment.weight_bits > max_decoded_bits) return (*this)(expanded(segment, geometry.c_out));
    return std::make_unique<CodedFloatSegmentWeights>(geometry, segment, scale);
  }
};

}  // namespace

std::unique_ptr<Segment> make_segment(const Conv2dGeometry& geometry, const BitconvSegment& segment,
                                      std::span<const float> scale) {
  return std::visit(MakeSegment{geometry, scale}, segment);
}

}  // namespace lq::kernels::bitconv
