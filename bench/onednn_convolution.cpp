#include "bench/onednn_convolution.h"

#include <cstdint>
#include <cstring>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>
#include <vector>

namespace lq::bench {

namespace {

using DataType = dnnl::memory::data_type;
using Tag = dnnl::memory::format_tag;

constexpr float requantization_scale = 0.01F;

struct Descriptions {
  dnnl::memory::desc source;
  dnnl::memory::desc weights;
  dnnl::memory::desc bias;
  dnnl::memory::desc destination;
};

Descriptions descriptions(const kernels::Conv2dGeometry& g, PeerType type) {
  const bool is_int8 = type == PeerType::int8;
#if DNNL_VERSION_MAJOR >= 3
  const DataType bias = DataType::f32;
#else
  const DataType bias = is_int8 ? DataType::s32 : DataType::f32;
#endif
  const DataType activations = is_int8 ? DataType::u8 : DataType::f32;
  return {.source = {{g.n, g.c_in, g.h, g.w}, activations, Tag::any},
          .weights = {{g.c_out, g.c_in, g.kernel_h, g.kernel_w},
                      is_int8 ? DataType::s8 : DataType::f32,
                      Tag::any},
          .bias = {{g.c_out}, bias, Tag::a},
          .destination = {{g.n, g.c_out, g.out_h, g.out_w}, activations, Tag::any}};
}

dnnl::convolution_forward::primitive_desc describe(const dnnl::engine& engine,
                                                   const kernels::Conv2dGeometry& g,
                                                   PeerType type) {
  const Descriptions d = descriptions(g, type);
  const dnnl::memory::dims strides = {g.stride_h, g.stride_w};
  const dnnl::memory::dims before = {g.pad_top, g.pad_left};
  const dnnl::memory::dims after = {g.pad_bottom, g.pad_right};
  dnnl::primitive_attr attributes;
  dnnl::post_ops operations;
#if DNNL_VERSION_MAJOR >= 3
  operations.append_eltwise(dnnl::algorithm::eltwise_relu, 0, 0);
  attributes.set_post_ops(operations);
  if (type == PeerType::int8) {
    attributes.set_scales_mask(DNNL_ARG_WEIGHTS, 1);
    attributes.set_scales_mask(DNNL_ARG_DST, 0);
  }
  return {engine,
          dnnl::prop_kind::forward_inference,
          dnnl::algorithm::convolution_direct,
          d.source,
          d.weights,
          d.bias,
          d.destination,
          strides,
          before,
          after,
          attributes};
#else
  operations.append_eltwise(1.0F, dnnl::algorithm::eltwise_relu, 0, 0);
  attributes.set_post_ops(operations);
  if (type == PeerType::int8) {
    attributes.set_output_scales(1 << 1, std::vector<float>(g.c_out, requantization_scale));
  }
  return {{dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, d.source,
           d.weights, d.bias, d.destination, strides, before, after},
          attributes,
          engine};
#endif
}

}  // namespace

struct OneDnnConvolution::State {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  dnnl::convolution_forward primitive;
  std::unordered_map<int, dnnl::memory> arguments;
  std::string implementation;

  /// Small values, no denormals.
  dnnl::memory filled(const dnnl::memory::desc& description, bool is_float) {
    dnnl::memory memory(description, engine);
    auto* bytes = static_cast<unsigned char*>(memory.get_data_handle());
    const std::size_t size = description.get_size();
    if (is_float) {
      for (std::size_t at = 0; at + sizeof(float) <= size; at += sizeof(float)) {
        const float value = 0.25F * static_cast<float>((at / sizeof(float) * 7) & 3);
        std::memcpy(bytes + at, &value, sizeof value);
      }
    } else {
      for (std::size_t at = 0; at < size; ++at) {
        bytes[at] = static_cast<unsigned char>((at * 7) & 3);
      }
    }
    return memory;
  }
};

OneDnnConvolution::OneDnnConvolution(const kernels::Conv2dGeometry& geometry, PeerType type)
    : state_(std::make_unique<State>()) {
  const auto description = describe(state_->engine, geometry, type);
  const bool is_float = type == PeerType::float32;
  const bool has_float_bias = is_float || DNNL_VERSION_MAJOR >= 3;
  state_->arguments = {{DNNL_ARG_SRC, state_->filled(description.src_desc(), is_float)},
                       {DNNL_ARG_WEIGHTS, state_->filled(description.weights_desc(), is_float)},
                       {DNNL_ARG_BIAS, state_->filled(description.bias_desc(), has_float_bias)},
                       {DNNL_ARG_DST, state_->filled(description.dst_desc(), is_float)}};
#if DNNL_VERSION_MAJOR >= 3
  if (type == PeerType::int8) {
    const auto scales = [&](std::int64_t count) {
      dnnl::memory memory({{count}, DataType::f32, Tag::a}, state_->engine);
      std::fill_n(static_cast<float*>(memory.get_data_handle()), count, requantization_scale);
      return memory;
    };
    state_->arguments.emplace(DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS, scales(geometry.c_out));
    state_->arguments.emplace(DNNL_ARG_ATTR_SCALES | DNNL_ARG_DST, scales(1));
  }
#endif
  state_->primitive = dnnl::convolution_forward(description);
  state_->implementation = description.impl_info_str();
}

OneDnnConvolution::~OneDnnConvolution() = default;

void OneDnnConvolution::run() {
  state_->primitive.execute(state_->stream, state_->arguments);
  state_->stream.wait();
}

const std::string& OneDnnConvolution::implementation() const { return state_->implementation; }

}  // namespace lq::bench
