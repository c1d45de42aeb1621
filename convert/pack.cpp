#include "convert/pack.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <unordered_map>
#include <utility>

#include "convert/fused_layer.h"
#include "convert/fusion.h"
#include "convert/layer_nodes.h"
#include "convert/layer_weights.h"
#include "convert/maps.h"
#include "convert/pointwise.h"
#include "convert/pool_order.h"
#include "convert/trace.h"
#include "deploy/folding.h"
#include "deploy/layer_parts.h"

namespace lq::convert {

namespace {

using deploy::Convolution;
using deploy::ValueKind;

/// Products of bytes in a window that fit 32 bits.
constexpr std::int64_t max_grid_window =
    (std::int64_t{1} << 31) / (kernels::grid_limit * kernels::grid_limit) - 1;

std::string name_of(const Node& node) {
  if (is_layer(node)) return node.scope;
  return node.scope.empty() ? node.operation : node.scope + "." + node.operation;
}

/// Pointwise operations between a layer, or another value, and a value that comes from it.
struct Pointwise {
  std::size_t root = 0;
  std::vector<const Node*> nodes;  ///< in the order in which they run
};

/// An activation quantizer, and what packing makes of it.
struct Activation {
  QuantizerTable table;
  UnsignedBasis basis;

  explicit Activation(const Node& quantizer)
      : table(quantizer_table(quantizer)), basis(unsigned_basis(table)) {}

  bool has_zero_code() const { return basis.offset == 0; }

  /// By code: what stands for it in a value of this kind.
  std::vector<std::uint8_t> symbols(ValueKind kind) const {
    if (kind == ValueKind::bytes) return grid_levels(basis).bytes;
    std::vector<std::uint8_t> codes(table.size());
    std::iota(codes.begin(), codes.end(), std::uint8_t{0});
    return codes;
  }
};

/// Emits operations for what the output needs, from the output back. Every value of the graph is
/// made at most once in each form in which something wants it.
class Packer {
 public:
  Packer(Graph graph, const PackOptions& options) : graph_(std::move(graph)), options_(options) {
    model_.name = options.name;
    model_.variant = options.variant;
    for (FusedLayer& layer : fuse_layers(graph_)) layers_.emplace(layer.result, layer);
  }

  deploy::PackedModel pack() {
    model_.input = floats_[graph_.input] =
        add_value(ValueKind::floats, extents_of(graph_, graph_.input));
    model_.output = floats(graph_.output);
    return std::move(model_);
  }

  /// Where `value`, the result of `quantizer`, is in the packed model, if it was made.
  std::optional<QuantizerPlace> place_of(std::size_t value, const Activation& quantizer) const {
    for (const ValueKind kind : {ValueKind::planes, ValueKind::bytes}) {
      const auto found = symbols_.find({value, kind});
      if (found == symbols_.end()) continue;
      return QuantizerPlace{
          .table = quantizer.table, .value = found->second, .symbols = quantizer.symbols(kind)};
    }
    return std::nullopt;
  }

  bool levels_are_exact() const { return levels_are_exact_; }

 private:
  // Values.

  std::size_t add_value(ValueKind kind, const Extents& extents, int planes = 0) {
    model_.values.push_back(
        {.kind = kind, .h = extents.h, .w = extents.w, .c = extents.c, .planes = planes});
    return model_.values.size() - 1;
  }

  const Activation& activation(const Node& quantizer) {
    return activations_.try_emplace(quantizer.output, quantizer).first->second;
  }

  // Floats.

  /// Index in the packed model of `value` as floats.
  std::size_t floats(std::size_t value) {
    if (const auto found = floats_.find(value); found != floats_.end()) return found->second;
    const Pointwise pointwise = pointwise_before(value, /*simple=*/true);
    std::size_t result = 0;
    if (layers_.contains(pointwise.root) || !pointwise.nodes.empty()) {
      result = add_float_output(pointwise);
    } else if (pointwise.root != value) {
      result = floats(pointwise.root);
    } else {
      result = make_floats(value);
    }
    floats_.emplace(value, result);
    return result;
  }

