// Runs packed networks by the definitions in packed_model.h and bitconv.h: slowly and in double.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "deploy/packed_model.h"

namespace lq::testing {

/// One image at a time. All values stay readable afterwards.
class PackedInterpreter {
 public:
  using Numbers = std::vector<double>;

  explicit PackedInterpreter(const deploy::PackedModel& model)
      : model_(model), values_(model.values.size()), raw_(model.operations.size()) {}

  /// The scores of an image, H W C.
  const Numbers& run(std::span<const float> image) {
    values_[model_.input].assign(image.begin(), image.end());
    for (index_ = 0; index_ < model_.operations.size(); ++index_) {
      std::visit(*this, model_.operations[index_]);
    }
    return values_[model_.output];
  }

  /// Elements of a value, H W C: numbers, codes or bytes.
  const Numbers& value(std::size_t index) const { return values_[index]; }
  /// What the float and symbol outputs of a Convolution are made from.
  const Numbers& raw(std::size_t operation) const { return raw_[operation]; }

  /// The numbers that a segment's input stands for.
  static Numbers segment_numbers(const kernels::BitconvSegment& segment, const Numbers& elements) {
    return std::visit([&](const auto& kind) { return input_numbers(kind, elements); }, segment);
  }

  void operator()(const deploy::Convolution& operation) {
    const kernels::BitconvDescription& description = operation.description;
    const kernels::Conv2dGeometry& g = description.geometry;
    Numbers& raw = raw_[index_];
    raw.assign(g.out_h * g.out_w * g.c_out, 0.0);
    for (std::size_t s = 0; s < description.segments.size(); ++s) {
      const Numbers input = segment_numbers(description.segments[s], values_[operation.inputs[s]]);
      std::visit([&](const auto& kind) { add_products(g, kind, input, raw); },
                 description.segments[s]);
    }
    for (std::size_t i = 0; i < raw.size(); ++i) {
      const std::size_t o = i % g.c_out;
      raw[i] = raw[i] * description.scale[o] + description.shift[o];
      if (operation.residual) raw[i] += values_[*operation.residual][i];
    }
    for (std::size_t i = 0; i < operation.float_outputs.size(); ++i) {
      store_floats(description.float_outputs[i], raw, values_[operation.float_outputs[i]]);
    }
    for (std::size_t i = 0; i < operation.symbol_outputs.size(); ++i) {
      store_symbols(description.symbol_outputs[i], raw, values_[operation.symbol_outputs[i]]);
    }
  }

  void operator()(const deploy::MaxPool& pool) {
    // Codes compare by their place in the order, everything else by value.
    std::map<double, double> rank;
    for (std::size_t i = 0; i < pool.order.size(); ++i) {
      rank[pool.order[i]] = static_cast<double>(i);
    }
    const auto rank_of = [&](double v) { return rank.empty() ? v : rank.at(v); };
    pool_windows(pool, [&](const Numbers& window) {
      return *std::ranges::max_element(window, {}, rank_of);
    });
  }
  void operator()(const deploy::AveragePool& pool) {
    pool_windows(pool, [](const Numbers& window) {
      double sum = 0;
      for (const double v : window) sum += v;
      return sum / static_cast<double>(window.size());
    });
  }
  void operator()(const deploy::GlobalAveragePool& pool) {
    const Numbers& in = values_[pool.input];
    const std::int64_t channels = model_.values[pool.input].c;
    const std::int64_t pixels = std::ssize(in) / channels;
    Numbers& out = values_[pool.output];
    out.assign(channels, 0.0);
    for (std::size_t i = 0; i < in.size(); ++i) out[i % channels] += in[i];
    for (double& v : out) v /= static_cast<double>(pixels);
  }
  void operator()(const deploy::Dequantize& operation) {
    Numbers& out = values_[operation.output];
    out.clear();
    for (const double v : values_[operation.input]) {
      out.push_back(operation.levels.at(static_cast<std::size_t>(v)));
    }
  }
  void operator()(const deploy::ChannelPad& pad) {
    const std::int64_t from = model_.values[pad.input].c;
    const std::int64_t to = model_.values[pad.output].c;
    const Numbers& in = values_[pad.input];
    Numbers& out = values_[pad.output];
    out.assign(in.size() / from * to, 0.0);
    for (std::size_t i = 0; i < in.size(); ++i) out[i / from * to + pad.before + i % from] = in[i];
  }
  void operator()(const deploy::Concat& concat) {
    Numbers& out = values_[concat.output];
    out.clear();
    const deploy::Value& whole = model_.values[concat.output];
    for (std::int64_t pixel = 0; pixel < whole.h * whole.w; ++pixel) {
      for (const std::size_t input : concat.inputs) {
        const std::int64_t channels = model_.values[input].c;
        const auto first = values_[input].begin() + pixel * channels;
        out.insert(out.end(), first, first + channels);
      }
    }
  }

 private:
  static Numbers input_numbers(const kernels::BitSegment& segment, const Numbers& codes) {
    Numbers result;
    for (const double code : codes) {
      double sum = 0;
      for (int j = 0; j < segment.input_bits; ++j) {
        if (((static_cast<int>(code) >> j) & 1) != 0) sum += segment.input_basis[j];
      }
      result.push_back(sum);
    }
    return result;
  }
  static Numbers input_numbers(const kernels::GridSegment& segment, const Numbers& bytes) {
    Numbers result;
    for (const double byte : bytes) {
      result.push_back(segment.input_scale * (byte - segment.zero_point));
    }
    return result;
  }
  template <typename Floats>
  static Numbers input_numbers(const Floats&, const Numbers& floats) {
    return floats;
  }

