#include "deploy/validate.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string_view>

#include "core/error.h"
#include "core/format.h"
#include "deploy/folding.h"

namespace lq::deploy {

namespace {

using kernels::BitSegment;
using kernels::CodedFloatSegment;
using kernels::Conv2dGeometry;
using kernels::FloatSegment;
using kernels::GridSegment;

std::string_view name_of(ValueKind kind) {
  switch (kind) {
    case ValueKind::floats:
      return "floats";
    case ValueKind::planes:
      return "bit-planes";
    case ValueKind::bytes:
      break;
  }
  return "bytes";
}

std::string described(const Value& value) {
  return fmt::format("{}x{}x{} {}{}", value.h, value.w, value.c,
                     value.kind == ValueKind::planes ? fmt::format("{} ", value.planes) : "",
                     name_of(value.kind));
}

bool same(const Value& a, const Value& b) {
  return a.kind == b.kind && a.h == b.h && a.w == b.w && a.c == b.c && a.planes == b.planes;
}

bool is_finite(std::span<const float> values) {
  return std::ranges::all_of(values, [](float value) { return std::isfinite(value); });
}

bool has_same_bits(std::span<const float> a, std::span<const float> b) {
  return std::ranges::equal(
      a, b, {}, [](float value) { return std::bit_cast<std::uint32_t>(value); },
      [](float value) { return std::bit_cast<std::uint32_t>(value); });
}

void check_name(std::string_view name) {
  check(name.size() <= max_name_bytes, "a name of {} bytes, at most {} are possible", name.size(),
        max_name_bytes);
}

void check_window_extent(std::string_view what, std::int64_t extent, std::int64_t smallest) {
  check(extent >= smallest && extent <= max_window, "{} is {}, expected {} to {}", what, extent,
        smallest, max_window);
}

/// The value that a segment wants, but for its height and width.
struct SegmentInput {
  Value operator()(const BitSegment& segment) const {
    return {.kind = ValueKind::planes, .c = segment.channels, .planes = segment.input_bits};
  }
  Value operator()(const GridSegment& segment) const {
    return {.kind = ValueKind::bytes, .c = segment.channels};
  }
  Value operator()(const FloatSegment& segment) const { return {.c = segment.channels}; }
  Value operator()(const CodedFloatSegment& segment) const { return {.c = segment.channels}; }
};

/// Whether the coded form of a segment's weights says what the segment says.
struct CodedWeightsCheck {
  const CodedWeights& coded;
  std::int64_t channels;

  template <typename Segment>
  void operator()(const Segment&) const {
    fail("codes of the weights are given for a segment that is not of bytes");
  }
  void operator()(const GridSegment& segment) const {
    check_form(segment.weights.size());
    check(std::ranges::all_of(coded.basis,
                              [](float b) { return std::abs(b) <= 127 && b == std::trunc(b); }),
          "basis elements of the integer grid are not whole numbers up to 127");
    check(grid_weights(coded, channels) == segment.weights, "weights differ from their codes");
  }

 private:
  void check_form(std::size_t weights) const {
    check(coded.bits >= 1 && coded.bits <= 8, "weights of {} bits, expected 1 to 8", coded.bits);
    check(coded.codes.size() == weights, "{} codes for {} weights", coded.codes.size(), weights);
    check(std::cmp_equal(coded.basis.size(), channels * coded.bits),
          "{} basis elements for {} channels of {} bits", coded.basis.size(), channels, coded.bits);
    check(std::ranges::all_of(coded.codes, [this](int code) { return code < 1 << coded.bits; }),
          "a code is larger than {} bits", coded.bits);
  }
};

/// Sums of products on the integer grid are of 32 bits. A byte is at most 127.
void check_grid_sums(const GridSegment& segment, std::int64_t channels) {
  const std::int64_t per_channel = std::ssize(segment.weights) / channels;
  for (std::int64_t o = 0; o < channels; ++o) {
    std::int64_t sum = 0;
    for (std::int64_t i = 0; i < per_channel; ++i) {
      sum += std::abs(static_cast<int>(segment.weights[o * per_channel + i]));
    }
    check(sum * 127 <= std::numeric_limits<std::int32_t>::max(),
          "weights of channel {} on the integer grid are {} in sum: too much for 32 bits", o, sum);
  }
}

class Validator {
 public:
  explicit Validator(const PackedModel& model)
      : model_(model), is_written_(std::min(model.values.size(), max_parts), false) {}