  /// The pointwise operations that `value` comes from. With `simple`, as many of them as one float
  /// output can do.
  Pointwise pointwise_before(std::size_t value, bool simple) const {
    Pointwise result{.root = without_reshape(graph_, value), .nodes = {}};
    while (!layers_.contains(result.root)) {
      const Node* node = graph_.producer(result.root);
      if (node == nullptr || (node->operation != "relu" && node->operation != "batch_norm")) break;
      if (simple && node->operation == "relu" && !result.nodes.empty()) break;
      result.nodes.insert(result.nodes.begin(), node);
      result.root = without_reshape(graph_, node->inputs[0]);
    }
    return result;
  }

  PointwiseChain chain_of(const Pointwise& pointwise) const {
    const std::int64_t channels = extents_of(graph_, pointwise.root).c;
    PointwiseChain chain(channels);
    for (const Node* node : pointwise.nodes) {
      if (node->operation == "relu") {
        chain.append_relu();
      } else {
        chain.append(batch_norm_affine(graph_, *node, channels));
      }
    }
    return chain;
  }

  std::size_t add_float_output(const Pointwise& pointwise) {
    const PointwiseChain chain = chain_of(pointwise);
    Convolution& convolution = convolution_of(pointwise);
    const std::size_t value = add_value(ValueKind::floats, extents_of(graph_, pointwise.root));
    check_room(convolution, convolution.float_outputs);
    convolution.description.float_outputs.push_back(chain.float_output());
    convolution.float_outputs.push_back(value);
    return value;
  }

  /// Floats that no convolution computes.
  std::size_t make_floats(std::size_t value) {
    const Node* node = graph_.producer(value);
    check(node != nullptr, "pack: a constant is used as a map");
    if (level_source(graph_, value) != nullptr) return dequantize(value, *node);
    if (node->operation == "max_pool") return max_pool(*node, ValueKind::floats);
    if (node->operation == "average_pool") return average_pool(*node);
    if (node->operation == "global_average_pool") {
      return emit(
          deploy::GlobalAveragePool{.name = name_of(*node), .input = floats(node->inputs[0])},
          *node);
    }
    if (node->operation == "channel_pad") {
      return emit(deploy::ChannelPad{.name = name_of(*node),
                                     .input = floats(node->inputs[0]),
                                     .before = node->required<std::int64_t>("before")},
                  *node);
    }
    if (node->operation == "concat") return concat(*node);
    check(node->operation != "add",
          "pack: add at '{}': neither operand is the result of a layer that is used only here",
          node->scope);
    fail("pack: {} at '{}' is not supported", node->operation, node->scope);
  }

  /// Appends an operation with one output, which has the extents of the node's.
  template <typename Operation>
  std::size_t emit(Operation operation, const Node& node, ValueKind kind = ValueKind::floats,
                   int planes = 0) {
    operation.output = add_value(kind, extents_of(graph_, node.output), planes);
    model_.operations.emplace_back(std::move(operation));
    return operation.output;
  }

  std::size_t dequantize(std::size_t value, const Node& node) {
    const QuantizerTable table = quantizer_table(*level_source(graph_, value));
    deploy::Dequantize operation{.name = name_of(node) + ".dequantize",
                                 .input = symbols(value, ValueKind::planes)};
    for (int code = 0; code < table.size(); ++code) {
      operation.levels.push_back(table.level(0, code));
    }
    return emit(std::move(operation), node);
  }

  template <typename Pool>
  static Pool windows_of(const Node& node) {
    const auto& padding = node.required<std::vector<std::int64_t>>("padding");
    return {.name = name_of(node),
            .kernel = node.required<std::int64_t>("kernel"),
            .stride = node.required<std::int64_t>("stride"),
            .pad_top = padding.at(0),
            .pad_left = padding.at(2)};
  }

