#include "convert/layer_weights.h"

#include "convert/layer_nodes.h"
#include "deploy/folding.h"

namespace lq::convert {

namespace {

std::vector<float> constant_of(const Graph& graph, std::size_t value, const Node& layer) {
  const Tensor& constant = graph.values[value].constant;
  check(constant.defined(), "pack: weights of {} at '{}' depend on the network's input",
        layer.operation, layer.scope);
  return host_elements<float>(constant);
}

/// One basis for each of `outputs` channels, from a table of that many rows or of one.
std::vector<float> basis_of(const QuantizerTable& table, std::int64_t outputs) {
  const std::vector<float> basis = signed_basis(table);
  check(table.rows == 1 || table.rows == outputs,
        "pack: quantizer '{}' has {} tables for {} output channels", table.scope, table.rows,
        outputs);
  if (table.rows == outputs) return basis;
  std::vector<float> repeated;
  for (std::int64_t o = 0; o < outputs; ++o) {
    repeated.insert(repeated.end(), basis.begin(), basis.end());
  }
  return repeated;
}

}  // namespace

LayerWeights::LayerWeights(const Graph& graph, const Node& layer, const WeightExtents& extents)
    : extents_(extents) {
  if (const Node* quantizer = weight_quantizer(graph, layer)) {
    const QuantizerTable table = quantizer_table(*quantizer);
    bits_ = table.bits;
    codes_ = assign_codes(table, constant_of(graph, quantizer->inputs[0], layer));
    basis_ = basis_of(table, extents.outputs);
  } else {
    values_ = constant_of(graph, layer.inputs[1], layer);
  }
  check(std::cmp_equal(codes_.size() + values_.size(), extents.elements()),
        "pack: {} at '{}' has {} weights, its input wants {}", layer.operation, layer.scope,
        codes_.size() + values_.size(), extents.elements());
}

template <typename T>
std::vector<T> LayerWeights::channels_of(const std::vector<T>& elements,
                                         const ChannelRange& range) const {
  std::vector<T> result;
  result.reserve(extents_.outputs * extents_.window * range.count);
  for (std::int64_t row = 0; row < extents_.outputs * extents_.window; ++row) {
    const auto first = elements.begin() + row * extents_.channels + range.first;
    result.insert(result.end(), first, first + range.count);
  }
  return result;
}

CodedSegment LayerWeights::float_segment(const ChannelRange& range) const {
  if (!is_quantized()) {
    return {.segment = kernels::FloatSegment{.channels = range.count,
                                             .weights = channels_of(values_, range)},
            .coded = {}};
  }
  return {.segment = kernels::CodedFloatSegment{.channels = range.count,
                                                .weight_bits = bits_,
                                                .weight_codes = channels_of(codes_, range),
                                                .weight_basis = basis_},
          .coded = {}};
}

CodedSegment LayerWeights::bit_segment(const ChannelRange& range,
                                       std::vector<float> input_basis) const {
  return {.segment = kernels::BitSegment{.channels = range.count,
                                         .weight_bits = bits_,
                                         .input_bits = static_cast<int>(input_basis.size()),
                                         .weight_codes = channels_of(codes_, range),
                                         .weight_basis = basis_,
                                         .input_basis = std::move(input_basis)},
          .coded = {}};
}

CodedSegment LayerWeights::grid_segment(const ChannelRange& range, const GridLevels& input) const {
  kernels::GridSegment segment{.channels = range.count,
                               .input_scale = static_cast<float>(input.scale),
                               .zero_point = input.zero_point};
  deploy::CodedWeights coded{.bits = bits_, .codes = channels_of(codes_, range)};
  bool is_exact = true;
  for (std::int64_t o = 0; o < extents_.outputs; ++o) {
    const kernels::GridBasis grid =
        kernels::snap_to_grid(std::span(basis_).subspan(o * bits_, bits_));
    segment.weight_scale.push_back(static_cast<float>(grid.scale));
    coded.basis.insert(coded.basis.end(), grid.multiples.begin(), grid.multiples.end());
    is_exact = is_exact && grid.is_exact;
  }
  segment.weights = deploy::grid_weights(coded, extents_.outputs);
  return {.segment = std::move(segment), .coded = std::move(coded), .is_exact = is_exact};
}

}  // namespace lq::convert