  void run() {
    check_name(model_.name);
    check(model_.values.size() <= max_parts && model_.operations.size() <= max_parts,
          "{} values and {} operations, at most {} each are possible", model_.values.size(),
          model_.operations.size(), max_parts);
    for (std::size_t i = 0; i < model_.values.size(); ++i) {
      in_place(fmt::format("value {}", i), [&] { validate(model_.values[i]); });
    }
    check_input();
    for (std::size_t i = 0; i < model_.operations.size(); ++i) {
      const std::string& name = std::visit(
          [](const auto& kind) -> const std::string& { return kind.name; }, model_.operations[i]);
      in_place(fmt::format("operation {} {:?}", i, name.substr(0, max_name_bytes)), [&] {
        check_name(name);
        std::visit(*this, model_.operations[i]);
      });
    }
    const auto unwritten = std::ranges::find(is_written_, false);
    check(unwritten == is_written_.end(), "value {} is never written",
          unwritten - is_written_.begin());
    check_output();
  }

  void operator()(const Convolution& operation) {
    const kernels::BitconvDescription& description = operation.description;
    check(operation.inputs.size() == description.segments.size(), "{} inputs for {} segments",
          operation.inputs.size(), description.segments.size());
    check(operation.residual.has_value() == description.has_residual,
          "residual and description differ");
    check_geometry(description);
    check_description(description);
    check_short_forms(operation);

    const Conv2dGeometry& geometry = description.geometry;
    for (std::size_t s = 0; s < operation.inputs.size(); ++s) {
      Value expected = std::visit(SegmentInput{}, description.segments[s]);
      expected.h = geometry.h;
      expected.w = geometry.w;
      expect("input", read(operation.inputs[s]), expected);
      if (const auto* grid = std::get_if<GridSegment>(&description.segments[s])) {
        check_grid_sums(*grid, geometry.c_out);
      }
    }
    const Value result = {.h = geometry.out_h, .w = geometry.out_w, .c = geometry.c_out};
    if (operation.residual) expect("residual", read(*operation.residual), result);
    check_results(operation, result);
  }

  void operator()(const MaxPool& pool) {
    const Value& input = read(pool.input);
    check_windows(pool, input, write(pool.output));
    const Value& output = model_.values[pool.output];
    expect(
        "output", output,
        {.kind = input.kind, .h = output.h, .w = output.w, .c = input.c, .planes = input.planes});
    if (input.kind != ValueKind::planes) {
      check(pool.order.empty(), "an order of codes for {}", name_of(input.kind));
      return;
    }
    std::vector<bool> is_listed(std::size_t{1} << input.planes, false);
    check(!pool.order.empty(), "no order of codes");
    for (const std::uint8_t code : pool.order) {
      check(code < is_listed.size() && !is_listed[code],
            "code {} in the order is too large or occurs twice", code);
      is_listed[code] = true;
    }
  }

  void operator()(const AveragePool& pool) {
    const Value& input = read(pool.input);
    check_windows(pool, input, write(pool.output));
    const Value& output = model_.values[pool.output];
    check_floats(input);
    expect("output", output, {.h = output.h, .w = output.w, .c = input.c});
  }

  void operator()(const GlobalAveragePool& pool) {
    const Value& input = read(pool.input);
    check_floats(input);
    expect("output", write(pool.output), {.c = input.c});
  }

  void operator()(const Dequantize& operation) {
    const Value& input = read(operation.input);
    check(input.kind != ValueKind::floats, "input is floats, expected bit-planes or bytes");
    const std::size_t levels = operation.levels.size();
    check(input.kind == ValueKind::planes ? levels == std::size_t{1} << input.planes
                                          : levels >= 1 && levels <= 128,
          "{} levels for {}", levels, described(input));
    check(is_finite(operation.levels), "a level is not finite");
    expect("output", write(operation.output), {.h = input.h, .w = input.w, .c = input.c});
  }

  void operator()(const ChannelPad& pad) {
    const Value& input = read(pad.input);
    const Value& output = write(pad.output);
    check_floats(input);
    expect("output", output, {.h = input.h, .w = input.w, .c = output.c});
    check(pad.before >= 0 && pad.before <= output.c - input.c,
          "{} channels before the {} of the input, {} in sum", pad.before, input.c, output.c);
  }

  void operator()(const Concat& concat) {
    check(!concat.inputs.empty(), "no inputs");
    Value expected = {.c = 0};
    for (const std::size_t index : concat.inputs) {
      const Value& input = read(index);
      if (expected.c == 0) {
        expected.h = input.h;
        expected.w = input.w;
      }
      expect("input", input, {.h = expected.h, .w = expected.w, .c = input.c});
      expected.c += input.c;
    }
    expect("output", write(concat.output), expected);
  }

 private:
  /// Runs `action` and puts the place before the message of its Error.
  template <typename Action>
  static void in_place(const std::string& place, Action&& action) {
    try {
      action();
    } catch (const Error& error) {
      fail("{}: {}", place, error.what());
    }
  }

