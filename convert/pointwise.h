// What happens to single values between layers: batch normalization and ReLU.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "convert/graph.h"
#include "convert/quantizer_table.h"
#include "deploy/packed_model.h"

namespace lq::convert {

/// x * scale + shift, channel by channel.
struct ChannelAffine {
  std::vector<double> scale;
  std::vector<double> shift;

  std::int64_t channels() const { return static_cast<std::int64_t>(scale.size()); }
};

/// What a "batch_norm" node does with its running statistics to values of `channels` channels. The
/// form with one mean and variance for all channels is repeated. Throws Error when the node has
/// another number of channels.
ChannelAffine batch_norm_affine(const Graph& graph, const Node& batch_norm, std::int64_t channels);

/// Affine maps and ReLUs, one after the other.
class PointwiseChain {
 public:
  explicit PointwiseChain(std::int64_t channels) : channels_(channels) {}

  void append(const ChannelAffine& affine);
  void append_relu();

  /// Whether it is one affine map at most, then one ReLU at most.
  bool is_simple() const { return stages_.size() <= 1; }

  /// A simple chain as a float output.
  kernels::BitconvFloatOutput float_output() const;

  /// The position among `thresholds` of what a simple chain makes of a value, in the short form:
  /// max(y, 0) > t is y > t for t >= 0, and always true for t < 0.
  deploy::FoldedThresholds folded_thresholds(std::span<const float> thresholds) const;

  /// The same of any chain, as comparisons of the value itself: besides the rule for the ReLU,
  /// a x + b > t is x > (t - b) / a for a > 0, x < (t - b) / a for a < 0, and true or false once
  /// and for all (an infinite threshold) for a = 0. Thresholds are computed in double and rounded
  /// down, which for a float x decides as the exact number does. Sets thresholds and signs.
  kernels::BitconvSymbolOutput symbol_output(std::span<const float> thresholds) const;

 private:
  /// An affine map, then a ReLU if asked for.
  struct Stage {
    ChannelAffine affine;
    bool relu = false;
  };

  std::int64_t channels_;
  std::vector<Stage> stages_;
};

}  // namespace lq::convert