  std::size_t average_pool(const Node& node) {
    auto pool = windows_of<deploy::AveragePool>(node);
    pool.input = floats(node.inputs[0]);
    return emit(std::move(pool), node);
  }

  std::size_t max_pool(const Node& node, ValueKind kind) {
    auto pool = windows_of<deploy::MaxPool>(node);
    if (kind == ValueKind::floats) {
      pool.input = floats(node.inputs[0]);
      return emit(std::move(pool), node);
    }
    pool.input = symbols(node.inputs[0], kind);
    if (kind == ValueKind::planes) {
      pool.order = quantizer_table(*level_source(graph_, node.output)).codes;
    }
    const int planes = model_.values[pool.input].planes;
    return emit(std::move(pool), node, kind, planes);
  }

  std::size_t concat(const Node& node) {
    deploy::Concat concat{.name = name_of(node), .inputs = {}};
    for (const std::size_t input : node.inputs) {
      concat.inputs.push_back(floats(input));
      const deploy::Value& part = model_.values[concat.inputs.back()];
      const Extents whole = extents_of(graph_, node.output);
      check(part.h == whole.h && part.w == whole.w,
            "pack: concat at '{}' of flattened maps is not supported", node.scope);
    }
    return emit(std::move(concat), node);
  }

  // Codes.

  /// Index in the packed model of `value` as codes or bytes; it has a level_source().
  std::size_t symbols(std::size_t value, ValueKind kind) {
    const std::size_t map = without_reshape(graph_, value);
    const auto found = symbols_.find({map, kind});
    if (found != symbols_.end()) return found->second;
    const Node& node = *graph_.producer(map);
    const std::size_t result =
        node.operation == "max_pool" ? max_pool(node, kind) : add_symbol_output(node, kind);
    symbols_.emplace(std::pair(map, kind), result);
    return result;
  }

  std::size_t add_symbol_output(const Node& quantizer, ValueKind kind) {
    const QuantizerTable& table = activation(quantizer).table;
    Pointwise pointwise = pointwise_before(quantizer.inputs[0], /*simple=*/false);
    const PointwiseChain chain = chain_of(pointwise);
    kernels::BitconvSymbolOutput output;
    deploy::FoldedThresholds folded;
    if (chain.is_simple()) {
      folded = chain.folded_thresholds(table.thresholds);
      deploy::set_thresholds(folded, output);
    } else {
      output = chain.symbol_output(table.thresholds);
    }
    const std::vector<std::uint8_t> symbols = activation(quantizer).symbols(kind);
    for (const std::uint8_t code : table.codes) output.symbols.push_back(symbols[code]);
    if (kind == ValueKind::planes) output.planes = table.bits;
    if (pointwise.nodes.empty()) pointwise.nodes.push_back(&quantizer);  // for a name
    Convolution& convolution = convolution_of(pointwise);
    const std::size_t value = add_value(kind, extents_of(graph_, pointwise.root), output.planes);
    check_room(convolution, convolution.symbol_outputs);
    convolution.description.symbol_outputs.push_back(std::move(output));
    convolution.folded_thresholds.push_back(std::move(folded));
    convolution.symbol_outputs.push_back(value);
    return value;
  }

  // Convolutions.

  static void check_room(const Convolution& convolution, const std::vector<std::size_t>& outputs) {
    check(outputs.size() < kernels::max_bitconv_outputs,
          "pack: the result of '{}' is wanted in more than {} ways as floats or as codes",
          convolution.name, kernels::max_bitconv_outputs);
  }

