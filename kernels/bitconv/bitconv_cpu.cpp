#include <algorithm>
#include <array>
#include <bit>
#include <map>

#include "core/integers.h"
#include "core/packed_layout.h"
#include "kernels/bitconv/bitconv.h"
#include "kernels/bitconv/bitconv_flips.h"
#include "kernels/bitconv/bitconv_isa.h"
#include "kernels/bitconv/bitconv_segment.h"
#include "kernels/common/aligned_vector.h"
#include "kernels/common/isa_variants.h"

namespace lq::kernels::cpu {

namespace {

using bitconv::ArrangedWeights;
using bitconv::BitconvJob;
using bitconv::BitconvKernels;
using bitconv::block_channels;
using bitconv::blocks_per_tile;
using bitconv::BorderRows;
using bitconv::FloatResult;
using bitconv::Form;
using bitconv::KernelPart;
using bitconv::Segment;
using bitconv::SegmentJob;
using bitconv::SymbolResult;
using bitconv::word_bytes;

/// A vector of O values, zeros up to whole blocks.
AlignedVector<float> padded(std::span<const float> values) {
  AlignedVector<float> result(round_up(std::ssize(values), block_channels), 0.0F);
  std::ranges::copy(values, result.begin());
  return result;
}

/// The static part of outputs, padded to whole blocks.
struct FloatOutput {
  AlignedVector<float> scale;
  AlignedVector<float> shift;
  bool relu;
};

struct SymbolOutput {
  AlignedVector<float> thresholds;
  AlignedVector<std::uint32_t> signs;
  std::vector<std::uint8_t> symbols;
  std::vector<std::uint32_t> flips;
  int thresholds_per_channel;
  int planes;
};

SymbolOutput prepare_symbols(const BitconvSymbolOutput& output, std::int64_t channels) {
  const std::int64_t pitch = round_up(channels, block_channels);
  const std::int64_t count = std::ssize(output.symbols) - 1;
  // Kernels step to a block's thresholds even when there are none.
  const std::int64_t rows = std::max<std::int64_t>(count, 1);
  SymbolOutput result{.thresholds = AlignedVector<float>(rows * pitch, 0.0F),
                      .signs = AlignedVector<std::uint32_t>(pitch, 0),
                      .symbols = output.symbols,
                      .flips = bitconv::plane_flips(output),
                      .thresholds_per_channel = static_cast<int>(count),
                      .planes = output.planes};
  result.symbols.resize(std::max<std::size_t>(result.symbols.size(), block_channels), 0);
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
      segments_.push_back(bitconv::make_segment(geometry_, segment, description.scale));
    }
    is_flat_ = geometry_.kernel_h * geometry_.kernel_w == 1 && geometry_.stride_h == 1 &&
               geometry_.stride_w == 1 && geometry_.pad_top == 0 && geometry_.pad_bottom == 0 &&
               geometry_.pad_left == 0 && geometry_.pad_right == 0 &&
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
  }

  std::size_t scratch_bytes() const override { return staged_bytes(chunk_rows_) + decoded_bytes(); }

  std::size_t weight_bytes() const override {
    std::int64_t bytes = 0;
    for (const auto& segment : segments_) bytes += segment->weight_bytes();
    return bytes;
  }

  void run(const BitconvOperands& operands, Slice slice,
           std::span<std::byte> scratch) const override {
    const std::int64_t blocks = ceil_divide(geometry_.c_out, block_channels);
    const std::int64_t pixels = operands.batch * geometry_.out_h * geometry_.out_w;
    const std::int64_t strips =
        is_flat_ ? ceil_divide(pixels, flat_strip_pixels) : operands.batch * geometry_.out_h;
    const Share share = share_of(slice, strips, ceil_divide(blocks, blocks_per_tile));
    if (share.first_strip == share.end_strip) return;
    Results results;
    BitconvJob job = make_job(operands, results);
    // Weights are decoded for one tile, and then serve all pixels.
    const std::int64_t tiles =
        decoded_bytes() > 0 ? 1 : std::max<std::int64_t>(share.end_tile - share.first_tile, 1);
    for (std::int64_t tile = share.first_tile; tile < share.end_tile; tile += tiles) {
      job.first_block = tile * blocks_per_tile;
      job.end_block = std::min((tile + tiles) * blocks_per_tile, blocks);
      ArrangedWeights weights[max_bitconv_segments];
      arrange_weights(job.first_block, scratch, weights);
      if (is_flat_) {
        run_flat(operands, share, pixels, weights, job);
      } else {
        run_rows(operands, share, weights, scratch, job);
      }
    }
  }

 private:
  /// Strips and tiles of blocks of one worker.
  struct Share {
    std::int64_t first_strip;
    std::int64_t end_strip;
    std::int64_t first_tile;
    std::int64_t end_tile;
  };

  struct Results {
    FloatResult floats[max_bitconv_outputs];
    SymbolResult symbols[max_bitconv_outputs];
  };

  std::int64_t staged_bytes(std::int64_t rows) const {
    std::int64_t bytes = 0;
    for (const auto& segment : segments_) {
      bytes += round_up(segment->staged_bytes(rows), cache_line_bytes);
    }
    return bytes;
  }

