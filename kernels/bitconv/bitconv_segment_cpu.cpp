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
};

}  // namespace

std::unique_ptr<Segment> make_segment(const Conv2dGeometry& geometry, const BitconvSegment& segment,
                                      std::span<const float> scale) {
  return std::visit(MakeSegment{geometry, scale}, segment);
}

}  // namespace lq::kernels::bitconv
