// From a module to a network that is ready for inference.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "convert/graph.h"
#include "convert/quantizer_table.h"
#include "deploy/packed_model.h"
#include "layers/module.h"

namespace lq::convert {

/// Which layers with quantized weights and inputs multiply bytes instead of counting bits.
enum class Int8Grid : unsigned char {
  /// Those with more pairs of bit-planes than kernels::max_plane_pairs, where bytes are faster, and
  /// those whose input
  /// has no code for zero, which padding needs.
  automatic,
  never,  ///< none; inputs without a code for zero are computed as floats
  always  ///< all of up to 7 bits
};

struct PackOptions {
  std::string name = {};     ///< of the network: PackedModel::name
  std::string variant = {};  ///< the same: PackedModel::variant
  /// Bases of these layers are snapped to integers (see int8_grid.h): a level of K bits moves
  /// by up to about K / 250 of the largest one, unless it is on a grid already. Thresholds stay.
  Int8Grid int8_grid = Int8Grid::automatic;
};

/// Packs what the model computes in evaluation mode for inputs of H x W x C. The result has no
/// preprocessing and no class names. There is nothing in here about particular models: the traced
/// graph is rewritten and fused, whatever module it comes from.
///
/// - A convolution or fully connected layer takes its bias, an addition behind it and a batch
///   normalization between the two in.
/// - Batch normalization and ReLU become a part of the layer's float outputs, or thresholds on its
///   raw value where a quantizer follows. Without a layer before them they are a Convolution
///   without segments.
/// - Concatenated inputs become segments, each with the basis of its own quantizer; more of them
///   than a kernel has become several convolutions, each of which adds to the sums of the one
///   before.
/// - Maximum pooling runs on codes where possible (see pool_order.h).
///
/// Throws Error, naming operation and module, for what cannot be expressed: an unknown operation,
/// a sum of which neither operand is the result of a layer that goes nowhere else, grouped
/// convolution, levels that are no sums of a basis, more results than a kernel has.
deploy::PackedModel pack(Module& model, const Shape& input, const PackOptions& options = {});

/// The same for a graph of one image.
deploy::PackedModel pack(Graph graph, const PackOptions& options = {});

/// Where the codes that a quantizer of activations gives are found in a packed model.
struct QuantizerPlace {
  QuantizerTable table;   ///< with the path of the quantizer's module as `scope`
  std::size_t value = 0;  ///< index into PackedModel::values, of ValueKind::planes or bytes
  std::vector<std::uint8_t> symbols;  ///< by code: what stands for it there
};

struct PackWithPlaces {
  deploy::PackedModel model;
  std::vector<QuantizerPlace> quantizers;  ///< in the order in which they run
  /// Whether all levels are those of the trained network, but for float rounding: the int8 grid
  /// moved none.
  bool levels_are_exact = true;
};

/// What pack() returns, together with a way to compare it with the model step by step: each of
/// the values named here has an element for every element of its quantizer's result, in the same
/// order, also where a pool has moved behind the quantizer.
PackWithPlaces pack_with_places(Module& model, const Shape& input, const PackOptions& options = {});

/// The same for a graph of one image.
PackWithPlaces pack_with_places(Graph graph, const PackOptions& options = {});

}  // namespace lq::convert
