#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

#include "core/error.h"
#include "kernels/bitconv/bitconv.h"
#include "kernels/common/dispatch.h"

namespace lq::kernels {

namespace {

constexpr std::string_view operation = "bitconv";

void check_size(std::string_view what, std::size_t given, std::int64_t expected) {
  check(std::cmp_equal(given, expected), "{}: {} has {} elements, expected {}", operation, what,
        given, expected);
}

void check_finite(std::string_view what, std::span<const float> values) {
  const auto bad = std::ranges::find_if(values, [](float value) { return !std::isfinite(value); });
  if (bad != values.end()) fail("{}: {} contains {}", operation, what, *bad);
}

void check_floats(std::string_view what, std::span<const float> values, std::int64_t expected) {
  check_size(what, values.size(), expected);
  check_finite(what, values);
}

void check_bits(std::string_view what, int bits) {
  check(bits >= 1 && bits <= 8, "{}: {} is {}, expected 1 to 8", operation, what, bits);
}

/// Checks one kind of segment; `weights` is the number of weights that the geometry gives it.
struct SegmentCheck {
  std::int64_t outputs;
  std::int64_t weights;

  void operator()(const BitSegment& segment) const {
    check_coded_weights(segment);
    check_bits("input bits", segment.input_bits);
    check_floats("input basis", segment.input_basis, segment.input_bits);
  }
  void operator()(const GridSegment& segment) const {
    check_size("grid weights", segment.weights.size(), weights);
    check_floats("weight scale", segment.weight_scale, outputs);
    check_finite("input scale", {&segment.input_scale, 1});
    check(segment.zero_point <= 127, "{}: zero point {}, expected 0 to 127", operation,
          segment.zero_point);
  }
  void operator()(const FloatSegment& segment) const {
    check_floats("float weights", segment.weights, weights);
  }
  void operator()(const CodedFloatSegment& segment) const {
    check_coded_weights(segment);
    for (std::int64_t o = 0; o < outputs; ++o) {
      double largest = 0;
      for (int i = 0; i < segment.weight_bits; ++i) {
        largest += std::abs(segment.weight_basis[o * segment.weight_bits + i]);
      }
      check(largest <= std::numeric_limits<float>::max(),
            "{}: weights of channel {} reach {}, expected floats", operation, o, largest);
    }
  }

 private:
  template <typename Segment>
  void check_coded_weights(const Segment& segment) const {
    check_bits("weight bits", segment.weight_bits);
    check_size("weight codes", segment.weight_codes.size(), weights);
    check_floats("weight basis", segment.weight_basis, outputs * segment.weight_bits);
    const int largest = (1 << segment.weight_bits) - 1;
    const auto bad = std::ranges::find_if(segment.weight_codes,
                                          [largest](std::uint8_t code) { return code > largest; });
    if (bad != segment.weight_codes.end()) {
      fail("{}: weight code {} in {} bits", operation, *bad, segment.weight_bits);
    }
  }
};

std::int64_t channels_of(const BitconvSegment& segment) {
  return std::visit([](const auto& kind) { return kind.channels; }, segment);
}

void check_symbols(const BitconvSymbolOutput& output, std::int64_t channels) {
  check(output.planes >= 0 && output.planes <= 8, "{}: {} planes, expected 0 to 8", operation,
        output.planes);
  check(!output.symbols.empty() && output.symbols.size() <= 256,
        "{}: {} symbols, expected 1 to 256", operation, output.symbols.size());
  const std::int64_t count = std::ssize(output.symbols) - 1;
  check_size("thresholds", output.thresholds.size(), count * channels);
  check_size("signs", output.signs.size(), channels);
  check(std::ranges::all_of(output.signs, [](float s) { return s == 1.0F || s == -1.0F; }),
        "{}: a sign is neither +1 nor -1", operation);
  const int largest = output.planes == 0 ? 127 : (1 << output.planes) - 1;
  check(std::ranges::all_of(output.symbols, [largest](std::uint8_t s) { return s <= largest; }),
        "{}: a symbol is larger than {}", operation, largest);
  for (std::int64_t t = 0; t < count; ++t) {
    for (std::int64_t o = 0; o < channels; ++o) {
      const float threshold = output.thresholds[t * channels + o];
      const bool rises = t == 0 || threshold >= output.thresholds[(t - 1) * channels + o];
      check(rises && !std::isnan(threshold), "{}: threshold {} of channel {} is {}, expected {}",
            operation, t, o, threshold, "rising numbers");
    }
  }
}

}  // namespace

void check_description(const BitconvDescription& description) {
  const Conv2dGeometry& geometry = description.geometry;
  check(geometry.n == 1 && geometry.groups == 1 && geometry.out_h >= 1 && geometry.out_w >= 1,
        "{}: geometry {}, expected one image and one group", operation, geometry.to_string());
  check(description.segments.size() <= max_bitconv_segments &&
            description.float_outputs.size() <= max_bitconv_outputs &&
            description.symbol_outputs.size() <= max_bitconv_outputs,
        "{}: {} segments, {} float and {} symbol outputs, expected at most {}, {} and {}",
        operation, description.segments.size(), description.float_outputs.size(),
        description.symbol_outputs.size(), max_bitconv_segments, max_bitconv_outputs,
        max_bitconv_outputs);
  const std::int64_t outputs = geometry.c_out;
  std::int64_t channels = 0;
  for (const BitconvSegment& segment : description.segments) {
    const std::int64_t own = channels_of(segment);
    check(own >= 1, "{}: a segment of {} channels", operation, own);
    std::visit(SegmentCheck{outputs, outputs * geometry.kernel_h * geometry.kernel_w * own},
               segment);
    channels += own;
  }
  check(channels == geometry.c_in, "{}: segments of {} channels in sum, expected {}", operation,
        channels, geometry.c_in);
  check_floats("scale", description.scale, outputs);
  check_floats("shift", description.shift, outputs);
  for (const BitconvFloatOutput& output : description.float_outputs) {
    check(output.scale.size() == output.shift.size(), "{}: output scale without shift", operation);
    if (!output.scale.empty()) check_floats("output scale", output.scale, outputs);
    if (!output.shift.empty()) check_floats("output shift", output.shift, outputs);
  }
  for (const BitconvSymbolOutput& output : description.symbol_outputs) {
    check_symbols(output, outputs);
  }
}

std::unique_ptr<Bitconv> prepare_bitconv(Stream& stream, const BitconvDescription& description) {
  check_description(description);
  return choose<PrepareBitconv>(operation, stream,
                                {reference::prepare_bitconv, cpu::prepare_bitconv,
                                 LQNET_CUDA_KERNEL(cuda::prepare_bitconv)})(stream, description);
}

}  // namespace lq::kernels
