#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <map>

#include "core/packed_layout.h"
#include "kernels/bitconv/bitconv.h"
#include "kernels/bitconv/bitconv_isa.h"
#include "kernels/common/aligned_vector.h"
#include "kernels/common/isa_variants.h"

namespace lq::kernels::cpu {

namespace {

using bitconv::Arithmetic;
using bitconv::BitconvJob;
using bitconv::BitconvKernels;
using bitconv::block_channels;
using bitconv::blocks_per_tile;
using bitconv::BorderRows;
using bitconv::FloatResult;
using bitconv::rows_per_group;
using bitconv::SegmentJob;
using bitconv::SymbolResult;

constexpr std::int64_t word_bytes = 4;

std::int64_t ceil_divide(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// How windows are found in the input.
enum class Form : unsigned char {
  direct,       ///< in place
  padded_rows,  ///< in a copy with the border's columns
  patches       ///< in a copy of every window, bits without gaps: for a few channels
};

/// The words of a segment's weights, before they are arranged: word `k` of kernel row `r` of plane
/// `i` of output channel `o`.
struct WeightWords {
  int planes;
  std::int64_t kernel_rows;
  std::int64_t row_words;
  std::vector<std::uint32_t> words;  // O x planes x kernel_rows x row_words

  WeightWords(std::int64_t outputs, int planes_, std::int64_t kernel_rows_, std::int64_t row_words_)
      : planes(planes_),
        kernel_rows(kernel_rows_),
        row_words(row_words_),
        words(outputs * planes_ * kernel_rows_ * row_words_, 0) {}

  std::uint32_t* row(std::int64_t o, int plane, std::int64_t kernel_row) {
    return words.data() + ((o * planes + plane) * kernel_rows + kernel_row) * row_words;
  }
  const std::uint32_t* row(std::int64_t o, int plane, std::int64_t kernel_row) const {
    return words.data() + ((o * planes + plane) * kernel_rows + kernel_row) * row_words;
  }
};

/// Calls place(row, first row of its group, rows of the group) for every row of weights in the
/// order that SegmentJob wants. Row r of a tile is plane r % planes of block r / planes.
template <typename Place>
void for_each_row(std::int64_t blocks, int planes, Place&& place) {
  for (std::int64_t tile = 0; tile < blocks; tile += blocks_per_tile) {
    const std::int64_t rows = std::min<std::int64_t>(blocks_per_tile, blocks - tile) * planes;
    for (std::int64_t first = 0; first < rows; first += rows_per_group) {
      const std::int64_t group = std::min<std::int64_t>(rows_per_group, rows - first);
      for (std::int64_t r = 0; r < group; ++r) {
        place(tile * planes + first + r, tile * planes + first, group);
      }
    }
  }
}

AlignedVector<std::uint32_t> arrange_weights(const WeightWords& weights, std::int64_t outputs) {
  const std::int64_t blocks = ceil_divide(outputs, block_channels);
  const std::int64_t words = weights.kernel_rows * weights.row_words;
  AlignedVector<std::uint32_t> arranged(blocks * weights.planes * words * block_channels, 0);
  for_each_row(
      blocks, weights.planes, [&](std::int64_t row, std::int64_t first, std::int64_t group) {
        const std::int64_t block = row / weights.planes;
        const int plane = static_cast<int>(row % weights.planes);
        std::uint32_t* to = arranged.data() + (first * words + (row - first)) * block_channels;
        const std::int64_t lanes =
            std::min<std::int64_t>(block_channels, outputs - block * block_channels);
        for (std::int64_t lane = 0; lane < lanes; ++lane) {
          const std::uint32_t* from = weights.row(block * block_channels + lane, plane, 0);
          for (std::int64_t k = 0; k < words; ++k) {
            to[k * group * block_channels + lane] = from[k];
          }
        }
      });
  return arranged;
}

/// coefficient(o, weight plane, input plane), in the order of SegmentJob::coefficients.
template <typename Coefficient>
AlignedVector<float> arrange_coefficients(std::int64_t outputs, int weight_planes, int input_planes,
                                          Coefficient&& coefficient) {
  const std::int64_t blocks = ceil_divide(outputs, block_channels);
  AlignedVector<float> arranged(blocks * weight_planes * input_planes * block_channels, 0.0F);
  for_each_row(
      blocks, weight_planes, [&](std::int64_t row, std::int64_t first, std::int64_t group) {
        const std::int64_t block = row / weight_planes;
        const std::int64_t lanes =
            std::min<std::int64_t>(block_channels, outputs - block * block_channels);
        for (int plane = 0; plane < input_planes; ++plane) {
          float* to = arranged.data() +
                      (first * input_planes + plane * group + (row - first)) * block_channels;
          for (std::int64_t lane = 0; lane < lanes; ++lane) {
            to[lane] = coefficient(block * block_channels + lane,
                                   static_cast<int>(row % weight_planes), plane);
          }
        }
      });
  return arranged;
}

/// A vector of O values, zeros up to whole blocks.
AlignedVector<float> padded(std::span<const float> values) {
  AlignedVector<float> result(ceil_divide(std::ssize(values), block_channels) * block_channels,
                              0.0F);
  std::ranges::copy(values, result.begin());
  return result;
}

/// A segment that is ready to run.
class Segment {
 public:
  virtual ~Segment() = default;

  /// What the kernel rows [first, end) add to channel o besides sums of products, unscaled.
  virtual double constant(std::int64_t o, std::int64_t first, std::int64_t end) const = 0;

  Form form() const { return form_; }
  /// Bytes of scratch memory for `rows` rows of outputs of one image.
  std::int64_t staged_bytes(std::int64_t rows) const;
  /// The job's part, for rows [begin, end) of outputs of image `n`; `scratch` takes the copy.
  SegmentJob job(const BitconvBuffer<const void*>& input, std::int64_t n, std::int64_t begin,
                 std::int64_t end, std::byte* scratch) const;
  /// The same for windows that are single pixels, all images seen as one row.
  SegmentJob flat_job(const BitconvBuffer<const void*>& input, std::int64_t strip_pixels,
                      std::int64_t first_pixel) const;

 protected:
  Segment(const Conv2dGeometry& geometry, Arithmetic arithmetic, std::int64_t channels,
          int weight_planes, int input_planes, std::uint8_t fill);

  /// Bytes of a pixel's channels in the input, and in a copy.
  std::int64_t source_bytes() const { return source_bytes_; }
  std::int64_t pixel_words() const { return pixel_words_; }
  std::int64_t row_words() const;
  std::int64_t kernel_rows() const { return form_ == Form::patches ? 1 : geometry_.kernel_h; }
  void set_weights(const WeightWords& weights) {
    weights_ = arrange_weights(weights, geometry_.c_out);
  }
  template <typename Coefficient>
  void set_coefficients(Coefficient&& coefficient) {
    coefficients_ =
        arrange_coefficients(geometry_.c_out, weight_planes_, input_planes_, coefficient);
  }

  Conv2dGeometry geometry_;

 private:
  struct InputRows {
    std::int64_t begin;
    std::int64_t end;
    std::int64_t count() const { return std::max<std::int64_t>(end - begin, 0); }
  };
  InputRows input_rows(std::int64_t begin, std::int64_t end) const;
  std::int64_t padded_width() const {
    return geometry_.w + geometry_.pad_left + geometry_.pad_right;
  }
  std::int64_t narrow_row_bytes() const { return padded_width() * narrow_bytes_; }
  SegmentJob common_job() const;
  void stage_padded_rows(const std::byte* image, std::int64_t plane_bytes, InputRows rows,
                         std::byte* to) const;
  void stage_patches(const std::byte* image, std::int64_t plane_bytes, std::int64_t begin,
                     std::int64_t end, std::byte* scratch) const;
  void narrow_rows(const std::byte* plane, std::int64_t top, std::int64_t rows,
                   std::byte* to) const;

  Arithmetic arithmetic_;
  Form form_;
  int weight_planes_;
  int input_planes_;
  std::uint8_t fill_;  ///< byte of the border
  std::int64_t source_bytes_;
  std::int64_t pixel_words_;
  std::int64_t narrow_bytes_;  ///< of a pixel in patches: channels / 8
  AlignedVector<std::uint32_t> weights_;
  AlignedVector<float> coefficients_;
};

std::int64_t source_bytes_of(Arithmetic arithmetic, std::int64_t channels) {
  switch (arithmetic) {
    case Arithmetic::bits:
      return packed::words(channels) * word_bytes;
    case Arithmetic::int8:
      return channels;
    case Arithmetic::float32:
      break;
  }
  return channels * word_bytes;
}

Form form_of(const Conv2dGeometry& geometry, Arithmetic arithmetic, std::int64_t channels) {
  const bool window_has_neighbours = geometry.kernel_h * geometry.kernel_w > 1;
  if (arithmetic == Arithmetic::bits && channels < packed::bits_per_word && channels % 8 == 0 &&
      window_has_neighbours) {
    return Form::patches;
  }
  const bool is_whole_words = source_bytes_of(arithmetic, channels) % word_bytes == 0;
  return geometry.pad_left == 0 && geometry.pad_right == 0 && is_whole_words ? Form::direct
                                                                             : Form::padded_rows;
}

Segment::Segment(const Conv2dGeometry& geometry, Arithmetic arithmetic, std::int64_t channels,
                 int weight_planes, int input_planes, std::uint8_t fill)
    : geometry_(geometry),
      arithmetic_(arithmetic),
      form_(form_of(geometry, arithmetic, channels)),
      weight_planes_(weight_planes),
      input_planes_(input_planes),
      fill_(fill),
      source_bytes_(source_bytes_of(arithmetic, channels)),
      pixel_words_(ceil_divide(source_bytes_, word_bytes)),
      narrow_bytes_(channels / 8) {}

std::int64_t Segment::row_words() const {
  if (form_ != Form::patches) return geometry_.kernel_w * pixel_words_;
  return ceil_divide(geometry_.kernel_h * geometry_.kernel_w * narrow_bytes_, word_bytes);
}

Segment::InputRows Segment::input_rows(std::int64_t begin, std::int64_t end) const {
  const std::int64_t top = begin * geometry_.stride_h - geometry_.pad_top;
  const std::int64_t bottom =
      (end - 1) * geometry_.stride_h - geometry_.pad_top + geometry_.kernel_h;
  return {std::max<std::int64_t>(top, 0), std::min(bottom, geometry_.h)};
}

std::int64_t Segment::staged_bytes(std::int64_t rows) const {
  const std::int64_t window_rows = (rows - 1) * geometry_.stride_h + geometry_.kernel_h;
  switch (form_) {
    case Form::direct:
      return 0;
    case Form::padded_rows:
      return input_planes_ * std::min(window_rows, geometry_.h) * padded_width() * pixel_words_ *
             word_bytes;
    case Form::patches:
      break;
  }
  // Copies go by 8 bytes and may write so much too far.
  return input_planes_ * rows * geometry_.out_w * row_words() * word_bytes + 8 +
         window_rows * narrow_row_bytes() + 8;
}

SegmentJob Segment::common_job() const {
  return {.arithmetic = arithmetic_,
          .input_planes = input_planes_,
          .weight_planes = weight_planes_,
          .input = nullptr,
          .origin = 0,
          .plane_pitch = 0,
          .strip_pitch = 0,
          .pixel_pitch = geometry_.stride_w * pixel_words_,
          .row_pitch = 0,
          .row_words = row_words(),
          .kernel_rows = kernel_rows(),
          .windows_are_whole = false,
          .weights = weights_.data(),
          .coefficients = coefficients_.data()};
}

SegmentJob Segment::job(const BitconvBuffer<const void*>& input, std::int64_t n, std::int64_t begin,
                        std::int64_t end, std::byte* scratch) const {
  SegmentJob job = common_job();
  const std::int64_t plane_bytes = input.plane_words * word_bytes;
  const auto* image =
      static_cast<const std::byte*>(input.data) + n * geometry_.h * geometry_.w * source_bytes_;
  const std::int64_t top = begin * geometry_.stride_h - geometry_.pad_top;
  if (form_ == Form::patches) {
    stage_patches(image, plane_bytes, begin, end, scratch);
    job.input = reinterpret_cast<const std::uint32_t*>(scratch);
    job.pixel_pitch = row_words();
    job.strip_pitch = geometry_.out_w * row_words();
    job.plane_pitch = (end - begin) * job.strip_pitch;
    job.windows_are_whole = true;
    return job;
  }
  std::int64_t first_row = 0;
  if (form_ == Form::direct) {
    job.input = reinterpret_cast<const std::uint32_t*>(image);
    job.row_pitch = geometry_.w * pixel_words_;
    job.plane_pitch = input.plane_words;
  } else {
    const InputRows rows = input_rows(begin, end);
    stage_padded_rows(image, plane_bytes, rows, scratch);
    first_row = rows.begin;
    job.input = reinterpret_cast<const std::uint32_t*>(scratch);
    job.row_pitch = padded_width() * pixel_words_;
    job.plane_pitch = rows.count() * job.row_pitch;
  }
  job.origin = (top - first_row) * job.row_pitch;
  job.strip_pitch = geometry_.stride_h * job.row_pitch;
  return job;
}

SegmentJob Segment::flat_job(const BitconvBuffer<const void*>& input, std::int64_t strip_pixels,
                             std::int64_t first_pixel) const {
  SegmentJob job = common_job();
  job.input = static_cast<const std::uint32_t*>(input.data);
  job.origin = first_pixel * pixel_words_;
  job.strip_pitch = strip_pixels * pixel_words_;
  job.plane_pitch = input.plane_words;
  return job;
}

void Segment::stage_padded_rows(const std::byte* image, std::int64_t plane_bytes, InputRows rows,
                                std::byte* to) const {
  const std::int64_t pixel_bytes = pixel_words_ * word_bytes;
  for (int plane = 0; plane < input_planes_; ++plane) {
    for (std::int64_t y = rows.begin; y < rows.end; ++y) {
      const std::byte* from = image + plane * plane_bytes + y * geometry_.w * source_bytes_;
      std::memset(to, fill_, geometry_.pad_left * pixel_bytes);
      to += geometry_.pad_left * pixel_bytes;
      if (pixel_bytes == source_bytes_) {
        std::memcpy(to, from, geometry_.w * pixel_bytes);
      } else {
        for (std::int64_t x = 0; x < geometry_.w; ++x) {
          // The words' last bytes meet weights of zero.
          std::memset(to + (x + 1) * pixel_bytes - word_bytes, 0, word_bytes);
          std::memcpy(to + x * pixel_bytes, from + x * source_bytes_, source_bytes_);
        }
      }
      to += geometry_.w * pixel_bytes;
      std::memset(to, fill_, geometry_.pad_right * pixel_bytes);
      to += geometry_.pad_right * pixel_bytes;
    }
  }
}

/// Rows with channels / 8 bytes per pixel and the border's columns; rows outside the image are
/// zero.
void Segment::narrow_rows(const std::byte* plane, std::int64_t top, std::int64_t rows,
                          std::byte* to) const {
  // Bytes may alias anything: what is constant must be local.
  const std::int64_t width = geometry_.w;
  const std::int64_t bytes = narrow_bytes_;
  std::memset(to, 0, rows * narrow_row_bytes());
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::int64_t y = top + r;
    if (y < 0 || y >= geometry_.h) continue;
    const std::byte* from = plane + y * geometry_.w * word_bytes;
    std::byte* row = to + r * narrow_row_bytes() + geometry_.pad_left * narrow_bytes_;
    // Channels are the low bytes of the word; its other bytes are zero, and overwritten next.
    for (std::int64_t x = 0; x < width; ++x) {
      std::memcpy(row + x * bytes, from + x * word_bytes, word_bytes);
    }
  }
}

/// Where the windows of a row of outputs lie in narrow rows, in bytes.
struct PatchRow {
  std::int64_t count;
  std::int64_t window_pitch;
  std::int64_t row_pitch;
  std::int64_t kernel_rows;
  std::int64_t part_bytes;   ///< of a kernel row
  std::int64_t patch_bytes;  ///< of a window, whole words
};

/// Copies windows one after the other, in steps of 8 bytes. What a part copies too much is
/// overwritten by the next one, at last by zeros. KernelRows > 0: so many parts of 8 bytes at most.
template <int KernelRows>
void copy_patches(const std::byte* from, std::byte* to, const PatchRow& row) {
  // Bytes may alias anything: what is constant must be local.
  const auto [count, window_pitch, row_pitch, any_kernel_rows, part_bytes, patch_bytes] = row;
  const std::int64_t kernel_rows = KernelRows > 0 ? KernelRows : any_kernel_rows;
  for (std::int64_t q = 0; q < count; ++q) {
    const std::byte* window = from;
    std::byte* part = to;
    for (std::int64_t r = 0; r < kernel_rows; ++r) {
      std::memcpy(part, window, 8);
      if constexpr (KernelRows == 0) {
        for (std::int64_t at = 8; at < part_bytes; at += 8) std::memcpy(part + at, window + at, 8);
      }
      window += row_pitch;
      part += part_bytes;
    }
    std::memset(part, 0, word_bytes);
    from += window_pitch;
    to += patch_bytes;
  }
}

void Segment::stage_patches(const std::byte* image, std::int64_t plane_bytes, std::int64_t begin,
                            std::int64_t end, std::byte* scratch) const {
  const std::int64_t rows = (end - begin - 1) * geometry_.stride_h + geometry_.kernel_h;
  const PatchRow patch_row = {.count = geometry_.out_w,
                              .window_pitch = geometry_.stride_w * narrow_bytes_,
                              .row_pitch = narrow_row_bytes(),
                              .kernel_rows = geometry_.kernel_h,
                              .part_bytes = geometry_.kernel_w * narrow_bytes_,
                              .patch_bytes = row_words() * word_bytes};
  std::byte* to = scratch;
  std::byte* narrow =
      scratch + input_planes_ * (end - begin) * geometry_.out_w * patch_row.patch_bytes + 8;
  for (int plane = 0; plane < input_planes_; ++plane) {
    narrow_rows(image + plane * plane_bytes, begin * geometry_.stride_h - geometry_.pad_top, rows,
                narrow);
    for (std::int64_t p = 0; p < end - begin; ++p) {
      const std::byte* from = narrow + p * geometry_.stride_h * narrow_row_bytes();
      if (patch_row.kernel_rows == 3 && patch_row.part_bytes <= 8) {
        copy_patches<3>(from, to, patch_row);
      } else {
        copy_patches<0>(from, to, patch_row);
      }
      to += geometry_.out_w * patch_row.patch_bytes;
    }
  }
}

class BitSegmentWeights final : public Segment {
 public:
  BitSegmentWeights(const Conv2dGeometry& geometry, const BitSegment& segment,
                    std::span<const float> scale)
      : Segment(geometry, Arithmetic::bits, segment.channels, segment.weight_bits,
                segment.input_bits, 0) {
    WeightWords words(geometry.c_out, segment.weight_bits, kernel_rows(), row_words());
    counts_.resize(geometry.c_out * geometry.kernel_h * segment.weight_bits, 0);
    const std::uint8_t* code = segment.weight_codes.data();
    for (std::int64_t o = 0; o < geometry.c_out; ++o) {
      for (std::int64_t r = 0; r < geometry.kernel_h; ++r) {
        for (std::int64_t k = 0; k < geometry.kernel_w; ++k) {
          for (std::int64_t c = 0; c < segment.channels; ++c, ++code) {
            set_bits(words, o, r, bit_place(r, k, c, segment.channels), *code);
          }
        }
      }
    }
    set_weights(words);
    set_coefficients([&](std::int64_t o, int i, int j) {
      return -scale[o] * segment.weight_basis[o * segment.weight_bits + i] * segment.input_basis[j];
    });
    weight_basis_.assign(segment.weight_basis.begin(), segment.weight_basis.end());
    for (const float u : segment.input_basis) input_sum_ += u;
  }

