// A packed network with the extents of the pre-activation ResNet-20 for CIFAR-10, and random
// numbers: what size and memory are measured on.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "deploy/folding.h"
#include "deploy/packed_model.h"

namespace lq::testing {

class ResNet20Model {
 public:
  ResNet20Model(int weight_bits, int input_bits)
      : weight_bits_(weight_bits), input_bits_(input_bits) {
    model_.name = "resnet20";
    model_.input = add_value({.h = 32, .w = 32, .c = 3});
    deploy::Convolution first = convolution("conv0", model_.input, 16, 3, 1);
    first.description.segments = {
        kernels::FloatSegment{.channels = 3, .weights = normals(16 * 9 * 3)}};
    rule_bytes_ += 4 * 16 * 9 * 3;
    std::size_t codes = add_codes(first, /*counts_quantizer=*/true);
    std::size_t sum = add_floats(first);
    model_.operations.emplace_back(std::move(first));
    for (int stage = 0; stage < 3; ++stage) {
      for (int block = 0; block < 3; ++block) {
        const std::string name = "stage" + std::to_string(stage) + "_block" + std::to_string(block);
        const bool is_last = stage == 2 && block == 2;
        add_block(name, 16 << stage, stage > 0 && block == 0 ? 2 : 1, is_last, codes, sum);
      }
    }
    add_classifier(sum);
  }

  const deploy::PackedModel& model() const { return model_; }
  /// The size by the rule of spec section 3.8.
  std::int64_t rule_bytes() const { return rule_bytes_; }

 private:
  std::vector<float> normals(std::int64_t count) {
    std::normal_distribution<float> normal;
    std::vector<float> values(count);
    for (float& value : values) value = normal(random_);
    return values;
  }

  std::size_t add_value(const deploy::Value& value) {
    model_.values.push_back(value);
    return model_.values.size() - 1;
  }

  deploy::Convolution convolution(const std::string& name, std::size_t input, std::int64_t channels,
                                  std::int64_t kernel, std::int64_t stride) {
    const deploy::Value& in = model_.values[input];
    deploy::Convolution result{.name = name, .inputs = {input}};
    result.description.geometry =
        kernels::conv2d_geometry({1, in.h, in.w, in.c}, {channels, kernel, kernel, in.c},
                                 {.stride_h = stride, .stride_w = stride});
    result.description.scale.assign(channels, 1.0F);
    result.description.shift.assign(channels, 0.0F);
    return result;
  }

  deploy::Convolution bit_convolution(const std::string& name, std::size_t input,
                                      std::int64_t channels, std::int64_t stride) {
    deploy::Convolution result = convolution(name, input, channels, 3, stride);
    const std::int64_t weights = channels * 9 * model_.values[input].c;
    kernels::BitSegment segment{.channels = model_.values[input].c,
                                .weight_bits = weight_bits_,
                                .input_bits = input_bits_,
                                .weight_basis = normals(channels * weight_bits_),
                                .input_basis = normals(input_bits_)};
    for (std::int64_t i = 0; i < weights; ++i) {
      segment.weight_codes.push_back(static_cast<std::uint8_t>(random_() % (1U << weight_bits_)));
    }
    result.description.segments.emplace_back(std::move(segment));
    rule_bytes_ += (weights * weight_bits_ + 7) / 8 + 4 * weight_bits_ * channels;
    return result;
  }

  static deploy::Value result_of(const deploy::Convolution& convolution) {
    const kernels::Conv2dGeometry& g = convolution.description.geometry;
    return {.h = g.out_h, .w = g.out_w, .c = g.c_out};
  }

  /// A batch norm, ReLU and quantizer.
  std::size_t add_codes(deploy::Convolution& convolution, bool counts_quantizer) {
    deploy::Value value = result_of(convolution);
    value.kind = deploy::ValueKind::planes;
    value.planes = input_bits_;
    kernels::BitconvSymbolOutput output{.planes = input_bits_};
    deploy::FoldedThresholds folded{.scale = normals(value.c), .shift = normals(value.c)};
    for (int code = 0; code < 1 << input_bits_; ++code) {
      output.symbols.push_back(static_cast<std::uint8_t>(code));
      if (code > 0) folded.levels.push_back(static_cast<float>(code) * 0.5F);
    }
    set_thresholds(folded, output);
    convolution.description.symbol_outputs.push_back(std::move(output));
    convolution.folded_thresholds.push_back(std::move(folded));
    convolution.symbol_outputs.push_back(add_value(value));
    rule_bytes_ += 4 * 4 * value.c + (counts_quantizer ? 4 * input_bits_ : 0);
    return convolution.symbol_outputs.back();
  }

  std::size_t add_floats(deploy::Convolution& convolution) {
    convolution.float_outputs.push_back(add_value(result_of(convolution)));
    convolution.description.float_outputs.push_back({});
    return convolution.float_outputs.back();
  }

  void add_block(const std::string& name, std::int64_t channels, std::int64_t stride, bool is_last,
                 std::size_t& codes, std::size_t& sum) {
    deploy::Convolution first = bit_convolution(name + ".conv1", codes, channels, stride);
    const std::size_t between = add_codes(first, true);
    model_.operations.emplace_back(std::move(first));
    deploy::Convolution second = bit_convolution(name + ".conv2", between, channels, 1);
    second.residual = stride == 1 ? sum : add_shortcut(name, sum, channels);
    second.description.has_residual = true;
    if (is_last) {
      second.description.float_outputs.push_back(
          {.scale = normals(channels), .shift = normals(channels), .relu = true});
      rule_bytes_ += 4 * 4 * channels;
      sum = add_value(result_of(second));
      second.float_outputs.push_back(sum);
    } else {
      codes = add_codes(second, true);
      sum = add_floats(second);
    }
    model_.operations.emplace_back(std::move(second));
  }

  /// Type A: every other pixel, and zero channels.
  std::size_t add_shortcut(const std::string& name, std::size_t sum, std::int64_t channels) {
    deploy::Value value = model_.values[sum];
    deploy::AveragePool pool{.name = name + ".average_pool", .input = sum};
    value.h /= 2;
    value.w /= 2;
    pool.output = add_value(value);
    deploy::ChannelPad pad{
        .name = name + ".channel_pad", .input = pool.output, .before = (channels - value.c) / 2};
    value.c = channels;
    pad.output = add_value(value);
    model_.operations.emplace_back(std::move(pool));
    model_.operations.emplace_back(pad);
    return pad.output;
  }

  void add_classifier(std::size_t map) {
    deploy::GlobalAveragePool pool{.name = "global_average_pool", .input = map};
    pool.output = add_value({.c = 64});
    const std::size_t features = pool.output;
    model_.operations.emplace_back(std::move(pool));
    deploy::Convolution layer = convolution("fc", features, 10, 1, 1);
    layer.description.segments = {
        kernels::FloatSegment{.channels = 64, .weights = normals(10 * 64)}};
    layer.description.shift = normals(10);
    rule_bytes_ += 4 * (10 * 64 + 10);
    model_.output = add_floats(layer);
    model_.operations.emplace_back(std::move(layer));
  }

  std::mt19937 random_{1};
  int weight_bits_;
  int input_bits_;
  deploy::PackedModel model_;
  std::int64_t rule_bytes_ = 0;
};

}  // namespace lq::testing
