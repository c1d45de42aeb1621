#include "emulator/libraries/cudnn_plans.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

namespace lq::emulator::cudnn {
namespace {

using Integers = std::vector<std::int64_t>;

/// The ways to compute a convolution. Heuristics give them in this order, as real ones do: the
/// fastest first, whatever a program may want of them.
struct Engine {
  std::int64_t index;
  FactorType factors;
  std::vector<Note> notes;
  bool is_for_vectors;  // wants tensors at multiples of 16 bytes
  bool has_plans;
  bool is_fallback;
  std::int64_t workspace_bytes;
};

const std::vector<Engine>& engines(Number type) {
  using enum Note;
  using enum FactorType;
  static const std::vector<Engine> of_floats = {
      {0, f16, {tensor_core, down_converts}, true, false, false, 0},
      {1, f32, {nondeterministic}, true, true, false, 0},
      {2, f16, {tensor_core, down_converts}, true, true, false, 4096},
      {3, tf32, {tensor_core}, true, true, false, 4096},
      {4, f32, {}, true, true, false, 4096},
      {5, f32, {}, false, true, true, 0},
  };
  static const std::vector<Engine> of_halves = {
      {0, f16, {tensor_core}, true, false, false, 0},
      {1, f16, {tensor_core, nondeterministic}, true, true, false, 0},
      {2, f16, {tensor_core}, true, true, false, 4096},
      {3, f16, {}, false, true, true, 0},
  };
  static const std::vector<Engine> of_bytes = {
      {0, f32, {tensor_core}, true, false, false, 0},
      {1, f32, {tensor_core}, true, true, false, 4096},
      {2, f32, {}, true, true, false, 0},
      {3, f32, {}, false, true, true, 0},
  };
  return type == Number::f16 ? of_halves : type == Number::s8 ? of_bytes : of_floats;
}

/// An operation's attributes, by what they mean.
struct OperationNames {
  Pass pass;
  Name convolution, x, w, y, alpha, beta;
};

OperationNames names_of(Kind kind) {
  if (kind == Kind::forward) {
    return {Pass::forward,   Name::forward_convolution, Name::forward_x,   Name::forward_w,
            Name::forward_y, Name::forward_alpha,       Name::forward_beta};
  }
  if (kind == Kind::backward_data) {
    return {Pass::backward_data, Name::data_convolution, Name::data_dx,  Name::data_w,
            Name::data_dy,       Name::data_alpha,       Name::data_beta};
  }
  return {Pass::backward_filter, Name::filter_convolution, Name::filter_x,   Name::filter_dw,
          Name::filter_dy,       Name::filter_alpha,       Name::filter_beta};
}

bool is_operation(Kind kind) {
  return kind == Kind::forward || kind == Kind::backward_data || kind == Kind::backward_filter;
}

/// Of tensors that are finalized.
Number number_of(const Node& tensor) {
  switch (tensor.value<int>(Name::tensor_data_type)) {
    case half_type:
      return Number::f16;
    case int8_type:
      return Number::s8;
    default:
      return Number::f32;
  }
}

Integers extents_of(const Node& tensor) {
  return tensor.values<std::int64_t>(Name::tensor_dimensions);
}

Convolution convolution_of(const Node& operation) {
  const OperationNames names = names_of(operation.kind);
  const Integers x = extents_of(operation.node(names.x)), w = extents_of(operation.node(names.w)),
                 y = extents_of(operation.node(names.y));
  const Node& convolution = operation.node(names.convolution);
  const auto pair = [&](Name name) { return convolution.values<std::int64_t>(name); };
  return {.pass = names.pass,
          .n = x[0],
          .h = x[2],
          .w = x[3],
          .c = x[1],
          .k = w[0],
          .r = w[2],
          .s = w[3],
          .p = y[2],
          .q = y[3],
          .stride_h = pair(Name::strides_of_filter)[0],
          .stride_w = pair(Name::strides_of_filter)[1],
          .pad_top = pair(Name::pre_paddings)[0],
          .pad_left = pair(Name::pre_paddings)[1],
          .groups = x[1] / std::max<std::int64_t>(w[1], 1),
          .alpha = operation.value<float>(names.alpha),
          .beta = operation.value<float>(names.beta),
          .type = number_of(operation.node(names.x))};
}

Status finish_tensor(const Node& tensor, std::string& complaint) {
  const int type = tensor.value<int>(Name::tensor_data_type);
  if (type != float_type && type != half_type && type != int8_type) {
    complaint = fmt::format("data type {}", type);
    return not_supported;
  }
  const Integers extents = extents_of(tensor);
  const Integers strides = tensor.values<std::int64_t>(Name::tensor_strides);
  if (extents.size() != strides.size()) return bad_param;
  if (std::any_of(extents.begin(), extents.end(), [](auto extent) { return extent < 1; })) {
    return bad_param;
  }
  bool is_channels_last = extents.size() == 4;
  if (is_channels_last) {
    const std::array expected{extents[2] * extents[3] * extents[1], std::int64_t{1},
                              extents[3] * extents[1], extents[1]};
    is_channels_last = std::ranges::equal(strides, expected);
  }
  if (!is_channels_last) {
    complaint = fmt::format("a tensor of extents {} with strides {}, other than channels last,",
                            fmt::join(extents, ","), fmt::join(strides, ","));
    return not_supported;
  }
  return success;
}

Status finish_convolution(const Node& convolution, std::string& complaint) {
  const auto refuse = [&](const char* what, const auto& value) {
    complaint = fmt::format("{} {}", what, value);
    return not_supported;
  };
  if (const int type = convolution.value<int>(Name::compute_type);
      type != float_type && type != int32_type) {
    return refuse("compute type", type);
  }
  if (const int mode = convolution.value<int>(Name::convolution_mode); mode != cross_correlation) {
    return refuse("convolution mode", mode);
  }
  const auto dimensions = convolution.value<std::int64_t>(Name::spatial_dimensions);
  if (dimensions != 2) return refuse("number of spatial dimensions", dimensions);
  for (const Name name :
       {Name::pre_paddings, Name::post_paddings, Name::strides_of_filter, Name::dilations}) {
    const Integers values = convolution.values<std::int64_t>(name);
    const std::int64_t least = name == Name::strides_of_filter ? 1 : 0;
    if (values.size() != 2 || values[0] < least || values[1] < least) return bad_param;
  }
  const Integers dilations = convolution.values<std::int64_t>(Name::dilations);
  if (dilations != Integers{1, 1})
    return refuse("dilation", fmt::format("{}", fmt::join(dilations, ",")));
  return success;
}

/// All tensors of floats, or of halves, with sums of floats; forward also of bytes with sums of
/// integers.
bool has_known_types(const Node& operation, const OperationNames& names) {
  const auto type = [&](Name tensor) {
    return operation.node(tensor).value<int>(Name::tensor_data_type);
  };
  const int sums = operation.node(names.convolution).value<int>(Name::compute_type);
  const bool is_of_bytes = type(names.x) == int8_type;
  return type(names.w) == type(names.x) && type(names.y) == type(names.x) &&
         sums == (is_of_bytes ? int32_type : float_type) &&
         (!is_of_bytes || operation.kind == Kind::forward);
}

Status finish_operation(const Node& operation, std::string& complaint) {
  const OperationNames names = names_of(operation.kind);
  for (const Name tensor : {names.x, names.w, names.y}) {
    if (operation.node(tensor).kind != Kind::tensor) return wrong_descriptor_type;
  }
  const Node& convolution = operation.node(names.convolution);
  if (convolution.kind != Kind::convolution) return wrong_descriptor_type;
  if (!has_known_types(operation, names)) {
    complaint = "a convolution whose tensors and sums are of these types";
    return not_supported;
  }
  const Convolution g = convolution_of(operation);
  const Integers y = extents_of(operation.node(names.y));
  const Integers after = convolution.values<std::int64_t>(Name::post_paddings);
  const std::int64_t filter_channels = extents_of(operation.node(names.w))[1];
  const std::int64_t slack_h = g.h + g.pad_top + after[0] - g.r;
  const std::int64_t slack_w = g.w + g.pad_left + after[1] - g.s;
  const bool fits = slack_h >= 0 && slack_w >= 0 && g.p == slack_h / g.stride_h + 1 &&
                    g.q == slack_w / g.stride_w + 1 && y[0] == g.n && y[1] == g.k &&
                    g.groups >= 1 && g.c == g.groups * filter_channels && g.k % g.groups == 0;
  return fits ? success : shape_mismatch;
}

Status finish_heuristics(Node& heuristics) {
  const int mode = heuristics.value<int>(Name::heuristics_mode);
  const SharedNode graph = heuristics.attributes.at(Name::heuristics_graph).nodes.at(0);
  if (graph->kind != Kind::graph) return wrong_descriptor_type;
  const Node& operation = graph->node(Name::graph_operations);
  const Number type = number_of(operation.node(names_of(operation.kind).x));
  Attribute results{.type = ValueType::descriptor};
  for (const Engine& engine : engines(type)) {
    if (engine.is_fallback != (mode == fallback_mode)) continue;
    const auto node = std::make_shared<Node>(Node{Kind::engine, true, {}});
    node->set_node(Name::engine_graph, graph);
    node->set_values(Name::engine_index, ValueType::int64, std::span(&engine.index, 1));
    node->set_values(Name::engine_notes, ValueType::numerical_note, std::span(engine.notes));
    const auto config = std::make_shared<Node>(Node{Kind::engine_config, true, {}});
    config->set_node(Name::config_engine, node);
    results.nodes.push_back(config);
  }
  results.count = static_cast<std::int64_t>(results.nodes.size());
  heuristics.attributes[Name::heuristics_results] = std::move(results);
  return success;
}

/// Of a plan.
const Node& engine_node(const Node& plan) {
  return plan.node(Name::plan_config).node(Name::config_engine);
}

const Node& operation_of(const Node& plan) {
  return engine_node(plan).node(Name::engine_graph).node(Name::graph_operations);
}

const Engine& engine_of(const Node& plan) {
  const auto index = engine_node(plan).value<std::int64_t>(Name::engine_index);
  const Node& operation = operation_of(plan);
  const Number type = number_of(operation.node(names_of(operation.kind).x));
  return engines(type).at(static_cast<std::size_t>(index));
}

std::size_t bytes_of_tensor(const Node& tensor) {
  std::int64_t elements = 1;
  for (const std::int64_t extent : extents_of(tensor)) elements *= extent;
  return static_cast<std::size_t>(elements) * bytes_of(number_of(tensor));
}

Status finish_plan(Node& plan) {
  if (plan.node(Name::plan_config).kind != Kind::engine_config) return wrong_descriptor_type;
  const Engine& engine = engine_of(plan);
  if (!engine.has_plans) return not_supported;
  const Execution execution = execution_of(plan);
  constexpr std::int64_t vector_bytes = 16;
  constexpr std::size_t word_bytes = 4;  // of LibraryOperand
  for (const Node* const tensor : {execution.x, execution.w, execution.y}) {
    const auto alignment = tensor->value<std::int64_t>(Name::tensor_alignment);
    if (engine.is_for_vectors && alignment % vector_bytes != 0) return not_supported;
    if (bytes_of_tensor(*tensor) % word_bytes != 0) return not_supported;
  }
  plan.set_values(Name::plan_workspace_bytes, ValueType::int64,
                  std::span(&engine.workspace_bytes, 1));
  return success;
}

}  // namespace

Status finish(Node& node, std::string& complaint) {
  if (is_operation(node.kind)) return finish_operation(node, complaint);
  switch (node.kind) {
    case Kind::tensor:
      return finish_tensor(node, complaint);
    case Kind::convolution:
      return finish_convolution(node, complaint);
    case Kind::graph:
      return is_operation(node.node(Name::graph_operations).kind) ? success : wrong_descriptor_type;
    case Kind::heuristics:
      return finish_heuristics(node);
    case Kind::plan:
      return finish_plan(node);
    case Kind::variant_pack:
      return node.attributes.at(Name::pack_ids).count ==
                     node.attributes.at(Name::pack_pointers).count
                 ? success
                 : bad_param;
    default:
      complaint = "an engine that the program makes itself";
      return not_supported;
  }
}

Execution execution_of(const Node& plan) {
  const Engine& engine = engine_of(plan);
  const Node& operation = operation_of(plan);
  const OperationNames names = names_of(operation.kind);
  Execution execution{.convolution = convolution_of(operation),
                      .x = &operation.node(names.x),
                      .w = &operation.node(names.w),
                      .y = &operation.node(names.y)};
  execution.convolution.factors = engine.factors;
  execution.is_deterministic = std::find(engine.notes.begin(), engine.notes.end(),
                                         Note::nondeterministic) == engine.notes.end();
  return execution;
}

}  // namespace lq::emulator::cudnn
