#include <algorithm>
#include <cstring>

#include "core/integers.h"
#include "core/packed_layout.h"
#include "kernels/bitconv/bitconv_segment.h"

namespace lq::kernels::bitconv {

namespace {

std::int64_t source_bytes_of(Arithmetic arithmetic, std::int64_t channels) {
  switch (arithmetic) {
    case Arithmetic::bits:
    case Arithmetic::halves:
      return packed::words(channels) * word_bytes;
    case Arithmetic::int8:
      return channels;
    case Arithmetic::float32:
      break;
  }
  return channels * word_bytes;
}

Form form_of(const Conv2dGeometry& geometry, Arithmetic arithmetic, std::int64_t channels) {
  if (arithmetic == Arithmetic::halves) return Form::padded_rows;
  const bool window_has_neighbours = geometry.kernel_h * geometry.kernel_w > 1;
  if (arithmetic == Arithmetic::bits && channels < packed::bits_per_word && channels % 8 == 0 &&
      window_has_neighbours) {
    return Form::patches;
  }
  const bool is_whole_words = source_bytes_of(arithmetic, channels) % word_bytes == 0;
  // Only the first and the last window of a row may reach beyond the image, and what they leave out
  // may not overlap, since both may be in one tile.
  const std::int64_t right = columns_at_right(geometry);
  const bool can_skip = geometry.pad_left <= geometry.stride_w && right <= geometry.stride_w &&
                        geometry.pad_left + right <= geometry.kernel_w;
  return is_whole_words && can_skip ? Form::direct : Form::padded_rows;
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

}  // namespace

std::int64_t columns_at_right(const Conv2dGeometry& geometry) {
  const std::int64_t end =
      (geometry.out_w - 1) * geometry.stride_w - geometry.pad_left + geometry.kernel_w;
  return std::max<std::int64_t>(end - geometry.w, 0);
}

Segment::Segment(const Conv2dGeometry& geometry, Arithmetic arithmetic, std::int64_t channels,
                 int weight_planes, int input_planes, std::uint8_t fill)
    : geometry_(geometry),
      arithmetic_(arithmetic),
      form_(form_of(geometry, arithmetic, channels)),
      weight_planes_(weight_planes),
      input_planes_(input_planes),
      word_planes_(ceil_divide(input_planes, planes_per_word(arithmetic))),
      fill_(fill),
      source_bytes_(source_bytes_of(arithmetic, channels)),
      pixel_words_(ceil_divide(source_bytes_, word_bytes)),
      narrow_bytes_(channels / 8) {}

double Segment::constant(std::int64_t o, const KernelPart& part) const {
  // Copies have the columns, or all, of the border, as zeros.
  KernelPart summed = part;
  if (form_ != Form::direct) {
    summed.first_column = 0;
    summed.end_column = geometry_.kernel_w;
  }
  if (form_ == Form::patches) {
    summed.first_row = 0;
    summed.end_row = geometry_.kernel_h;
  }
  return constant_of_part(o, summed);
}

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
      return word_planes_ * std::min(window_rows, geometry_.h) * padded_width() * pixel_words_ *
             word_bytes;
    case Form::patches:
      break;
  }
  // Copies go by 8 bytes and may write so much too far.
  return input_planes_ * rows * geometry_.out_w * row_words() * word_bytes + 8 +
         window_rows * narrow_row_bytes() + 8;
}

ArrangedWeights Segment::weights(const BitconvKernels&, std::int64_t, std::byte*) const {
  return {.words = weights_.data(), .first_block = 0};
}

SegmentJob Segment::common_job(const ArrangedWeights& weights) const {
  return {.arithmetic = arithmetic_,
          .input_planes = word_planes_,
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
          .left_words = form_ == Form::direct ? geometry_.pad_left * pixel_words_ : 0,
          .right_words = form_ == Form::direct ? columns_at_right(geometry_) * pixel_words_ : 0,
          .weights = weights.words,
          .first_block = weights.first_block,
          .coefficients = coefficients_.data()};
}

SegmentJob Segment::job(const ArrangedWeights& weights, const BitconvBuffer<const void*>& input,
                        std::int64_t n, std::int64_t begin, std::int64_t end,
                        std::byte* scratch) const {
  SegmentJob job = common_job(weights);
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
    job.origin = -job.left_words;
  } else {
    const InputRows rows = input_rows(begin, end);
    stage_padded_rows(image, plane_bytes, rows, scratch);
    first_row = rows.begin;
    job.input = reinterpret_cast<const std::uint32_t*>(scratch);
    job.row_pitch = padded_width() * pixel_words_;
    job.plane_pitch = rows.count() * job.row_pitch;
  }
  job.origin += (top - first_row) * job.row_pitch;
  job.strip_pitch = geometry_.stride_h * job.row_pitch;
  return job;
}

SegmentJob Segment::flat_job(const ArrangedWeights& weights,
                             const BitconvBuffer<const void*>& input, std::int64_t strip_pixels,
                             std::int64_t first_pixel) const {
  SegmentJob job = common_job(weights);
  job.input = static_cast<const std::uint32_t*>(input.data);
  job.origin = first_pixel * pixel_words_;
  job.strip_pitch = strip_pixels * pixel_words_;
  job.plane_pitch = input.plane_words;
  return job;
}

void Segment::stage_row(const std::byte* from, std::byte* to) const {
  const std::int64_t pixel_bytes = pixel_words_ * word_bytes;
  if (pixel_bytes == source_bytes_) {
    std::memcpy(to, from, geometry_.w * pixel_bytes);
    return;
  }
  for (std::int64_t x = 0; x < geometry_.w; ++x) {
    // The words' last bytes meet weights of zero.
    std::memset(to + (x + 1) * pixel_bytes - word_bytes, 0, word_bytes);
    std::memcpy(to + x * pixel_bytes, from + x * source_bytes_, source_bytes_);
  }
}

void Segment::stage_row_of_pairs(const std::byte* low, const std::byte* high, std::byte* to) const {
  // Bytes may alias anything: what is constant must be local.
  const std::int64_t width = geometry_.w;
  for (std::int64_t x = 0; x < width; ++x) {
    std::uint32_t low_word;
    std::uint32_t high_word;
    std::memcpy(&low_word, low + x * word_bytes, word_bytes);
    std::memcpy(&high_word, high + x * word_bytes, word_bytes);
    const std::uint32_t pair = low_word | high_word << packed::bits_per_word / 2;
    std::memcpy(to + x * word_bytes, &pair, word_bytes);
  }
}

void Segment::stage_padded_rows(const std::byte* image, std::int64_t plane_bytes, InputRows rows,
                                std::byte* to) const {
  const std::int64_t pixel_bytes = pixel_words_ * word_bytes;
  const int step = planes_per_word(arithmetic_);
  for (int plane = 0; plane < input_planes_; plane += step) {
    for (std::int64_t y = rows.begin; y < rows.end; ++y) {
      const std::byte* from = image + plane * plane_bytes + y * geometry_.w * source_bytes_;
      std::memset(to, fill_, geometry_.pad_left * pixel_bytes);
      to += geometry_.pad_left * pixel_bytes;
      if (step == 2 && plane + 1 < input_planes_) {
        stage_row_of_pairs(from, from + plane_bytes, to);
      } else {
        stage_row(from, to);
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

}  // namespace lq::kernels::bitconv