  /// The convolution that computes the root of `pointwise`, for another output: a layer's, or one
  /// without segments.
  Convolution& convolution_of(const Pointwise& pointwise) {
    auto found = convolutions_.find(pointwise.root);
    if (found == convolutions_.end()) {
      const auto layer = layers_.find(pointwise.root);
      Convolution convolution = layer != layers_.end() ? layer_convolution(layer->second)
                                                       : pointwise_convolution(pointwise);
      model_.operations.emplace_back(std::move(convolution));
      found = convolutions_.emplace(pointwise.root, model_.operations.size() - 1).first;
    }
    return std::get<Convolution>(model_.operations[found->second]);
  }

  Convolution pointwise_convolution(const Pointwise& pointwise) {
    const std::size_t input = floats(pointwise.root);
    const Extents map = extents_of(graph_, pointwise.root);
    Convolution convolution{.name = name_of(*pointwise.nodes.front()), .residual = input};
    kernels::BitconvDescription& description = convolution.description;
    description.geometry = {.n = 1,
                            .h = map.h,
                            .w = map.w,
                            .c_out = map.c,
                            .kernel_h = 1,
                            .kernel_w = 1,
                            .out_h = map.h,
                            .out_w = map.w};
    description.scale.assign(map.c, 1.0F);
    description.shift.assign(map.c, 0.0F);
    description.has_residual = true;
    return convolution;
  }

  /// More segments than a kernel takes become several convolutions: each adds its sums to those of
  /// the one before, and only the last one is returned.
  Convolution layer_convolution(const FusedLayer& layer) {
    const Node& node = *layer.layer;
    const kernels::Conv2dGeometry whole = geometry_of(graph_, node);
    const LayerWeights weights(graph_, node,
                               {whole.c_out, whole.kernel_h * whole.kernel_w, whole.c_in});
    const ChannelAffine affine = affine_of(graph_, layer, whole.c_out);
    const std::vector<std::size_t> parts = segment_values(node, weights);
    Convolution convolution;
    ChannelRange range;
    for (std::size_t first = 0; first < parts.size(); first += kernels::max_bitconv_segments) {
      const std::size_t end = std::min(first + kernels::max_bitconv_segments, parts.size());
      const std::optional<std::size_t> sums =
          first == 0 ? std::nullopt
                     : std::optional(add_partial_sums(std::move(convolution), first));
      convolution = Convolution{.name = name_of(node)};
      kernels::BitconvDescription& description = convolution.description;
      description.geometry = whole;
      description.geometry.c_in = 0;
      for (std::size_t part = first; part < end; ++part) {
        range = {range.first + range.count, extents_of(graph_, parts[part]).c};
        add_segment(weights, parts[part], range, convolution);
        description.geometry.c_in += range.count;
      }
      description.scale.assign(affine.scale.begin(), affine.scale.end());
      if (end == parts.size()) {
        description.shift.assign(affine.shift.begin(), affine.shift.end());
      } else {
        description.shift.assign(whole.c_out, 0.0F);
      }
      convolution.residual = sums;
      if (first == 0 && layer.residual) convolution.residual = floats(*layer.residual);
      description.has_residual = convolution.residual.has_value();
    }
    return convolution;
  }

  /// Appends a convolution of some of a layer's segments; returns the value of its sums.
  std::size_t add_partial_sums(Convolution convolution, std::size_t segments) {
    convolution.name = deploy::partial_name(convolution.name, segments);
    const kernels::Conv2dGeometry& geometry = convolution.description.geometry;
    const std::size_t value =
        add_value(ValueKind::floats, {geometry.out_h, geometry.out_w, geometry.c_out});
    convolution.description.float_outputs.emplace_back();
    convolution.float_outputs.push_back(value);
    model_.operations.emplace_back(std::move(convolution));
    return value;
  }

  /// The values that a layer's segments take: its input, or what that is concatenated of where some
  /// of it are codes.
  std::vector<std::size_t> segment_values(const Node& node, const LayerWeights& weights) const {
    std::vector<std::size_t> parts = concatenated_values(graph_, node.inputs[0]);
    const bool has_codes = std::ranges::any_of(
        parts, [this](std::size_t part) { return level_source(graph_, part) != nullptr; });
    if (!weights.is_quantized() || !has_codes) parts = {node.inputs[0]};
    return parts;
  }

