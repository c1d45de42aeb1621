// What the comparisons with oneDNN share. Shows oneDNN: for implementation files only.
#pragma once

#include <cstdint>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>

#include "bench/peer_type.h"

namespace lq::bench::onednn {

dnnl::memory::data_type activation_type(PeerType type);
dnnl::memory::data_type weight_type(PeerType type);
dnnl::memory::data_type bias_type(PeerType type);

/// Of a convolution with ReLU at last, before it requantization (int8), and before that the
/// addition of what the destination held (`adds`).
dnnl::primitive_attr convolution_attributes(PeerType type, std::int64_t outputs, bool adds);

/// What a convolution with these attributes takes beside its tensors: scales, in oneDNN 3.
void add_scales(PeerType type, std::int64_t outputs,
                std::unordered_map<int, dnnl::memory>& arguments);

}  // namespace lq::bench::onednn
