// Operations of packed models in double, straight from their definitions, one element at a time.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "deploy/packed_model.h"

namespace lq::testing {

/// What an output's element may be.
struct Interval {
  double low;
  double high;
};

/// Values of a model for a batch, N H W C: numbers, bytes or codes.
class Interpreter {
 public:
  /// `values` gives the elements of a value that an operation reads.
  Interpreter(const deploy::PackedModel& model, std::int64_t batch,
              std::function<std::vector<float>(std::size_t)> values)
      : model_(model), batch_(batch), values_(std::move(values)) {}

  /// Calls check(value, index, interval) for every element that the operation writes. Intervals
  /// allow for rounding only.
  template <typename Check>
  void check(const deploy::Operation& operation, Check&& check) const {
    std::visit([&](const auto& kind) { interpret(kind, check); }, operation);
  }

 private:
  struct Sum {
    double value = 0;
    double magnitude = 0;  ///< of the terms that may have been added on the way
  };
  struct Element {
    std::int64_t n, y, x, c, index;
  };

  const deploy::Value& at(std::size_t value) const { return model_.values[value]; }

  template <typename Visit>
  void for_each_element(const deploy::Value& value, Visit&& visit) const {
    std::int64_t index = 0;
    for (std::int64_t n = 0; n < batch_; ++n)
      for (std::int64_t y = 0; y < value.h; ++y)
        for (std::int64_t x = 0; x < value.w; ++x)
          for (std::int64_t c = 0; c < value.c; ++c, ++index) visit(Element{n, y, x, c, index});
  }

  static std::int64_t index_in(const deploy::Value& value, const Element& e, std::int64_t y,
                               std::int64_t x, std::int64_t c) {
    return ((e.n * value.h + y) * value.w + x) * value.c + c;
  }

  static Interval around(double value, double magnitude) {
    const double tolerance = 2e-6 * magnitude + 1e-30;
    return {value - tolerance, value + tolerance};
  }

  /// Visits the elements of the input that a pooling window holds.
  template <typename Pool, typename Visit>
  void for_each_in_window(const Pool& pool, const Element& e, Visit&& visit) const {
    const deploy::Value& in = at(pool.input);
    for (std::int64_t i = 0; i < pool.kernel; ++i) {
      for (std::int64_t j = 0; j < pool.kernel; ++j) {
        const std::int64_t y = e.y * pool.stride - pool.pad_top + i;
        const std::int64_t x = e.x * pool.stride - pool.pad_left + j;
        if (y >= 0 && y < in.h && x >= 0 && x < in.w) visit(index_in(in, e, y, x, e.c));
      }
    }
  }

  template <typename Check>
  void interpret(const deploy::MaxPool& pool, Check& check) const {
    const std::vector<float> in = values_(pool.input);
    const auto rank = [&](float value) {
      if (pool.order.empty()) return value;
      return static_cast<float>(std::ranges::find(pool.order, static_cast<int>(value)) -
                                pool.order.begin());
    };
    for_each_element(at(pool.output), [&](const Element& e) {
      float best = std::numeric_limits<float>::quiet_NaN();
      for_each_in_window(pool, e, [&](std::int64_t i) {
        if (std::isnan(best) || rank(in[i]) > rank(best)) best = in[i];
      });
      check(pool.output, e.index, Interval{best, best});
    });
  }

  template <typename Check>
  void interpret(const deploy::AveragePool& pool, Check& check) const {
    const std::vector<float> in = values_(pool.input);
    for_each_element(at(pool.output), [&](const Element& e) {
      Sum sum;
      int pixels = 0;
      for_each_in_window(pool, e, [&](std::int64_t i) {
        sum.value += static_cast<double>(in[i]);
        sum.magnitude += std::abs(static_cast<double>(in[i]));
        ++pixels;
      });
      check(pool.output, e.index, around(sum.value / pixels, sum.magnitude / pixels));
    });
  }

