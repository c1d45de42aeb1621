// Everything that a packed model says, as text: for comparison in tests.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <bit>
#include <string>
#include <vector>

#include "deploy/packed_model.h"

namespace lq::testing {

class ModelText {
 public:
  explicit ModelText(const deploy::PackedModel& model) {
    add("model {} {:?} {} {} {} {}", model.name, model.variant, model.input, model.output,
        model.class_names, bits(model.preprocessing.scale));
    add("mean {} {}", bits(model.preprocessing.mean), model.preprocessing.pads_small_images);
    add("fit {} {} {}", model.preprocessing.shorter_side,
        static_cast<int>(model.preprocessing.resampling), model.preprocessing.bgr);
    for (const deploy::Value& value : model.values) {
      add("value {} {} {} {} {}", static_cast<int>(value.kind), value.h, value.w, value.c,
          value.planes);
    }
    for (const deploy::Operation& operation : model.operations) std::visit(*this, operation);
  }

  const std::string& text() const { return text_; }

  void operator()(const deploy::Convolution& operation) {
    const kernels::BitconvDescription& d = operation.description;
    add("convolution {} {} to {} {}", operation.name, operation.inputs, operation.float_outputs,
        operation.symbol_outputs);
    add("residual {} {}", operation.residual ? static_cast<int>(*operation.residual) : -1,
        d.has_residual);
    add("{} to {}", d.geometry.to_string(), d.geometry.y_shape());
    for (const auto& segment : d.segments) {
      std::visit([this](const auto& kind) { add_segment(kind); }, segment);
    }
    add("scale {} shift {}", bits(d.scale), bits(d.shift));
    for (const auto& output : d.float_outputs) {
      add("floats {} {} {}", bits(output.scale), bits(output.shift), output.relu);
    }
    for (const auto& output : d.symbol_outputs) {
      add("symbols {} {} {} {}", bits(output.thresholds), bits(output.signs), output.symbols,
          output.planes);
    }
    for (const auto& coded : operation.coded_weights) {
      if (coded.bits != 0) add("coded {} {} {}", coded.bits, coded.codes, bits(coded.basis));
    }
    for (const auto& folded : operation.folded_thresholds) {
      if (folded.scale.empty()) continue;
      add("folded {} {} {}", bits(folded.levels), bits(folded.scale), bits(folded.shift));
    }
  }
  void operator()(const deploy::MaxPool& pool) {
    add("max {} {} {} {} {} {} {} {}", pool.name, pool.input, pool.output, pool.kernel, pool.stride,
        pool.pad_top, pool.pad_left, pool.order);
  }
  void operator()(const deploy::AveragePool& pool) {
    add("average {} {} {} {} {} {} {}", pool.name, pool.input, pool.output, pool.kernel,
        pool.stride, pool.pad_top, pool.pad_left);
  }
  void operator()(const deploy::GlobalAveragePool& pool) {
    add("global {} {} {}", pool.name, pool.input, pool.output);
  }
  void operator()(const deploy::Dequantize& operation) {
    add("dequantize {} {} {} {}", operation.name, operation.input, operation.output,
        bits(operation.levels));
  }
  void operator()(const deploy::ChannelPad& pad) {
    add("pad {} {} {} {}", pad.name, pad.input, pad.output, pad.before);
  }
  void operator()(const deploy::Concat& concat) {
    add("concat {} {} {}", concat.name, concat.inputs, concat.output);
  }

 private:
  static std::vector<std::uint32_t> bits(std::span<const float> values) {
    std::vector<std::uint32_t> result;
    for (const float value : values) result.push_back(std::bit_cast<std::uint32_t>(value));
    return result;
  }

  void add_segment(const kernels::BitSegment& s) {
    add("bits {} {} {} {} {} {}", s.channels, s.weight_bits, s.input_bits, s.weight_codes,
        bits(s.weight_basis), bits(s.input_basis));
  }
  void add_segment(const kernels::GridSegment& s) {
    add("grid {} {} {} {} {}", s.channels, s.weights, bits(s.weight_scale),
        bits({&s.input_scale, 1}), s.zero_point);
  }
  void add_segment(const kernels::FloatSegment& s) {
    add("float {} {}", s.channels, bits(s.weights));
  }
  void add_segment(const kernels::CodedFloatSegment& s) {
    add("coded float {} {} {} {}", s.channels, s.weight_bits, s.weight_codes, bits(s.weight_basis));
  }

  template <typename... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    text_ += fmt::format(format, std::forward<Args>(args)...) + '\n';
  }

  std::string text_;
};

inline std::string text_of(const deploy::PackedModel& model) { return ModelText(model).text(); }

}  // namespace lq::testing
