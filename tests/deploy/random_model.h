// Random small packed models: every kind of operation on every kind of value.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "deploy/folding.h"
#include "deploy/packed_model.h"

namespace lq::testing {

using deploy::AveragePool;
using deploy::ChannelPad;
using deploy::Concat;
using deploy::Convolution;
using deploy::Dequantize;
using deploy::GlobalAveragePool;
using deploy::MaxPool;
using deploy::PackedModel;
using deploy::Value;
using deploy::ValueKind;
using kernels::BitSegment;
using kernels::CodedFloatSegment;
using kernels::FloatSegment;
using kernels::GridSegment;

class RandomModel {
 public:
  explicit RandomModel(std::uint32_t seed) : random_(seed) {
    model_.name = "random \"" + std::to_string(seed) + "\"";
    model_.input = add_value({.h = between(1, 9), .w = between(1, 9), .c = between(1, 5)});
    if (between(0, 1) == 1) {
      const Value& input = model_.values[model_.input];
      model_.preprocessing = {.mean = normals(input.h * input.w * input.c),
                              .scale = {0.0078125F},
                              .pads_small_images = between(0, 1) == 1};
    }
    add_convolution({model_.input});  // codes to work with
    const int operations = between(4, 10);
    while (std::ssize(model_.operations) < operations) add_operation();
    add_classifier();
  }

  const PackedModel& model() const { return model_; }

  std::vector<float> images(std::int64_t count) {
    const Value& input = model_.values[model_.input];
    return normals(count * input.h * input.w * input.c);
  }

 private:
  int between(int low, int high) { return std::uniform_int_distribution(low, high)(random_); }
  float uniform(float low, float high) {
    return std::uniform_real_distribution(low, high)(random_);
  }
  std::vector<float> normals(std::int64_t count, float deviation = 1.0F) {
    std::normal_distribution<float> normal(0.0F, deviation);
    std::vector<float> values(count);
    for (float& value : values) value = normal(random_);
    return values;
  }
  template <typename T>
  std::vector<T> integers(std::int64_t count, int low, int high) {
    std::vector<T> values(count);
    for (T& value : values) value = static_cast<T>(between(low, high));
    return values;
  }
  std::vector<std::uint8_t> permutation(int count) {
    std::vector<std::uint8_t> codes(count);
    std::iota(codes.begin(), codes.end(), std::uint8_t{0});
    std::ranges::shuffle(codes, random_);
    return codes;
  }

  std::size_t add_value(const Value& value) {
    model_.values.push_back(value);
    return model_.values.size() - 1;
  }
  const Value& at(std::size_t value) const { return model_.values[value]; }
  std::size_t any_value() { return between(0, static_cast<int>(model_.values.size()) - 1); }
  std::string next_name() const { return "op" + std::to_string(model_.operations.size()); }
  /// A value of floats; the input at least is one.
  std::size_t any_floats() {
    while (true) {
      const std::size_t value = any_value();
      if (at(value).kind == ValueKind::floats) return value;
    }
  }

  void add_operation() {
    switch (between(0, 9)) {
      case 0:
        return add_pool<MaxPool>(any_value());
      case 1:
        return add_pool<AveragePool>(any_floats());
      case 2:
        return add_global_average_pool();
      case 3:
        return add_channel_pad();
      case 4:
        return add_concat();
      case 5:
        return add_dequantize();
      case 6:
        return add_pointwise();
      default:
        return add_convolution(values_like(any_value()));
    }
  }

  /// One to three values with the height and width of `value`.
  std::vector<std::size_t> values_like(std::size_t value) {
    std::vector<std::size_t> found = {value};
    for (int attempt = 0; attempt < 4 && found.size() < 3; ++attempt) {
      const std::size_t other = any_value();
      if (at(other).h == at(value).h && at(other).w == at(value).w) found.push_back(other);
    }
    return found;
  }

  template <typename Pool>
  void add_pool(std::size_t input) {
    const Value in = at(input);
    Pool pool{
        .name = next_name(), .input = input, .kernel = between(1, 3), .stride = between(1, 3)};
    pool.pad_top = between(0, static_cast<int>(pool.kernel) - 1);
    pool.pad_left = between(0, static_cast<int>(pool.kernel) - 1);
    Value out = in;
    // The last window may begin at the last pixel.
    out.h = between(1, static_cast<int>((in.h - 1 + pool.pad_top) / pool.stride) + 1);
    out.w = between(1, static_cast<int>((in.w - 1 + pool.pad_left) / pool.stride) + 1);
    if constexpr (std::is_same_v<Pool, MaxPool>) {
      if (in.kind == ValueKind::planes) pool.order = permutation(1 << in.planes);
    }
    pool.output = add_value(out);
    model_.operations.emplace_back(std::move(pool));
  }

