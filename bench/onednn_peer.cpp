#include "bench/onednn_peer.h"

#include <algorithm>
#include <vector>

#include "kernels/common/onednn.h"

namespace lq::bench::onednn {

namespace {

using DataType = dnnl::memory::data_type;

/// Makes int8 results small enough not to saturate; its value does not matter for the time.
constexpr float requantization_scale = 0.01F;

}  // namespace

DataType activation_type(PeerType type) {
  return type == PeerType::int8 ? DataType::u8 : DataType::f32;
}

DataType weight_type(PeerType type) {
  return type == PeerType::int8 ? DataType::s8 : DataType::f32;
}

DataType bias_type(PeerType type) {
  return type == PeerType::int8 && DNNL_VERSION_MAJOR < 3 ? DataType::s32 : DataType::f32;
}

#if DNNL_VERSION_MAJOR >= 3

dnnl::primitive_attr convolution_attributes(PeerType type, std::int64_t, bool adds) {
  dnnl::primitive_attr attributes;
  dnnl::post_ops operations;
  if (adds) operations.append_sum();
  operations.append_eltwise(dnnl::algorithm::eltwise_relu, 0, 0);
  attributes.set_post_ops(operations);
  if (type == PeerType::int8) {
    attributes.set_scales_mask(DNNL_ARG_WEIGHTS, 1);
    attributes.set_scales_mask(DNNL_ARG_DST, 0);
  }
  return attributes;
}

void add_scales(PeerType type, std::int64_t outputs,
                std::unordered_map<int, dnnl::memory>& arguments) {
  if (type != PeerType::int8) return;
  const auto scales = [](std::int64_t count) {
    dnnl::memory memory({{count}, DataType::f32, dnnl::memory::format_tag::a},
                        kernels::onednn::engine());
    std::fill_n(static_cast<float*>(memory.get_data_handle()), count, requantization_scale);
    return memory;
  };
  arguments.emplace(DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS, scales(outputs));
  arguments.emplace(DNNL_ARG_ATTR_SCALES | DNNL_ARG_DST, scales(1));
}

#else

dnnl::primitive_attr convolution_attributes(PeerType type, std::int64_t outputs, bool adds) {
  dnnl::primitive_attr attributes;
  dnnl::post_ops operations;
  if (adds) operations.append_sum();
  operations.append_eltwise(1.0F, dnnl::algorithm::eltwise_relu, 0, 0);
  attributes.set_post_ops(operations);
  if (type == PeerType::int8) {
    attributes.set_output_scales(1 << 1, std::vector<float>(outputs, requantization_scale));
  }
  return attributes;
}

void add_scales(PeerType, std::int64_t, std::unordered_map<int, dnnl::memory>&) {}

#endif

}  // namespace lq::bench::onednn