  template <typename Check>
  void interpret(const deploy::GlobalAveragePool& pool, Check& check) const {
    const std::vector<float> in = values_(pool.input);
    const deploy::Value& map = at(pool.input);
    for_each_element(at(pool.output), [&](const Element& e) {
      double sum = 0;
      for (std::int64_t y = 0; y < map.h; ++y)
        for (std::int64_t x = 0; x < map.w; ++x)
          sum += static_cast<double>(in[index_in(map, e, y, x, e.c)]);
      const double mean = sum / static_cast<double>(map.h * map.w);
      check(pool.output, e.index, around(mean, std::abs(mean)));
    });
  }

  template <typename Check>
  void interpret(const deploy::Dequantize& operation, Check& check) const {
    const std::vector<float> in = values_(operation.input);
    for_each_element(at(operation.output), [&](const Element& e) {
      const double level = operation.levels.at(static_cast<std::size_t>(in[e.index]));
      check(operation.output, e.index, Interval{level, level});
    });
  }

  template <typename Check>
  void interpret(const deploy::ChannelPad& pad, Check& check) const {
    const std::vector<float> in = values_(pad.input);
    const deploy::Value& map = at(pad.input);
    for_each_element(at(pad.output), [&](const Element& e) {
      const std::int64_t c = e.c - pad.before;
      const double value = c >= 0 && c < map.c ? in[index_in(map, e, e.y, e.x, c)] : 0.0;
      check(pad.output, e.index, Interval{value, value});
    });
  }

  template <typename Check>
  void interpret(const deploy::Concat& concat, Check& check) const {
    std::int64_t before = 0;
    for (const std::size_t input : concat.inputs) {
      const std::vector<float> in = values_(input);
      const deploy::Value& map = at(input);
      for_each_element(at(concat.output), [&](const Element& e) {
        const std::int64_t c = e.c - before;
        if (c < 0 || c >= map.c) return;
        const double value = in[index_in(map, e, e.y, e.x, c)];
        check(concat.output, e.index, Interval{value, value});
      });
      before += map.c;
    }
  }

  /// A weight or an input by what its segment says, and the magnitude of what it is a sum of.
  template <typename Coded>
  static Sum weight(const Coded& s, std::int64_t o, std::int64_t index) {
    Sum sum;
    for (int i = 0; i < s.weight_bits; ++i) {
      const double v = s.weight_basis[o * s.weight_bits + i];
      sum.value += ((s.weight_codes[index] >> i) & 1) != 0 ? v : -v;
      sum.magnitude += std::abs(v);
    }
    return sum;
  }
  static Sum weight(const kernels::GridSegment& s, std::int64_t o, std::int64_t index) {
    const double v = static_cast<double>(s.weight_scale[o]) * s.weights[index];
    return {v, std::abs(v)};
  }
  static Sum weight(const kernels::FloatSegment& s, std::int64_t, std::int64_t index) {
    const double v = s.weights[index];
    return {v, std::abs(v)};
  }
  static Sum input(const kernels::BitSegment& s, float code) {
    Sum sum;
    for (int j = 0; j < s.input_bits; ++j) {
      const double u = s.input_basis[j];
      if (((static_cast<int>(code) >> j) & 1) != 0) sum.value += u;
      sum.magnitude += std::abs(u);
    }
    return sum;
  }
  static Sum input(const kernels::GridSegment& s, float byte) {
    const double scale = s.input_scale;
    return {scale * (static_cast<double>(byte) - s.zero_point), scale * 128};
  }
  template <typename Floats>
  static Sum input(const Floats&, float value) {
    return {value, std::abs(static_cast<double>(value))};
  }