  double constant(std::int64_t o, std::int64_t first, std::int64_t end) const override {
    const std::int64_t bits = std::ssize(weight_basis_) / geometry_.c_out;
    double sum = 0;
    for (std::int64_t r = first; r < end; ++r) {
      for (std::int64_t i = 0; i < bits; ++i) {
        sum += static_cast<double>(weight_basis_[o * bits + i]) *
               counts_[(o * geometry_.kernel_h + r) * bits + i];
      }
    }
    return sum * input_sum_;
  }

 private:
  /// The bit of a kernel row (of the whole window, for patches) that belongs to a weight.
  std::int64_t bit_place(std::int64_t r, std::int64_t k, std::int64_t c,
                         std::int64_t channels) const {
    if (form() == Form::patches) return (r * geometry_.kernel_w + k) * channels + c;
    return k * pixel_words() * packed::bits_per_word + c;
  }

  void set_bits(WeightWords& words, std::int64_t o, std::int64_t r, std::int64_t place,
                std::uint8_t code) {
    for (int i = 0; i < words.planes; ++i) {
      if (((code >> i) & 1) == 0) continue;
      std::uint32_t* row = words.row(o, i, form() == Form::patches ? 0 : r);
      row[packed::word_of(place)] |= 1U << packed::bit_of(place);
      ++counts_[(o * geometry_.kernel_h + r) * words.planes + i];
    }
  }

