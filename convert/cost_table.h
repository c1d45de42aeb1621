// What each layer of a network costs in multiplications and bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "convert/graph.h"
#include "layers/module.h"

namespace lq::convert {

/// One convolution or fully connected layer, for one image.
struct LayerCost {
  std::string path;                  ///< of the module: "stage1_block0.conv1"
  std::string operation;             ///< "conv2d" or "linear"
  std::vector<std::int64_t> kernel;  ///< height and width; empty for linear
  std::vector<std::int64_t> stride;  ///< the same
  Shape input;                       ///< H W C, or features
  Shape output;
  std::int64_t weights = 0;  ///< 0 where an earlier row has the same tensor
  std::int64_t biases = 0;   ///< the same
  std::int64_t macs = 0;     ///< multiply-accumulate operations
  /// Of these: with quantized weights, on quantized channels of the input.
  std::int64_t bit_macs = 0;
  int w_bits = 32;
  /// Of the input; the widest where it is concatenated of several things, 32 if one is float.
  int a_bits = 32;
  std::int64_t fp32_bytes = 0;
  std::int64_t packed_bytes = 0;
};

/// Sums over the layers and, in `parameters` and the bytes, batch normalizations.
struct CostTotals {
  std::int64_t weights = 0;     ///< of convolutions and fully connected layers
  std::int64_t parameters = 0;  ///< everything that is trained by gradient
  std::int64_t macs = 0;
  double quantized_weight_percent = 0.0;  ///< of the weights
  double quantized_mac_percent = 0.0;     ///< of the MACs: those with quantized weights
  double bit_mac_percent = 0.0;           ///< the layers' bit_macs
  std::int64_t batch_norm_bytes = 0;      ///< contained in both sums below
  std::int64_t fp32_bytes = 0;
  std::int64_t packed_bytes = 0;
  double compression = 1.0;  ///< fp32_bytes / packed_bytes
};

struct CostTable {
  std::vector<LayerCost> layers;  ///< in the order in which they run
  CostTotals totals;
};

/// Costs by the rules of spec section 3.8:
/// - quantized weights take w_bits each (a layer's are rounded up to whole bytes), and one float
///   per bit and output channel for their bases;
/// - the quantizer of a layer's input takes one float per bit; it counts once, at the first layer
///   that it feeds, looking back through max-pooling, concatenation and reshaping;
/// - float weights and biases take 4 bytes each;
/// - batch normalization takes 4 floats per channel (2 in its form without gamma and beta).
CostTable cost_table(const Graph& graph);

/// The same for a model that is traced on one zero image of `input` (H W C).
CostTable cost_table(Module& model, const Shape& input);

}  // namespace lq::convert