  void add_segment(const LayerWeights& weights, std::size_t part, const ChannelRange& range,
                   Convolution& convolution) {
    const Node* quantizer = weights.is_quantized() ? level_source(graph_, part) : nullptr;
    const kernels::Conv2dGeometry& geometry = convolution.description.geometry;
    const std::int64_t window = geometry.kernel_h * geometry.kernel_w * range.count;
    CodedSegment made;
    if (quantizer != nullptr && uses_grid(weights.bits(), activation(*quantizer), window)) {
      convolution.inputs.push_back(symbols(part, ValueKind::bytes));
      const GridLevels levels = grid_levels(activation(*quantizer).basis);
      made = weights.grid_segment(range, levels);
      levels_are_exact_ = levels_are_exact_ && levels.is_exact && made.is_exact;
    } else if (quantizer != nullptr && activation(*quantizer).has_zero_code()) {
      convolution.inputs.push_back(symbols(part, ValueKind::planes));
      made = weights.bit_segment(range, activation(*quantizer).basis.elements);
    } else {
      convolution.inputs.push_back(floats(part));
      made = weights.float_segment(range);
    }
    convolution.description.segments.push_back(std::move(made.segment));
    convolution.coded_weights.push_back(std::move(made.coded));
  }

  bool uses_grid(int weight_bits, const Activation& input, std::int64_t window) const {
    const bool is_possible = weight_bits <= kernels::max_grid_bits &&
                             input.table.bits <= kernels::max_grid_bits &&
                             window <= max_grid_window;
    if (!is_possible || options_.int8_grid == Int8Grid::never) return false;
    return options_.int8_grid == Int8Grid::always || !input.has_zero_code() ||
           weight_bits * input.table.bits > kernels::max_plane_pairs;
  }

  Graph graph_;
  PackOptions options_;
  deploy::PackedModel model_;
  std::unordered_map<std::size_t, FusedLayer> layers_;  // by result
  // Indices in the packed model, by value of the graph.
  std::unordered_map<std::size_t, std::size_t> floats_;
  std::map<std::pair<std::size_t, ValueKind>, std::size_t> symbols_;
  std::unordered_map<std::size_t, std::size_t> convolutions_;  // operations, by their raw value
  std::unordered_map<std::size_t, Activation> activations_;    // by output
  bool levels_are_exact_ = true;
};

}  // namespace

PackWithPlaces pack_with_places(Graph graph, const PackOptions& options) {
  // A pool that moves behind a quantizer takes the index of its result along: so the index stands
  // for the same numbers before and after.
  std::vector<std::pair<std::size_t, Activation>> results;
  for (const Node& node : graph.nodes) {
    if (is_activation_quantizer(&node)) results.emplace_back(node.output, Activation(node));
  }
  move_pools_behind_quantizers(graph);
  Packer packer(std::move(graph), options);
  PackWithPlaces packed{.model = packer.pack()};
  packed.levels_are_exact = packer.levels_are_exact();
  for (const auto& [value, quantizer] : results) {
    std::optional<QuantizerPlace> place = packer.place_of(value, quantizer);
    if (place) packed.quantizers.push_back(std::move(*place));
  }
  return packed;
}

PackWithPlaces pack_with_places(Module& model, const Shape& input, const PackOptions& options) {
  check(input.rank() == 3, "pack: input {}, expected H W C", input);
  return pack_with_places(trace(model, Tensor::zeros({1, input[0], input[1], input[2]})), options);
}

deploy::PackedModel pack(Graph graph, const PackOptions& options) {
  return pack_with_places(std::move(graph), options).model;
}

deploy::PackedModel pack(Module& model, const Shape& input, const PackOptions& options) {
  return pack_with_places(model, input, options).model;
}

}  // namespace lq::convert