  std::vector<float> weight_basis_;   // O x bits
  std::vector<std::int32_t> counts_;  // O R x bits: set bits
  double input_sum_ = 0;
};

class GridSegmentWeights final : public Segment {
 public:
  GridSegmentWeights(const Conv2dGeometry& geometry, const GridSegment& segment,
                     std::span<const float> scale)
      : Segment(geometry, Arithmetic::int8, segment.channels, 1, 1, segment.zero_point) {
    WeightWords words(geometry.c_out, 1, geometry.kernel_h, row_words());
    sums_.resize(geometry.c_out * geometry.kernel_h, 0);
    const std::int8_t* weight = segment.weights.data();
    for (std::int64_t o = 0; o < geometry.c_out; ++o) {
      for (std::int64_t r = 0; r < geometry.kernel_h; ++r) {
        auto* row = reinterpret_cast<std::int8_t*>(words.row(o, 0, r));
        for (std::int64_t k = 0; k < geometry.kernel_w; ++k) {
          for (std::int64_t c = 0; c < segment.channels; ++c, ++weight) {
            row[k * pixel_words() * word_bytes + c] = *weight;
            sums_[o * geometry.kernel_h + r] += *weight;
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

  double constant(std::int64_t o, std::int64_t first, std::int64_t end) const override {
    double sum = 0;
    for (std::int64_t r = first; r < end; ++r) sum += sums_[o * geometry_.kernel_h + r];
    return -sum * zero_[o];
  }

 private:
  std::vector<std::int32_t> sums_;  // O R: of the weights
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

  double constant(std::int64_t, std::int64_t, std::int64_t) const override { return 0; }
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

/// The static part of outputs, padded to whole blocks.
struct FloatOutput {
  AlignedVector<float> scale;
  AlignedVector<float> shift;
  bool relu;
};

struct SymbolOutput {
  AlignedVector<float> thresholds;
  AlignedVector<std::uint32_t> signs;
  std::vector<std::int32_t> symbols;
  int planes;
};

SymbolOutput prepare_symbols(const BitconvSymbolOutput& output, std::int64_t channels) {
  const std::int64_t pitch = ceil_divide(channels, block_channels) * block_channels;
  const std::int64_t count = std::ssize(output.symbols) - 1;
  // Kernels step to a block's thresholds even when there are none.
  const std::int64_t rows = std::max<std::int64_t>(count, 1);
  SymbolOutput result{.thresholds = AlignedVector<float>(rows * pitch, 0.0F),
                      .signs = AlignedVector<std::uint32_t>(pitch, 0),
                      .symbols = {output.symbols.begin(), output.symbols.end()},
                      .planes = output.planes};
  for (std::int64_t t = 0; t < count; ++t) {
    std::copy_n(output.thresholds.data() + t * channels, channels,
                result.thresholds.data() + t * pitch);
  }
  for (std::int64_t o = 0; o < channels; ++o) {
    result.signs[o] = output.signs[o] < 0 ? std::bit_cast<std::uint32_t>(-0.0F) : 0;
  }
  return result;
}

/// Copies of the input in a worker's scratch memory: small enough to stay in the second-level
/// cache.
constexpr std::int64_t staging_budget = 192 * 1024;
/// Pixels of a strip where all pixels of all images make one row.
constexpr std::int64_t flat_strip_pixels = 64;

class CpuBitconv final : public Bitconv {
 public:
  explicit CpuBitconv(const BitconvDescription& description)
      : geometry_(description.geometry),
        kernels_(choose_isa<BitconvKernels>(LQNET_BIT_ISAS(bitconv_kernels))) {
    for (const BitconvSegment& segment : description.segments) {
      segments_.push_back(std::visit(MakeSegment{geometry_, description.scale}, segment));
    }
    is_flat_ = geometry_.kernel_h * geometry_.kernel_w == 1 && geometry_.stride_h == 1 &&
               geometry_.stride_w == 1 && geometry_.pad_top == 0 && geometry_.pad_bottom == 0 &&
               std::ranges::all_of(
                   segments_, [](const auto& segment) { return segment->form() == Form::direct; });
    set_borders(description);
    chunk_rows_ = geometry_.out_h;
    while (chunk_rows_ > 1 && staged_bytes(chunk_rows_) > staging_budget) {
      chunk_rows_ = (chunk_rows_ + 1) / 2;
    }
    for (const BitconvFloatOutput& output : description.float_outputs) {
      float_outputs_.push_back({padded(output.scale), padded(output.shift), output.relu});
    }
    for (const BitconvSymbolOutput& output : description.symbol_outputs) {
      symbol_outputs_.push_back(prepare_symbols(output, geometry_.c_out));
    }
    check(float_outputs_.size() <= max_outputs && symbol_outputs_.size() <= max_outputs &&
              segments_.size() <= max_segments,
          "bitconv: {} segments, {} float and {} symbol outputs, expected at most {}, {} and {}",
          segments_.size(), float_outputs_.size(), symbol_outputs_.size(), max_segments,
          max_outputs, max_outputs);
  }

  std::size_t scratch_bytes() const override { return staged_bytes(chunk_rows_); }

  void run(const BitconvOperands& operands, Slice slice,
           std::span<std::byte> scratch) const override {
    const std::int64_t blocks = ceil_divide(geometry_.c_out, block_channels);
    const std::int64_t pixels = operands.batch * geometry_.out_h * geometry_.out_w;
    const std::int64_t strips =
        is_flat_ ? ceil_divide(pixels, flat_strip_pixels) : operands.batch * geometry_.out_h;
    const Share share = share_of(slice, strips, ceil_divide(blocks, blocks_per_tile));
    Results results;
    BitconvJob job = make_job(operands, results);
    job.first_block = share.first_tile * blocks_per_tile;
    job.end_block = std::min(share.end_tile * blocks_per_tile, blocks);
    if (is_flat_) {
      run_flat(operands, share, pixels, job);
    } else {
      run_rows(operands, share, scratch, job);
    }
  }

 private:
  static constexpr std::size_t max_segments = 8;
  static constexpr std::size_t max_outputs = 4;

  /// Strips and tiles of blocks of one worker.
  struct Share {
    std::int64_t first_strip;
    std::int64_t end_strip;
    std::int64_t first_tile;
    std::int64_t end_tile;
  };

  struct Results {
    FloatResult floats[max_outputs];
    SymbolResult symbols[max_outputs];
  };

  std::int64_t staged_bytes(std::int64_t rows) const {
    std::int64_t bytes = 0;
    for (const auto& segment : segments_) {
      bytes += ceil_divide(segment->staged_bytes(rows), 64) * 64;
    }
    return bytes;
  }

  /// Workers form a grid over strips and tiles of blocks: the one that gives the largest share
  /// the least work. Sharing strips is preferred, because workers that share blocks copy the same
  /// input.
  static Share share_of(Slice slice, std::int64_t strips, std::int64_t tiles) {
    std::int64_t best_parts = 1;
    std::int64_t least = -1;
    for (std::int64_t parts = 1; parts <= slice.count; ++parts) {  // of the tiles
      if (slice.count % parts != 0) continue;
      const std::int64_t most =
          ceil_divide(strips, slice.count / parts) * ceil_divide(tiles, parts);
      if (least < 0 || most < least) {
        least = most;
        best_parts = parts;
      }
    }
    const std::int64_t strip_parts = slice.count / best_parts;
    const std::int64_t strip_part = slice.index % strip_parts;
    const std::int64_t tile_part = slice.index / strip_parts;
    return {strips * strip_part / strip_parts, strips * (strip_part + 1) / strip_parts,
            tiles * tile_part / best_parts, tiles * (tile_part + 1) / best_parts};
  }

  /// What BorderRows points to.
  struct Border {
    AlignedVector<float> constants;
    AlignedVector<std::int32_t> limits;
    std::vector<std::uint32_t> flips;
  };

  /// For each row of outputs, the kernel rows inside the image and what follows from them.
  void set_borders(const BitconvDescription& description) {
    const std::int64_t pitch = ceil_divide(geometry_.c_out, block_channels) * block_channels;
    for (std::int64_t p = 0; p < geometry_.out_h; ++p) {
      const std::int64_t top = p * geometry_.stride_h - geometry_.pad_top;
      const std::int64_t first = std::clamp<std::int64_t>(-top, 0, geometry_.kernel_h);
      const std::int64_t end =
          std::clamp<std::int64_t>(geometry_.h - top, first, geometry_.kernel_h);
      Border& border = border_[{first, end}];
      if (border.constants.empty()) {
        border.constants.resize(pitch, 0.0F);
        for (std::int64_t o = 0; o < geometry_.c_out; ++o) {
          border.constants[o] = constant(description, o, first, end);
        }
        if (is_decided_by_counts(description)) set_limits(description, border);
      }
      const bool has_limits = !border.limits.empty();
      rows_.push_back({first, end, border.constants.data(),
                       has_limits ? border.limits.data() : nullptr,
                       has_limits ? border.flips.data() : nullptr});
    }
  }

  /// Whether all there is to do is one comparison of one count.
  static bool is_decided_by_counts(const BitconvDescription& description) {
    const auto* segment = description.segments.size() == 1
                              ? std::get_if<BitSegment>(description.segments.data())
                              : nullptr;
    return segment != nullptr && segment->weight_bits == 1 && segment->input_bits == 1 &&
           !description.has_residual && description.float_outputs.empty() &&
           description.symbol_outputs.size() == 1 && description.symbol_outputs[0].planes == 1 &&
           description.symbol_outputs[0].symbols.size() == 2;
  }

  /// Turns thresholds of values into limits of counts: signs * (constant + coefficient * count)
  /// rises or falls with the count.
  void set_limits(const BitconvDescription& description, Border& border) const {
    const auto& segment = std::get<BitSegment>(description.segments[0]);
    const BitconvSymbolOutput& output = description.symbol_outputs[0];
    const auto most =
        static_cast<std::int32_t>(geometry_.kernel_h * geometry_.kernel_w * geometry_.c_in);
    border.limits.resize(border.constants.size(), 0);
    border.flips.resize(border.constants.size() / block_channels, 0);
    for (std::int64_t o = 0; o < geometry_.c_out; ++o) {
      const float coefficient =
          -description.scale[o] * segment.weight_basis[o] * segment.input_basis[0];
      const auto bit = [&](std::int32_t count) {
        const float value = border.constants[o] + coefficient * static_cast<float>(count);
        return output.symbols[output.signs[o] * value > output.thresholds[o] ? 1 : 0];
      };
      std::int32_t low = 1;
      std::int32_t high = most + 1;
      while (low < high) {  // the first count whose bit is not that of 0
        const std::int32_t middle = low + (high - low) / 2;
        if (bit(middle) == bit(0)) {
          low = middle + 1;
        } else {
          high = middle;
        }
      }
      border.limits[o] = low;
      if (bit(0) == 0) border.flips[o / block_channels] |= 1U << (o % block_channels);
    }
  }

  float constant(const BitconvDescription& description, std::int64_t o, std::int64_t first,
                 std::int64_t end) const {
    double sum = 0;
    for (const auto& segment : segments_) {
      const bool is_whole = segment->form() == Form::patches;
      sum += segment->constant(o, is_whole ? 0 : first, is_whole ? geometry_.kernel_h : end);
    }
    return static_cast<float>(sum * description.scale[o] + description.shift[o]);
  }

  BitconvJob make_job(const BitconvOperands& operands, Results& results) const {
    for (std::size_t i = 0; i < float_outputs_.size(); ++i) {
      const FloatOutput& output = float_outputs_[i];
      results.floats[i] = {.to = operands.floats[i],
                           .scale = output.scale.empty() ? nullptr : output.scale.data(),
                           .shift = output.shift.data(),
                           .relu = output.relu};
    }
    for (std::size_t i = 0; i < symbol_outputs_.size(); ++i) {
      const SymbolOutput& output = symbol_outputs_[i];
      const std::int64_t pixel_bytes =
          output.planes == 0 ? geometry_.c_out : packed::words(geometry_.c_out) * word_bytes;
      results.symbols[i] = {.thresholds = output.thresholds.data(),
                            .signs = output.signs.data(),
                            .threshold_count = static_cast<int>(output.symbols.size()) - 1,
                            .symbols = output.symbols.data(),
                            .planes = output.planes,
                            .to = operands.symbols[i].data,
                            .plane_pitch = operands.symbols[i].plane_words,
                            .pixel_pitch = pixel_bytes};
    }
    BitconvJob job{};
    job.segment_count = static_cast<int>(segments_.size());
    job.output_channels = geometry_.c_out;
    job.blocks = ceil_divide(geometry_.c_out, block_channels);
    job.residual = operands.residual;
    job.floats = results.floats;
    job.float_count = static_cast<int>(float_outputs_.size());
    job.symbols = results.symbols;
    job.symbol_count = static_cast<int>(symbol_outputs_.size());
    return job;
  }

  void run_flat(const BitconvOperands& operands, const Share& share, std::int64_t pixels,
                BitconvJob& job) const {
    if (share.first_strip == share.end_strip) return;
    job.first_pixel = share.first_strip * flat_strip_pixels;
    SegmentJob segments[max_segments];
    for (std::size_t s = 0; s < segments_.size(); ++s) {
      segments[s] = segments_[s]->flat_job(operands.inputs[s], flat_strip_pixels, job.first_pixel);
    }
    job.segments = segments;
    job.strips = share.end_strip - share.first_strip;
    job.strip_pixels = flat_strip_pixels;
    job.last_strip_pixels = std::min(share.end_strip * flat_strip_pixels, pixels) -
                            (share.end_strip - 1) * flat_strip_pixels;
    job.rows = rows_.data();
    job.row_step = 0;
    kernels_.run(job);
  }

  void run_rows(const BitconvOperands& operands, const Share& share, std::span<std::byte> scratch,
                BitconvJob& job) const {
    SegmentJob segments[max_segments];
    job.segments = segments;
    job.strip_pixels = job.last_strip_pixels = geometry_.out_w;
    job.row_step = 1;
    for (std::int64_t strip = share.first_strip; strip < share.end_strip;) {
      const std::int64_t n = strip / geometry_.out_h;
      const std::int64_t begin = strip % geometry_.out_h;
      const std::int64_t end =
          std::min({begin + chunk_rows_, geometry_.out_h, begin + share.end_strip - strip});
      std::byte* staged = scratch.data();
      for (std::size_t s = 0; s < segments_.size(); ++s) {
        segments[s] = segments_[s]->job(operands.inputs[s], n, begin, end, staged);
        staged += ceil_divide(segments_[s]->staged_bytes(end - begin), 64) * 64;
      }
      job.first_pixel = strip * geometry_.out_w;
      job.strips = end - begin;
      job.rows = rows_.data() + begin;
      kernels_.run(job);
      strip += end - begin;
    }
  }

  Conv2dGeometry geometry_;
  const BitconvKernels& kernels_;
  std::vector<std::unique_ptr<Segment>> segments_;
  std::vector<FloatOutput> float_outputs_;
  std::vector<SymbolOutput> symbol_outputs_;
  std::map<std::pair<std::int64_t, std::int64_t>, Border> border_;  // by kernel rows in the image
  std::vector<BorderRows> rows_;                                    // of outputs
  std::int64_t chunk_rows_ = 1;
  bool is_flat_ = false;
};

}  // namespace

std::unique_ptr<Bitconv> prepare_bitconv(Stream&, const BitconvDescription& description) {
  return std::make_unique<CpuBitconv>(description);
}

}  // namespace lq::kernels::cpu
