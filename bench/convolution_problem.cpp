#include "bench/convolution_problem.h"

#include <charconv>
#include <utility>

#include "core/error.h"
#include "core/packed_layout.h"

namespace lq::bench {

using kernels::AlignedVector;
using kernels::BitconvSymbolOutput;

std::string BitWidths::to_string() const { return fmt::format("{}/{}", weights, activations); }

BitWidths parse_bit_widths(std::string_view text) {
  BitWidths widths;
  const char* const end = text.data() + text.size();
  const auto [slash, first] = std::from_chars(text.data(), end, widths.weights);
  const bool has_slash = first == std::errc{} && slash != end && *slash == '/';
  const auto [rest, second] = has_slash ? std::from_chars(slash + 1, end, widths.activations)
                                        : std::from_chars_result{end, std::errc::invalid_argument};
  const auto is_known = [](int bits) { return bits >= 1 && bits <= 4; };
  check(second == std::errc{} && rest == end && is_known(widths.weights) &&
            is_known(widths.activations),
        "'{}', expected W/A with 1 to 4 bits each, such as 2/2", text);
  return widths;
}

bool uses_grid(BitWidths widths) {
  return widths.weights * widths.activations > kernels::max_plane_pairs;
}

double convolution_macs(const kernels::Conv2dGeometry& geometry, BitWidths widths) {
  const auto products = static_cast<double>(geometry.n * geometry.out_h * geometry.out_w *
                                            geometry.weight_shape().elements());
  return uses_grid(widths) ? products : products * widths.weights * widths.activations;
}

ConvolutionProblem::ConvolutionProblem(const kernels::Conv2dGeometry& geometry, BitWidths widths,
                                       std::uint64_t seed)
    : rng_(seed, RngPurpose::synthetic), widths_(widths) {
  description_.geometry = geometry;
  if (uses_grid(widths)) {
    add_grid();
  } else {
    add_bits();
  }
  description_.scale.assign(geometry.c_out, 1.0F);
  description_.shift.assign(geometry.c_out, 0.0F);
  add_thresholds();
}

std::int64_t ConvolutionProblem::words(std::int64_t pixels, std::int64_t channels) const {
  return uses_grid(widths_) ? (pixels * channels + 3) / 4 : pixels * packed::words(channels);
}

std::int64_t ConvolutionProblem::input_words() const {
  return words(description_.geometry.h * description_.geometry.w, description_.geometry.c_in);
}

std::int64_t ConvolutionProblem::output_words() const {
  return words(description_.geometry.out_h * description_.geometry.out_w,
               description_.geometry.c_out);
}

AlignedVector<std::uint32_t> ConvolutionProblem::inputs(std::int64_t batch) {
  AlignedVector<std::uint32_t> result(planes() * batch * input_words());
  const std::uint32_t mask =
      uses_grid(widths_) ? 0x7f7f7f7fU : packed::tail_mask(description_.geometry.c_in);
  const std::int64_t pixel_words = packed::words(description_.geometry.c_in);
  for (std::size_t i = 0; i < result.size(); ++i) {
    const bool is_last = static_cast<std::int64_t>(i) % pixel_words == pixel_words - 1;
    result[i] = rng_.next_u32() & (uses_grid(widths_) || is_last ? mask : ~0U);
  }
  return result;
}

void ConvolutionProblem::add_bits() {
  kernels::BitSegment segment{.channels = description_.geometry.c_in,
                              .weight_bits = widths_.weights,
                              .input_bits = widths_.activations};
  for (std::int64_t i = 0; i < description_.geometry.weight_shape().elements(); ++i) {
    segment.weight_codes.push_back(static_cast<std::uint8_t>(rng_.below(1U << widths_.weights)));
  }
  for (std::int64_t o = 0; o < description_.geometry.c_out; ++o) {
    for (int i = 0; i < widths_.weights; ++i) {
      segment.weight_basis.push_back(static_cast<float>(1 << i));
    }
  }
  for (int j = 0; j < widths_.activations; ++j) {
    segment.input_basis.push_back(static_cast<float>(1 << j));
  }
  description_.segments.emplace_back(std::move(segment));
}

void ConvolutionProblem::add_grid() {
  kernels::GridSegment segment{.channels = description_.geometry.c_in};
  for (std::int64_t i = 0; i < description_.geometry.weight_shape().elements(); ++i) {
    segment.weights.push_back(static_cast<std::int8_t>(static_cast<int>(rng_.below(255)) - 127));
  }
  segment.weight_scale.assign(description_.geometry.c_out, 1.0F);
  description_.segments.emplace_back(std::move(segment));
}

void ConvolutionProblem::add_thresholds() {
  const int count = (1 << widths_.activations) - 1;
  BitconvSymbolOutput output{.planes = uses_grid(widths_) ? 0 : widths_.activations};
  for (int t = 0; t < count; ++t) {
    for (std::int64_t o = 0; o < description_.geometry.c_out; ++o) {
      output.thresholds.push_back(static_cast<float>(20 * (t - count / 2)) + 0.5F);
    }
  }
  output.signs.assign(description_.geometry.c_out, 1.0F);
  for (int position = 0; position <= count; ++position) {
    output.symbols.push_back(static_cast<std::uint8_t>(position));
  }
  description_.symbol_outputs.push_back(std::move(output));
}

}  // namespace lq::bench