  static void expect(std::string_view what, const Value& given, const Value& expected) {
    check(same(given, expected), "{} is {}, expected {}", what, described(given),
          described(expected));
  }

  static void check_floats(const Value& value) {
    check(value.kind == ValueKind::floats, "input is {}, expected floats", name_of(value.kind));
  }

  const Value& at(std::size_t index) const {
    check(index < model_.values.size(), "value {} of {}", index, model_.values.size());
    return model_.values[index];
  }

  const Value& read(std::size_t index) const {
    const Value& value = at(index);
    check(is_written_[index], "value {} is read before it is written", index);
    return value;
  }

  const Value& write(std::size_t index) {
    const Value& value = at(index);
    check(!is_written_[index], "value {} is written a second time", index);
    is_written_[index] = true;
    return value;
  }

  void check_input() {
    const Value& input = at(model_.input);
    is_written_[model_.input] = true;
    check(input.kind == ValueKind::floats, "the input is {}, expected floats", name_of(input.kind));
    const Preprocessing& preprocessing = model_.preprocessing;
    check(is_finite(preprocessing.scale) && is_finite(preprocessing.mean),
          "preprocessing: a number is not finite");
    const std::size_t means = preprocessing.mean.size(), scales = preprocessing.scale.size();
    check(means == 0 || std::cmp_equal(means, input.h * input.w * input.c) ||
              std::cmp_equal(means, input.c),
          "preprocessing: a mean of {} numbers for an input of {}", means, described(input));
    check(scales == 1 || std::cmp_equal(scales, input.c),
          "preprocessing: a scale of {} numbers for an input of {}", scales, described(input));
    check(preprocessing.shorter_side == 0 ||
              (preprocessing.shorter_side >= std::max(input.h, input.w) &&
               preprocessing.shorter_side <= max_extent),
          "preprocessing: a shorter side of {} pixels for an input of {}",
          preprocessing.shorter_side, described(input));
  }

  void check_output() const {
    const Value& output = at(model_.output);
    check(model_.output != model_.input, "input and output are the same value");
    check(same(output, {.c = output.c}), "the output is {}, expected one row of floats",
          described(output));
    check(model_.class_names.empty() || std::cmp_equal(model_.class_names.size(), output.c),
          "{} class names for {} scores", model_.class_names.size(), output.c);
  }

  void check_geometry(const kernels::BitconvDescription& description) {
    const Conv2dGeometry& g = description.geometry;
    check(g.c_out >= 1 && g.c_out <= max_extent, "{} output channels, expected 1 to {}", g.c_out,
          max_extent);
    channels_ += g.c_out;
    check(channels_ <= max_total_channels, "more than {} channels in all layers",
          max_total_channels);
    check_window_extent("kernel height", g.kernel_h, 1);
    check_window_extent("kernel width", g.kernel_w, 1);
    check_window_extent("vertical stride", g.stride_h, 1);
    check_window_extent("horizontal stride", g.stride_w, 1);
    for (const std::int64_t pad : {g.pad_top, g.pad_bottom, g.pad_left, g.pad_right}) {
      check_window_extent("padding", pad, 0);
    }
    check(g.h >= 1 && g.h <= max_extent && g.w >= 1 && g.w <= max_extent && g.c_in >= 0 &&
              g.c_in <= max_extent,
          "geometry {}: extents out of range", g.to_string());
    const std::int64_t per_channel = g.kernel_h * g.kernel_w * g.c_in;
    check(per_channel <= max_weights / g.c_out, "geometry {}: too many weights", g.to_string());
    Conv2dGeometry expected;
    if (description.segments.empty()) {
      expected = {.n = 1,
                  .h = g.h,
                  .w = g.w,
                  .c_out = g.c_out,
                  .kernel_h = 1,
                  .kernel_w = 1,
                  .out_h = g.h,
                  .out_w = g.w};
      check(description.has_residual, "neither segments nor a residual");
    } else {
      expected =
          kernels::conv2d_geometry({1, g.h, g.w, g.c_in}, {g.c_out, g.kernel_h, g.kernel_w, g.c_in},
                                   {.stride_h = g.stride_h,
                                    .stride_w = g.stride_w,
                                    .padding = kernels::Padding::explicit_sides(
                                        g.pad_top, g.pad_bottom, g.pad_left, g.pad_right)});
    }
    check(g == expected, "geometry {} to {}, expected {} to {}", g.to_string(), g.y_shape(),
          expected.to_string(), expected.y_shape());
    rows_ += g.out_h;
    check(rows_ <= max_total_rows, "more than {} rows of results in all layers", max_total_rows);
  }