  void add_global_average_pool() {
    GlobalAveragePool pool{.name = next_name(), .input = any_floats()};
    pool.output = add_value({.c = at(pool.input).c});
    model_.operations.emplace_back(std::move(pool));
  }

  void add_channel_pad() {
    ChannelPad pad{.name = next_name(), .input = any_floats(), .before = between(0, 3)};
    Value out = at(pad.input);
    out.c += pad.before + between(0, 3);
    pad.output = add_value(out);
    model_.operations.emplace_back(std::move(pad));
  }

  void add_concat() {
    Concat concat{.name = next_name()};
    Value out = at(any_floats());
    out.c = 0;
    for (std::size_t i = 0; i < model_.values.size() && concat.inputs.size() < 3; ++i) {
      if (at(i).kind != ValueKind::floats || at(i).h != out.h || at(i).w != out.w) continue;
      concat.inputs.push_back(i);
      out.c += at(i).c;
    }
    concat.output = add_value(out);
    model_.operations.emplace_back(std::move(concat));
  }

  void add_dequantize() {
    const std::size_t input = any_value();
    if (at(input).kind == ValueKind::floats) return;
    const std::int64_t levels = at(input).planes == 0 ? 128 : std::int64_t{1} << at(input).planes;
    Value out = at(input);
    out.kind = ValueKind::floats;
    out.planes = 0;
    Dequantize operation{.name = next_name(), .input = input, .levels = normals(levels)};
    operation.output = add_value(out);
    model_.operations.emplace_back(std::move(operation));
  }

  void add_pointwise() {
    Convolution operation{.name = next_name(), .residual = any_floats()};
    const Value in = at(*operation.residual);
    operation.description.geometry = {.n = 1,
                                      .h = in.h,
                                      .w = in.w,
                                      .c_out = in.c,
                                      .kernel_h = 1,
                                      .kernel_w = 1,
                                      .out_h = in.h,
                                      .out_w = in.w};
    finish(std::move(operation), 1);
  }

  void add_convolution(std::vector<std::size_t> inputs) {
    const Value in = at(inputs[0]);
    std::int64_t channels = 0;
    for (const std::size_t input : inputs) channels += at(input).c;
    const int outputs = between(1, 40);
    // Windows of at most the map, and padding of at most the window.
    const int kernel_h = between(1, static_cast<int>(std::min<std::int64_t>(in.h, 3)));
    const int kernel_w = between(1, static_cast<int>(std::min<std::int64_t>(in.w, 3)));
    Convolution operation{.name = next_name(), .inputs = std::move(inputs)};
    operation.description.geometry = kernels::conv2d_geometry(
        {1, in.h, in.w, channels}, {outputs, kernel_h, kernel_w, channels},
        {.stride_h = between(1, 2),
         .stride_w = between(1, 2),
         .padding = kernels::Padding::explicit_sides(between(0, kernel_h), between(0, kernel_h),
                                                     between(0, kernel_w), between(0, kernel_w))});
    finish(std::move(operation), kernel_h * kernel_w * channels);
  }

  void add_classifier() {
    const std::size_t input = any_value();
    const Value in = at(input);
    Convolution operation{.name = "classifier", .inputs = {input}};
    operation.description.geometry = kernels::conv2d_geometry(
        {1, in.h, in.w, in.c}, {5, in.h, in.w, in.c}, {.padding = kernels::Padding::valid()});
    model_.output = add_value({.c = 5});
    operation.float_outputs = {model_.output};
    operation.description.float_outputs = {{}};
    model_.class_names = {"zero", "one", "two", "\"three\"", "f\xC3\xBCnf"};
    fill(operation, in.h * in.w * in.c);
    model_.operations.emplace_back(std::move(operation));
  }

  /// Outputs of an operation whose window has `terms` products, and all its numbers.
  void finish(Convolution operation, std::int64_t terms) {
    const kernels::Conv2dGeometry& g = operation.description.geometry;
    const Value result = {.h = g.out_h, .w = g.out_w, .c = g.c_out};
    for (std::size_t i = 0; i < model_.values.size() && !operation.residual; ++i) {
      const Value& value = at(i);
      if (value.kind == ValueKind::floats && value.h == result.h && value.w == result.w &&
          value.c == result.c && between(0, 1) == 1) {
        operation.residual = i;
      }
    }
    for (int count = between(0, 2); count > 0; --count) {
      operation.float_outputs.push_back(add_value(result));
      operation.description.float_outputs.push_back(float_output(g.c_out));
    }
    for (int count = between(operation.float_outputs.empty() ? 1 : 0, 2); count > 0; --count) {
      add_symbols(operation, result);
    }
    fill(operation, terms);
    model_.operations.emplace_back(std::move(operation));
  }