  /// The weights of all channels of a segment from number `first` on, which are of output `o`.
  template <typename Coded>
  static Numbers weights_of(const Coded& segment, std::int64_t o, std::int64_t first) {
    Numbers levels;  // by code
    for (int code = 0; code < 1 << segment.weight_bits; ++code) {
      double sum = 0;
      for (int i = 0; i < segment.weight_bits; ++i) {
        const double element = segment.weight_basis[o * segment.weight_bits + i];
        sum += ((code >> i) & 1) != 0 ? element : -element;
      }
      levels.push_back(sum);
    }
    Numbers result(segment.channels);
    for (std::size_t c = 0; c < result.size(); ++c) {
      result[c] = levels.at(segment.weight_codes[first + c]);
    }
    return result;
  }
  static Numbers weights_of(const kernels::GridSegment& segment, std::int64_t o,
                            std::int64_t first) {
    const auto from = segment.weights.begin() + first;
    Numbers result(from, from + segment.channels);
    for (double& weight : result) weight *= segment.weight_scale[o];
    return result;
  }
  static Numbers weights_of(const kernels::FloatSegment& segment, std::int64_t,
                            std::int64_t first) {
    const auto from = segment.weights.begin() + first;
    return {from, from + segment.channels};
  }

  /// The weights at one of the places in the window, C O.
  template <typename Segment>
  static Numbers weights_at(const Segment& segment, std::int64_t tap, std::int64_t taps,
                            std::int64_t outputs) {
    Numbers result(segment.channels * outputs);
    for (std::int64_t o = 0; o < outputs; ++o) {
      const Numbers own = weights_of(segment, o, (o * taps + tap) * segment.channels);
      for (std::int64_t c = 0; c < segment.channels; ++c) result[c * outputs + o] = own[c];
    }
    return result;
  }

  template <typename Segment>
  static void add_products(const kernels::Conv2dGeometry& g, const Segment& segment,
                           const Numbers& input, Numbers& sums) {
    const std::int64_t channels = segment.channels;
    const std::int64_t taps = g.kernel_h * g.kernel_w;
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      Numbers weights;  // C O; none as long as this place in the window has seen padding alone
      for (std::int64_t pixel = 0; pixel < g.out_h * g.out_w; ++pixel) {
        const std::int64_t y = pixel / g.out_w * g.stride_h + tap / g.kernel_w - g.pad_top;
        const std::int64_t x = pixel % g.out_w * g.stride_w + tap % g.kernel_w - g.pad_left;
        if (y < 0 || y >= g.h || x < 0 || x >= g.w) continue;
        if (weights.empty()) weights = weights_at(segment, tap, taps, g.c_out);
        double* const to = sums.data() + pixel * g.c_out;
        for (std::int64_t c = 0; c < channels; ++c) {
          const double element = input[(y * g.w + x) * channels + c];
          for (std::int64_t o = 0; o < g.c_out; ++o) to[o] += element * weights[c * g.c_out + o];
        }
      }
    }
  }

  static void store_floats(const kernels::BitconvFloatOutput& output, const Numbers& raw,
                           Numbers& to) {
    to = raw;
    for (std::size_t i = 0; i < to.size(); ++i) {
      if (!output.scale.empty()) {
        const std::size_t o = i % output.scale.size();
        to[i] = to[i] * output.scale[o] + output.shift[o];
      }
      if (output.relu) to[i] = std::max(to[i], 0.0);
    }
  }

  static void store_symbols(const kernels::BitconvSymbolOutput& output, const Numbers& raw,
                            Numbers& to) {
    const std::size_t channels = output.signs.size();
    to.clear();
    for (std::size_t i = 0; i < raw.size(); ++i) {
      const std::size_t o = i % channels;
      std::size_t position = 0;
      for (std::size_t t = 0; t + 1 < output.symbols.size(); ++t) {
        position += output.signs[o] * raw[i] > output.thresholds[t * channels + o] ? 1 : 0;
      }
      to.push_back(output.symbols[position]);
    }
  }

  /// Hands the elements of every window that lie in the map to `reduce`.
  template <typename Pool, typename Reduce>
  void pool_windows(const Pool& pool, Reduce&& reduce) {
    const deploy::Value& in = model_.values[pool.input];
    const deploy::Value& out = model_.values[pool.output];
    values_[pool.output].clear();
    for (std::int64_t index = 0; index < out.h * out.w * out.c; ++index) {
      const std::int64_t top = index / out.c / out.w * pool.stride - pool.pad_top;
      const std::int64_t left = index / out.c % out.w * pool.stride - pool.pad_left;
      Numbers window;
      for (std::int64_t y = std::max<std::int64_t>(top, 0); y < std::min(top + pool.kernel, in.h);
           ++y) {
        for (std::int64_t x = std::max<std::int64_t>(left, 0);
             x < std::min(left + pool.kernel, in.w); ++x) {
          window.push_back(values_[pool.input][(y * in.w + x) * in.c + index % out.c]);
        }
      }
      values_[pool.output].push_back(reduce(window));
    }
  }

  const deploy::PackedModel& model_;
  std::vector<Numbers> values_;
  std::vector<Numbers> raw_;  // of each operation
  std::size_t index_ = 0;     // of the operation that runs
};

}  // namespace lq::testing