  template <typename Segment>
  static void add_window(const Segment& segment, const kernels::Conv2dGeometry& g,
                         const deploy::Value& map, const std::vector<float>& in, const Element& e,
                         Sum& sum) {
    for (std::int64_t r = 0; r < g.kernel_h; ++r) {
      for (std::int64_t s = 0; s < g.kernel_w; ++s) {
        const std::int64_t y = e.y * g.stride_h + r - g.pad_top;
        const std::int64_t x = e.x * g.stride_w + s - g.pad_left;
        const bool is_inside = y >= 0 && y < g.h && x >= 0 && x < g.w;
        for (std::int64_t c = 0; c < map.c; ++c) {
          const Sum w = weight(segment, e.c, ((e.c * g.kernel_h + r) * g.kernel_w + s) * map.c + c);
          // What is outside adds nothing, but its constant may have been added and taken away.
          const Sum a = input(segment, is_inside ? in[index_in(map, e, y, x, c)] : 0.0F);
          if (is_inside) sum.value += w.value * a.value;
          sum.magnitude += w.magnitude * a.magnitude;
        }
      }
    }
  }

  template <typename Check>
  void interpret(const deploy::Convolution& operation, Check& check) const {
    const kernels::BitconvDescription& d = operation.description;
    const kernels::Conv2dGeometry& g = d.geometry;
    std::vector<std::vector<float>> inputs;
    for (const std::size_t value : operation.inputs) inputs.push_back(values_(value));
    std::vector<float> residual;
    if (operation.residual) residual = values_(*operation.residual);
    for_each_element({.h = g.out_h, .w = g.out_w, .c = g.c_out}, [&](const Element& e) {
      Sum sum;
      for (std::size_t s = 0; s < inputs.size(); ++s) {
        std::visit(
            [&](const auto& segment) {
              add_window(segment, g, at(operation.inputs[s]), inputs[s], e, sum);
            },
            d.segments[s]);
      }
      const double scale = d.scale[e.c];
      const double shift = d.shift[e.c];
      sum = {sum.value * scale + shift, sum.magnitude * std::abs(scale) + std::abs(shift)};
      if (operation.residual) {
        sum.value += static_cast<double>(residual[e.index]);
        sum.magnitude += std::abs(static_cast<double>(residual[e.index]));
      }
      check_floats(operation, e, sum, check);
      check_symbols(operation, e, sum, check);
    });
  }

  template <typename Check>
  static void check_floats(const deploy::Convolution& operation, const Element& e, const Sum& sum,
                           Check& check) {
    for (std::size_t i = 0; i < operation.float_outputs.size(); ++i) {
      const kernels::BitconvFloatOutput& output = operation.description.float_outputs[i];
      Sum result = sum;
      if (!output.scale.empty()) {
        const double scale = output.scale[e.c];
        const double shift = output.shift[e.c];
        result = {sum.value * scale + shift, sum.magnitude * std::abs(scale) + std::abs(shift)};
      }
      Interval interval = around(result.value, result.magnitude);
      if (output.relu) interval = {std::max(interval.low, 0.0), std::max(interval.high, 0.0)};
      check(operation.float_outputs[i], e.index, interval);
    }
  }

  /// Where the sum lies within rounding of a threshold, either symbol is right; symbols of the
  /// positions between are tried one by one.
  template <typename Check>
  static void check_symbols(const deploy::Convolution& operation, const Element& e, const Sum& sum,
                            Check& check) {
    const Interval interval = around(sum.value, sum.magnitude);
    for (std::size_t i = 0; i < operation.symbol_outputs.size(); ++i) {
      const kernels::BitconvSymbolOutput& output = operation.description.symbol_outputs[i];
      const std::size_t channels = output.signs.size();
      const double sign = output.signs[e.c];
      std::size_t lowest = 0;
      std::size_t highest = 0;
      for (std::size_t t = 0; t + 1 < output.symbols.size(); ++t) {
        const double threshold = output.thresholds[t * channels + e.c];
        if (std::min(sign * interval.low, sign * interval.high) > threshold) ++lowest;
        if (std::max(sign * interval.low, sign * interval.high) > threshold) ++highest;
      }
      if (highest > lowest) continue;
      const double symbol = output.symbols[lowest];
      check(operation.symbol_outputs[i], e.index, Interval{symbol, symbol});
    }
  }

  const deploy::PackedModel& model_;
  std::int64_t batch_;
  std::function<std::vector<float>(std::size_t)> values_;
};

}  // namespace lq::testing
