#include "bench/onednn_convolution.h"

#include <cstdint>
#include <cstring>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>
#include <vector>

#include "bench/onednn_peer.h"
#include "kernels/common/onednn.h"

namespace lq::bench {

namespace {

using Description = dnnl::memory::desc;
using Tag = dnnl::memory::format_tag;

dnnl::convolution_forward::primitive_desc description_of(const kernels::Conv2dGeometry& g,
                                                         PeerType type) {
  const auto activations = onednn::activation_type(type);
  return kernels::onednn::describe<dnnl::convolution_forward>(
      onednn::convolution_attributes(type, g.c_out, false), dnnl::prop_kind::forward_inference,
      dnnl::algorithm::convolution_direct,
      Description({g.n, g.c_in, g.h, g.w}, activations, Tag::any),
      Description({g.c_out, g.c_in, g.kernel_h, g.kernel_w}, onednn::weight_type(type), Tag::any),
      Description({g.c_out}, onednn::bias_type(type), Tag::a),
      Description({g.n, g.c_out, g.out_h, g.out_w}, activations, Tag::any),
      dnnl::memory::dims{g.stride_h, g.stride_w}, dnnl::memory::dims{g.pad_top, g.pad_left},
      dnnl::memory::dims{g.pad_bottom, g.pad_right});
}

}  // namespace

struct OneDnnConvolution::State {
  dnnl::stream stream{kernels::onednn::engine()};
  dnnl::convolution_forward primitive;
  std::unordered_map<int, dnnl::memory> arguments;
  std::string implementation;

  /// Small values, no denormals.
  dnnl::memory filled(const dnnl::memory::desc& description, bool is_float) {
    dnnl::memory memory(description, kernels::onednn::engine());
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
  const auto description = description_of(geometry, type);
  const bool is_float = type == PeerType::float32;
  const bool has_float_bias = onednn::bias_type(type) == dnnl::memory::data_type::f32;
  state_->arguments = {{DNNL_ARG_SRC, state_->filled(description.src_desc(), is_float)},
                       {DNNL_ARG_WEIGHTS, state_->filled(description.weights_desc(), is_float)},
                       {DNNL_ARG_BIAS, state_->filled(description.bias_desc(), has_float_bias)},
                       {DNNL_ARG_DST, state_->filled(description.dst_desc(), is_float)}};
  onednn::add_scales(type, geometry.c_out, state_->arguments);
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