  static void check_short_forms(const Convolution& operation) {
    const kernels::BitconvDescription& description = operation.description;
    const std::int64_t channels = description.geometry.c_out;
    const auto& coded = operation.coded_weights;
    check(coded.empty() || coded.size() == description.segments.size(),
          "{} sets of coded weights for {} segments", coded.size(), description.segments.size());
    for (std::size_t s = 0; s < coded.size(); ++s) {
      if (coded[s].bits != 0) {
        std::visit(CodedWeightsCheck{coded[s], channels}, description.segments[s]);
      }
    }
    const auto& folded = operation.folded_thresholds;
    check(folded.empty() || folded.size() == description.symbol_outputs.size(),
          "{} sets of folded thresholds for {} outputs", folded.size(),
          description.symbol_outputs.size());
    for (std::size_t i = 0; i < folded.size(); ++i) {
      if (!folded[i].scale.empty()) {
        check_folded(folded[i], description.symbol_outputs[i], channels);
      }
    }
  }

  static void check_folded(const FoldedThresholds& folded,
                           const kernels::BitconvSymbolOutput& output, std::int64_t channels) {
    check(std::cmp_equal(folded.scale.size(), channels) &&
              folded.shift.size() == folded.scale.size() &&
              folded.levels.size() + 1 == output.symbols.size(),
          "folded thresholds: {} levels, {} scales and {} shifts for {} symbols of {} channels",
          folded.levels.size(), folded.scale.size(), folded.shift.size(), output.symbols.size(),
          channels);
    check(is_finite(folded.scale) && is_finite(folded.shift),
          "folded thresholds: a scale or shift is not finite");
    kernels::BitconvSymbolOutput made;
    set_thresholds(folded, made);
    check(has_same_bits(made.thresholds, output.thresholds) &&
              has_same_bits(made.signs, output.signs),
          "thresholds differ from their folded form");
  }

  void check_results(const Convolution& operation, const Value& result) {
    const kernels::BitconvDescription& description = operation.description;
    check(operation.float_outputs.size() == description.float_outputs.size() &&
              operation.symbol_outputs.size() == description.symbol_outputs.size(),
          "{} float and {} symbol outputs, expected {} and {}", operation.float_outputs.size(),
          operation.symbol_outputs.size(), description.float_outputs.size(),
          description.symbol_outputs.size());
    check(!operation.float_outputs.empty() || !operation.symbol_outputs.empty(), "no outputs");
    for (const std::size_t index : operation.float_outputs) {
      expect("output", write(index), result);
    }
    for (std::size_t i = 0; i < operation.symbol_outputs.size(); ++i) {
      Value expected = result;
      expected.planes = description.symbol_outputs[i].planes;
      expected.kind = expected.planes == 0 ? ValueKind::bytes : ValueKind::planes;
      expect("output", write(operation.symbol_outputs[i]), expected);
    }
  }

  /// Every window contains a pixel when the first and the last one of each axis do.
  template <typename Pool>
  static void check_windows(const Pool& pool, const Value& input, const Value& output) {
    check_window_extent("kernel", pool.kernel, 1);
    check_window_extent("stride", pool.stride, 1);
    check(pool.pad_top >= 0 && pool.pad_top < pool.kernel && pool.pad_left >= 0 &&
              pool.pad_left < pool.kernel,
          "padding {} and {}, expected less than the kernel {}", pool.pad_top, pool.pad_left,
          pool.kernel);
    check((output.h - 1) * pool.stride - pool.pad_top < input.h &&
              (output.w - 1) * pool.stride - pool.pad_left < input.w,
          "output is {}: windows lie outside the input, {}", described(output), described(input));
  }

  const PackedModel& model_;
  std::vector<bool> is_written_;
  std::int64_t channels_ = 0;
  std::int64_t rows_ = 0;
};

}  // namespace

void validate(const PackedModel& model) { Validator(model).run(); }

void validate(const Value& value) {
  const auto is_extent = [](std::int64_t extent) { return extent >= 1 && extent <= max_extent; };
  check(is_extent(value.h) && is_extent(value.w) && is_extent(value.c),
        "extents {}, {} and {}, expected 1 to {} each", value.h, value.w, value.c, max_extent);
  check(value.h * value.w * value.c <= max_value_elements, "{}x{}x{} are more than {} elements",
        value.h, value.w, value.c, max_value_elements);
  const bool has_planes = value.kind == ValueKind::planes;
  check(has_planes ? value.planes >= 1 && value.planes <= 8 : value.planes == 0, "{} planes of {}",
        value.planes, name_of(value.kind));
}

}  // namespace lq::deploy
