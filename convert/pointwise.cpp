#include "convert/pointwise.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lq::convert {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// sign * x > threshold.
struct Comparison {
  double sign = 1.0;
  double threshold = 0.0;
};

/// The comparison of x that is the same as `comparison` of max(x, 0).
Comparison before_relu(const Comparison& comparison) {
  if (comparison.sign > 0) {
    return {1.0, comparison.threshold < 0 ? -infinity : comparison.threshold};
  }
  return {-1.0, comparison.threshold >= 0 ? infinity : comparison.threshold};
}

/// The comparison of x that is the same as `comparison` of scale * x + shift.
Comparison before_affine(const Comparison& comparison, double scale, double shift) {
  const double slope = comparison.sign * scale;
  const double rest = comparison.threshold - comparison.sign * shift;
  if (slope == 0) return {1.0, rest < 0 ? -infinity : infinity};
  return {slope > 0 ? 1.0 : -1.0, rest / std::abs(slope)};
}

float round_down(double value) {
  constexpr float largest = std::numeric_limits<float>::max();
  constexpr float float_infinity = std::numeric_limits<float>::infinity();
  if (value < -largest) return -float_infinity;
  if (value >= largest) return value == infinity ? float_infinity : largest;
  const auto rounded = static_cast<float>(value);
  return static_cast<double>(rounded) > value ? std::nextafter(rounded, -float_infinity) : rounded;
}

/// The channel's element of a tensor that has one element per channel, or one for all.
double element(const std::vector<float>& values, std::int64_t channel) {
  return values[values.size() == 1 ? 0 : channel];
}

std::vector<float> statistics(const Node& node, std::string_view name, std::int64_t channels) {
  std::vector<float> values = host_elements<float>(node.constant(name));
  check(values.size() == 1 || std::ssize(values) == channels,
        "pack: {} at '{}' has {} channels, but its input comes from {}", node.operation, node.scope,
        values.size(), channels);
  return values;
}

}  // namespace

ChannelAffine batch_norm_affine(const Graph& graph, const Node& batch_norm, std::int64_t channels) {
  const std::vector<float> mean = statistics(batch_norm, "running_mean", channels);
  const std::vector<float> variance = statistics(batch_norm, "running_variance", channels);
  const auto epsilon = batch_norm.required<double>("epsilon");
  std::vector<float> gamma = {1.0F};
  std::vector<float> beta = {0.0F};
  if (batch_norm.inputs.size() == 3) {
    gamma = host_elements<float>(graph.values[batch_norm.inputs[1]].constant);
    beta = host_elements<float>(graph.values[batch_norm.inputs[2]].constant);
  }
  ChannelAffine affine;
  for (std::int64_t c = 0; c < channels; ++c) {
    const double scale = element(gamma, c) / std::sqrt(element(variance, c) + epsilon);
    affine.scale.push_back(scale);
    affine.shift.push_back(element(beta, c) - element(mean, c) * scale);
  }
  return affine;
}

void PointwiseChain::append(const ChannelAffine& affine) {
  if (stages_.empty() || stages_.back().relu) {
    stages_.push_back({.affine = affine});
    return;
  }
  ChannelAffine& last = stages_.back().affine;
  for (std::int64_t c = 0; c < channels_; ++c) {
    last.scale[c] *= affine.scale[c];
    last.shift[c] = last.shift[c] * affine.scale[c] + affine.shift[c];
  }
}

void PointwiseChain::append_relu() {
  if (stages_.empty()) {
    stages_.push_back({.affine = {.scale = std::vector<double>(channels_, 1.0),
                                  .shift = std::vector<double>(channels_, 0.0)}});
  }
  stages_.back().relu = true;
}

kernels::BitconvFloatOutput PointwiseChain::float_output() const {
  check(is_simple(), "pack: {} affine maps with ReLU for one output", stages_.size());
  kernels::BitconvFloatOutput output;
  if (stages_.empty()) return output;
  const Stage& stage = stages_.front();
  output.relu = stage.relu;
  const auto is = [](double wanted) { return [wanted](double value) { return value == wanted; }; };
  if (std::ranges::all_of(stage.affine.scale, is(1.0)) &&
      std::ranges::all_of(stage.affine.shift, is(0.0))) {
    return output;
  }
  output.scale.assign(stage.affine.scale.begin(), stage.affine.scale.end());
  output.shift.assign(stage.affine.shift.begin(), stage.affine.shift.end());
  return output;
}

deploy::FoldedThresholds PointwiseChain::folded_thresholds(
    std::span<const float> thresholds) const {
  check(is_simple(), "pack: {} affine maps with ReLU for one output", stages_.size());
  deploy::FoldedThresholds folded{.levels = {thresholds.begin(), thresholds.end()},
                                  .scale = std::vector<float>(channels_, 1.0F),
                                  .shift = std::vector<float>(channels_, 0.0F)};
  if (stages_.empty()) return folded;
  const Stage& stage = stages_.front();
  folded.scale.assign(stage.affine.scale.begin(), stage.affine.scale.end());
  folded.shift.assign(stage.affine.shift.begin(), stage.affine.shift.end());
  if (stage.relu) {
    for (float& level : folded.levels)
      level = level < 0 ? -std::numeric_limits<float>::infinity() : level;
  }
  return folded;
}

kernels::BitconvSymbolOutput PointwiseChain::symbol_output(
    std::span<const float> thresholds) const {
  kernels::BitconvSymbolOutput output;
  output.thresholds.resize(thresholds.size() * channels_);
  output.signs.resize(channels_, 1.0F);
  for (std::size_t t = 0; t < thresholds.size(); ++t) {
    for (std::int64_t c = 0; c < channels_; ++c) {
      Comparison comparison{.threshold = thresholds[t]};
      for (auto stage = stages_.rbegin(); stage != stages_.rend(); ++stage) {
        if (stage->relu) comparison = before_relu(comparison);
        comparison = before_affine(comparison, stage->affine.scale[c], stage->affine.shift[c]);
      }
      output.thresholds[t * channels_ + c] = round_down(comparison.threshold);
      output.signs[c] = static_cast<float>(comparison.sign);
    }
  }
  return output;
}

}  // namespace lq::convert
