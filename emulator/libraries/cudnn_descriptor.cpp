#include "emulator/libraries/cudnn_descriptor.h"

namespace lq::emulator::cudnn {

const std::vector<AttributeRule>* rules_of(Kind kind) {
  using enum ValueType;
  static const std::map<Kind, std::vector<AttributeRule>> rules = {
      {Kind::tensor,
       {{Name::tensor_data_type, data_type},
        {Name::tensor_dimensions, int64, 0},
        {Name::tensor_strides, int64, 0},
        {Name::tensor_id, int64},
        {Name::tensor_alignment, int64}}},
      {Kind::convolution,
       {{Name::compute_type, data_type},
        {Name::convolution_mode, convolution_mode},
        {Name::spatial_dimensions, int64},
        {Name::pre_paddings, int64, 0},
        {Name::post_paddings, int64, 0},
        {Name::strides_of_filter, int64, 0},
        {Name::dilations, int64, 0}}},
      {Kind::forward,
       {{Name::forward_convolution, descriptor},
        {Name::forward_x, descriptor},
        {Name::forward_w, descriptor},
        {Name::forward_y, descriptor},
        {Name::forward_alpha, float32},
        {Name::forward_beta, float32}}},
      {Kind::backward_data,
       {{Name::data_convolution, descriptor},
        {Name::data_dx, descriptor},
        {Name::data_w, descriptor},
        {Name::data_dy, descriptor},
        {Name::data_alpha, float32},
        {Name::data_beta, float32}}},
      {Kind::backward_filter,
       {{Name::filter_convolution, descriptor},
        {Name::filter_x, descriptor},
        {Name::filter_dw, descriptor},
        {Name::filter_dy, descriptor},
        {Name::filter_alpha, float32},
        {Name::filter_beta, float32}}},
      {Kind::graph, {{Name::graph_handle, handle, 1, false}, {Name::graph_operations, descriptor}}},
      {Kind::heuristics,
       {{Name::heuristics_graph, descriptor}, {Name::heuristics_mode, heuristics_mode}}},
      {Kind::engine, {}},
      {Kind::engine_config, {}},
      {Kind::plan, {{Name::plan_handle, handle, 1, false}, {Name::plan_config, descriptor}}},
      {Kind::variant_pack,
       {{Name::pack_ids, int64, 0},
        {Name::pack_pointers, pointer, 0},
        {Name::pack_workspace, pointer, 1, false}}},
  };
  const auto found = rules.find(kind);
  return found == rules.end() ? nullptr : &found->second;
}

std::size_t bytes_of(ValueType type) {
  switch (type) {
    case ValueType::handle:
    case ValueType::pointer:
    case ValueType::descriptor:
    case ValueType::int64:
      return 8;
    case ValueType::data_type:
    case ValueType::float32:
    case ValueType::convolution_mode:
    case ValueType::heuristics_mode:
    case ValueType::numerical_note:
      return 4;
  }
  return 0;
}

}  // namespace lq::emulator::cudnn