  std::int64_t decoded_bytes() const {
    std::int64_t bytes = 0;
    for (const auto& segment : segments_) bytes += segment->decoded_bytes();
    return bytes;
  }

  /// The weights of each segment; decoded ones lie in scratch memory behind the staged input.
  void arrange_weights(std::int64_t block, std::span<std::byte> scratch,
                       ArrangedWeights* weights) const {
    std::byte* decoded = scratch.data() + staged_bytes(chunk_rows_);
    for (const auto& segment : segments_) {
      *weights++ = segment->weights(kernels_, block, decoded);
      decoded += segment->decoded_bytes();
    }
  }

  /// Workers form a grid over strips and tiles of blocks: the one that gives the largest share
  /// the least work. Sharing strips is preferred, because workers that share blocks copy the same
  /// input; unless weights are decoded, which workers that share strips all do.
  Share share_of(Slice slice, std::int64_t strips, std::int64_t tiles) const {
    const bool decodes = decoded_bytes() > 0;
    std::int64_t best_parts = 1;
    std::int64_t least = -1;
    for (std::int64_t parts = 1; parts <= slice.count; ++parts) {  // of the tiles
      if (slice.count % parts != 0) continue;
      const std::int64_t most =
          ceil_divide(strips, slice.count / parts) * ceil_divide(tiles, parts);
      if (least < 0 || most < least || (decodes && most == least)) {
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

  /// What BorderRows points to, for one kind of pixels.
  struct Border {
    AlignedVector<float> constants;
    AlignedVector<std::int32_t> limits;
    std::vector<std::uint32_t> flips;
  };
  using BorderKinds = std::array<Border, bitconv::edge_kinds>;

  /// For each row of outputs, the kernel rows inside the image and what follows from them.
  void set_borders(const BitconvDescription& description) {
    for (std::int64_t p = 0; p < geometry_.out_h; ++p) {
      const std::int64_t top = p * geometry_.stride_h - geometry_.pad_top;
      const std::int64_t first = std::clamp<std::int64_t>(-top, 0, geometry_.kernel_h);
      const std::int64_t end =
          std::clamp<std::int64_t>(geometry_.h - top, first, geometry_.kernel_h);
      const auto [found, is_new] = border_.try_emplace({first, end});
      BorderKinds& kinds = found->second;
      BorderRows rows{.first = first, .end = end, .constants = {}, .limits = {}, .flips = {}};
      for (int kind = 0; kind < bitconv::edge_kinds; ++kind) {
        Border& border = kinds[kind];
        if (is_new) set_border(description, {first, end}, kind, border);
        rows.constants[kind] = border.constants.data();
        if (border.limits.empty()) continue;
        rows.limits[kind] = border.limits.data();
        rows.flips[kind] = border.flips.data();
      }
      rows_.push_back(rows);
    }
  }

  void set_border(const BitconvDescription& description,
                  const std::pair<std::int64_t, std::int64_t>& rows, int kind,
                  Border& border) const {
    const bool is_first = (kind & bitconv::edge_kind(true, false)) != 0;
    const bool is_last = (kind & bitconv::edge_kind(false, true)) != 0;
    const KernelPart part = {
        .first_row = rows.first,
        .end_row = rows.second,
        .first_column = is_first ? geometry_.pad_left : 0,
        .end_column = geometry_.kernel_w - (is_last ? bitconv::columns_at_right(geometry_) : 0)};
    border.constants.resize(round_up(geometry_.c_out, block_channels), 0.0F);
    for (std::int64_t o = 0; o < geometry_.c_out; ++o) {
      double sum = 0;
      for (const auto& segment : segments_) sum += segment->constant(o, part);
      border.constants[o] = static_cast<float>(sum * description.scale[o] + description.shift[o]);
    }
    if (is_decided_by_counts(description)) set_limits(description, border);
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
                            .threshold_count = output.thresholds_per_channel,
                            .symbols = output.symbols.data(),
                            .flips = output.flips.data(),
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
                const ArrangedWeights* weights, BitconvJob& job) const {
    job.first_pixel = share.first_strip * flat_strip_pixels;
    SegmentJob segments[max_bitconv_segments];
    for (std::size_t s = 0; s < segments_.size(); ++s) {
      segments[s] = segments_[s]->flat_job(weights[s], operands.inputs[s], flat_strip_pixels,
                                           job.first_pixel);
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

  void run_rows(const BitconvOperands& operands, const Share& share, const ArrangedWeights* weights,
                std::span<std::byte> scratch, BitconvJob& job) const {
    SegmentJob segments[max_bitconv_segments];
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
        segments[s] = segments_[s]->job(weights[s], operands.inputs[s], n, begin, end, staged);
        staged += round_up(segments_[s]->staged_bytes(end - begin), cache_line_bytes);
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
  /// By kernel rows in the image.
  std::map<std::pair<std::int64_t, std::int64_t>, BorderKinds> border_;
  std::vector<BorderRows> rows_;  // of outputs
  std::int64_t chunk_rows_ = 1;
  bool is_flat_ = false;
};

}  // namespace

std::unique_ptr<Bitconv> prepare_bitconv(Stream&, const BitconvDescription& description) {
  return std::make_unique<CpuBitconv>(description);
}

}  // namespace lq::kernels::cpu
