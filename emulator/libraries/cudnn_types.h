// Values of cuDNN 9 as programs were compiled with, declared here so that no cuDNN is needed.
#pragma once

namespace lq::emulator::cudnn {

enum Status : int {
  success = 0,
  not_initialized = 1001,
  bad_param = 2000,
  null_pointer = 2002,
  misaligned_pointer = 2003,
  not_finalized = 2004,
  shape_mismatch = 2008,
  wrong_attribute_type = 2010,
  wrong_descriptor_type = 2012,
  not_supported = 3000,
  execution_failed = 5000,
};

/// cudnnBackendDescriptorType_t.
enum class Kind : int {
  convolution = 1,
  engine = 2,
  engine_config = 3,
  heuristics = 4,
  plan = 5,
  forward = 10,
  backward_filter = 11,
  backward_data = 12,
  graph = 15,
  variant_pack = 16,
  tensor = 17,
};

/// cudnnBackendAttributeType_t.
enum class ValueType : int {
  handle = 0,
  data_type = 1,
  int64 = 3,
  float32 = 4,
  pointer = 6,
  convolution_mode = 7,
  heuristics_mode = 8,
  numerical_note = 11,
  descriptor = 15,
};

/// cudnnBackendAttributeName_t.
enum class Name : int {
  compute_type = 100,
  convolution_mode = 101,
  dilations = 102,
  strides_of_filter = 103,
  post_paddings = 104,
  pre_paddings = 105,
  spatial_dimensions = 106,
  heuristics_mode = 200,
  heuristics_graph = 201,
  heuristics_results = 202,
  config_engine = 300,
  plan_handle = 400,
  plan_config = 401,
  plan_workspace_bytes = 402,
  forward_alpha = 700,
  forward_beta = 701,
  forward_convolution = 702,
  forward_w = 703,
  forward_x = 704,
  forward_y = 705,
  data_alpha = 706,
  data_beta = 707,
  data_convolution = 708,
  data_w = 709,
  data_dx = 710,
  data_dy = 711,
  filter_alpha = 712,
  filter_beta = 713,
  filter_convolution = 714,
  filter_dw = 715,
  filter_x = 716,
  filter_dy = 717,
  graph_handle = 800,
  graph_operations = 801,
  tensor_alignment = 900,
  tensor_data_type = 901,
  tensor_dimensions = 902,
  tensor_strides = 903,
  tensor_id = 906,
  pack_ids = 1000,
  pack_pointers = 1001,
  pack_workspace = 1003,
  engine_graph = 1300,
  engine_index = 1301,
  engine_notes = 1303,
};

/// cudnnBackendNumericalNote_t.
enum class Note : int { tensor_core = 0, down_converts = 1, nondeterministic = 4 };

/// cudnnDataType_t.
constexpr int float_type = 0, half_type = 2, int8_type = 3, int32_type = 4;

constexpr int cross_correlation = 1;  // CUDNN_CROSS_CORRELATION
constexpr int fallback_mode = 2;      // CUDNN_HEUR_MODE_FALLBACK

}  // namespace lq::emulator::cudnn
