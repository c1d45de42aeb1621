// A segment of a convolution that is ready to run on the CPU: its weights in the order of the
// loops, and the way to its windows.
#pragma once

#include <memory>
#include <span>

#include "kernels/bitconv/bitconv.h"
#include "kernels/bitconv/bitconv_arrange.h"
#include "kernels/bitconv/bitconv_isa.h"
#include "kernels/common/aligned_vector.h"

namespace lq::kernels::bitconv {

inline constexpr std::int64_t word_bytes = 4;

/// How windows are found in the input.
enum class Form : unsigned char {
  direct,       ///< in place; what lies outside the image is left out
  padded_rows,  ///< in a copy with the border's columns
  patches       ///< in a copy of every window, bits without gaps: for a few channels
};

/// The part of a kernel that lies in the image: rows [first_row, end_row), columns likewise.
struct KernelPart {
  std::int64_t first_row;
  std::int64_t end_row;
  std::int64_t first_column;
  std::int64_t end_column;
};

/// Weights in the order of the loops, from a block on.
struct ArrangedWeights {
  const std::uint32_t* words;
  std::int64_t first_block;
};

/// A segment that is ready to run.
class Segment {
 public:
  virtual ~Segment() = default;

  /// Memory of the weights, as they are kept.
  virtual std::int64_t weight_bytes() const { return std::ssize(weights_) * word_bytes; }
  /// Bytes of scratch memory for the weights of a tile of blocks; 0 if they are ready for use.
  virtual std::int64_t decoded_bytes() const { return 0; }
  /// The weights; only those of the tile that begins with `block`, in `scratch`, where they must be
  /// decoded.
  virtual ArrangedWeights weights(const BitconvKernels& kernels, std::int64_t block,
                                  std::byte* scratch) const;

  /// What is added to channel o besides sums of products, unscaled, where `part` of the kernel
  /// lies in the image.
  double constant(std::int64_t o, const KernelPart& part) const;

  Form form() const { return form_; }
  /// Bytes of scratch memory for `rows` rows of outputs of one image.
  std::int64_t staged_bytes(std::int64_t rows) const;
  /// The job's part, for rows [begin, end) of outputs of image `n`; `scratch` takes the copy.
  SegmentJob job(const ArrangedWeights& weights, const BitconvBuffer<const void*>& input,
                 std::int64_t n, std::int64_t begin, std::int64_t end, std::byte* scratch) const;
  /// The same for windows that are single pixels, all images seen as one row.
  SegmentJob flat_job(const ArrangedWeights& weights, const BitconvBuffer<const void*>& input,
                      std::int64_t strip_pixels, std::int64_t first_pixel) const;

 protected:
  Segment(const Conv2dGeometry& geometry, Arithmetic arithmetic, std::int64_t channels,
          int weight_planes, int input_planes, std::uint8_t fill);

  Arithmetic arithmetic() const { return arithmetic_; }

  /// The same where the sums are of `part`.
  virtual double constant_of_part(std::int64_t o, const KernelPart& part) const = 0;

  /// Words of a pixel in a copy.
  std::int64_t pixel_words() const { return pixel_words_; }
  std::int64_t row_words() const;
  std::int64_t kernel_rows() const { return form_ == Form::patches ? 1 : geometry_.kernel_h; }
  void set_weights(const WeightWords& weights) {
    weights_ = arrange_weights(weights, geometry_.c_out);
  }
  template <typename Coefficient>
  void set_coefficients(Coefficient&& coefficient) {
    coefficients_ = arrange_coefficients(geometry_.c_out, weight_planes_,
                                         word_planes_ * planes_per_word(arithmetic_), coefficient);
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
  SegmentJob common_job(const ArrangedWeights& weights) const;
  void stage_row(const std::byte* from, std::byte* to) const;
  void stage_row_of_pairs(const std::byte* low, const std::byte* high, std::byte* to) const;
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
  int word_planes_;    ///< input planes, or pairs of them
  std::uint8_t fill_;  ///< byte of the border
  std::int64_t source_bytes_;
  std::int64_t pixel_words_;
  std::int64_t narrow_bytes_;  ///< of a pixel in patches: channels / 8
  AlignedVector<std::uint32_t> weights_;
  AlignedVector<float> coefficients_;
};

/// Columns of the last window of a row that lie beyond the image.
std::int64_t columns_at_right(const Conv2dGeometry& geometry);

/// The weights of a segment, scaled by one factor per output channel.
std::unique_ptr<Segment> make_segment(const Conv2dGeometry& geometry, const BitconvSegment& segment,
                                      std::span<const float> scale);

}  // namespace lq::kernels::bitconv