  kernels::BitconvFloatOutput float_output(std::int64_t channels) {
    kernels::BitconvFloatOutput output{.relu = between(0, 1) == 1};
    if (between(0, 1) == 1) {
      output.scale = normals(channels);
      output.shift = normals(channels);
    }
    return output;
  }

  void add_symbols(Convolution& operation, Value result) {
    kernels::BitconvSymbolOutput output{.planes = between(0, 3)};
    result.planes = output.planes;
    result.kind = output.planes == 0 ? ValueKind::bytes : ValueKind::planes;
    output.symbols = output.planes == 0 ? integers<std::uint8_t>(between(1, 6), 0, 127)
                                        : permutation(1 << output.planes);
    const std::int64_t count = std::ssize(output.symbols) - 1;
    deploy::FoldedThresholds folded;
    if (between(0, 1) == 1) {
      folded = {
          .levels = thresholds(count), .scale = normals(result.c), .shift = normals(result.c)};
      if (between(0, 2) == 0) folded.scale[0] = 0.0F;
      set_thresholds(folded, output);
    } else {
      set_plain_thresholds(output, count, result.c);
    }
    operation.symbol_outputs.push_back(add_value(result));
    operation.description.symbol_outputs.push_back(std::move(output));
    operation.folded_thresholds.push_back(std::move(folded));
  }

  std::vector<float> thresholds(std::int64_t count) {
    std::vector<float> own = normals(count);
    constexpr float infinity = std::numeric_limits<float>::infinity();
    if (!own.empty() && between(0, 7) == 0) own.front() = -infinity;
    if (!own.empty() && between(0, 7) == 0) own.back() = infinity;
    std::ranges::sort(own);
    return own;
  }

  void set_plain_thresholds(kernels::BitconvSymbolOutput& output, std::int64_t count,
                            std::int64_t channels) {
    output.thresholds.resize(count * channels);
    const bool rises = between(0, 1) == 1;
    for (std::int64_t o = 0; o < channels; ++o) {
      output.signs.push_back(rises || between(0, 1) == 1 ? 1.0F : -1.0F);
      const std::vector<float> own = thresholds(count);
      for (std::int64_t t = 0; t < count; ++t) output.thresholds[t * channels + o] = own[t];
    }
  }

  /// Segments and affine map; sums get a deviation of about 1.
  void fill(Convolution& operation, std::int64_t terms) {
    kernels::BitconvDescription& description = operation.description;
    description.has_residual = operation.residual.has_value();
    for (const std::size_t input : operation.inputs) {
      deploy::CodedWeights coded;
      description.segments.push_back(segment(description.geometry, at(input), coded));
      operation.coded_weights.push_back(std::move(coded));
    }
    const std::int64_t channels = description.geometry.c_out;
    const float deviation = 1.0F / std::sqrt(static_cast<float>(terms));
    description.scale = between(0, 3) == 0 && terms < 20 ? std::vector<float>(channels, 1.0F)
                                                         : normals(channels, deviation);
    description.shift = between(0, 1) == 0 ? std::vector<float>(channels, 0.0F) : normals(channels);
  }

  kernels::BitconvSegment segment(const kernels::Conv2dGeometry& g, const Value& input,
                                  deploy::CodedWeights& coded) {
    const std::int64_t weights = g.c_out * g.kernel_h * g.kernel_w * input.c;
    const int bits = between(1, 3);
    const auto codes = integers<std::uint8_t>(weights, 0, (1 << bits) - 1);
    const bool is_coded = between(0, 1) == 1;
    if (input.kind == ValueKind::planes) {
      return BitSegment{.channels = input.c,
                        .weight_bits = bits,
                        .input_bits = input.planes,
                        .weight_codes = codes,
                        .weight_basis = normals(g.c_out * bits),
                        .input_basis = normals(input.planes)};
    }
    if (input.kind == ValueKind::bytes) {
      GridSegment segment{.channels = input.c,
                          .weights = integers<std::int8_t>(weights, -128, 127),
                          .weight_scale = normals(g.c_out, 0.01F),
                          .input_scale = uniform(0.001F, 0.03F),
                          .zero_point = static_cast<std::uint8_t>(between(0, 127))};
      if (is_coded) {
        coded = {.bits = bits, .codes = codes, .basis = integers<float>(g.c_out * bits, -42, 42)};
        segment.weights = grid_weights(coded, g.c_out);
      }
      return segment;
    }
    if (is_coded) {
      return CodedFloatSegment{.channels = input.c,
                               .weight_bits = bits,
                               .weight_codes = codes,
                               .weight_basis = normals(g.c_out * bits)};
    }
    return FloatSegment{.channels = input.c, .weights = normals(weights)};
  }

  std::mt19937 random_;
  PackedModel model_;
};

}  // namespace lq::testing
