// The weights of a layer, as codes or floats, and as segments of a packed convolution.
#pragma once

#include <cstdint>
#include <vector>

#include "convert/int8_grid.h"
#include "deploy/packed_model.h"

namespace lq::convert {

/// Extents of a layer's weights, O R S C.
struct WeightExtents {
  std::int64_t outputs = 0;
  std::int64_t window = 0;  ///< R * S
  std::int64_t channels = 0;

  std::int64_t elements() const { return outputs * window * channels; }
};

/// A range of input channels.
struct ChannelRange {
  std::int64_t first = 0;
  std::int64_t count = 0;
};

/// A segment, with the codes of its weights where the segment does not contain them.
struct CodedSegment {
  kernels::BitconvSegment segment;
  deploy::CodedWeights coded;
  bool is_exact = true;  ///< whether no level of the weights moved, but for float rounding
};

class LayerWeights {
 public:
  /// Of a "conv2d" or "linear" node. Throws Error when the weights depend on the network's input,
  /// or have not as many elements as the extents.
  LayerWeights(const Graph& graph, const Node& layer, const WeightExtents& extents);

  bool is_quantized() const { return bits_ != 0; }
  /// 0 for float weights.
  int bits() const { return bits_; }

  /// The weights of some channels, for an input of floats.
  CodedSegment float_segment(const ChannelRange& range) const;
  // The two below are for weights that are quantized.
  /// Quantized weights for an input of codes whose code 0 has the level 0.
  CodedSegment bit_segment(const ChannelRange& range, std::vector<float> input_basis) const;
  /// Quantized weights for an input of bytes; each output channel's basis is snapped to the grid.
  CodedSegment grid_segment(const ChannelRange& range, const GridLevels& input) const;

 private:
  /// Columns of a matrix with a row for each output and pixel of the window.
  template <typename T>
  std::vector<T> channels_of(const std::vector<T>& elements, const ChannelRange& range) const;

  WeightExtents extents_;
  int bits_ = 0;
  std::vector<float> values_;        // of float weights
  std::vector<std::uint8_t> codes_;  // of quantized weights
  std::vector<float> basis_;         // O x bits
};

}  // namespace lq::convert
