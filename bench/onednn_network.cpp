#include "bench/onednn_network.h"

#include <algorithm>
#include <cstring>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>
#include <variant>
#include <vector>

#include "bench/onednn_peer.h"
#include "core/error.h"
#include "kernels/common/onednn.h"

namespace lq::bench {

namespace {

using Description = dnnl::memory::desc;
using Tag = dnnl::memory::format_tag;
using kernels::onednn::describe;
using kernels::onednn::engine;

constexpr auto inference = dnnl::prop_kind::forward_inference;

/// Extents of one map, in oneDNN's order.
dnnl::memory::dims dims_of(const deploy::Value& value, std::int64_t batch) {
  return {batch, value.c, value.h, value.w};
}

}  // namespace

struct OneDnnNetwork::Steps {
  struct Step {
    dnnl::primitive primitive;
    std::unordered_map<int, dnnl::memory> arguments;
  };

  dnnl::stream stream{engine()};
  std::vector<Step> steps;
  int copies = 0;
};

/// Adds the steps of one operation after the other.
class OneDnnNetwork::Builder {
 public:
  Builder(const deploy::PackedModel& model, PeerType type, std::int64_t batch, Steps& steps)
      : model_(model), type_(type), batch_(batch), steps_(steps), values_(model.values.size()) {
    values_[model.input] =
        filled({dims_of(model.values[model.input], batch), activation_type(), Tag::nhwc});
    for (const deploy::Operation& operation : model.operations) {
      std::visit([this](const auto& kind) { add(kind); }, operation);
    }
  }

 private:
  dnnl::memory::data_type activation_type() const { return onednn::activation_type(type_); }

  dnnl::memory filled(const Description& description) {
    dnnl::memory memory(description, engine());
    std::memset(memory.get_data_handle(), 0, description.get_size());
    return memory;
  }

  void step(const dnnl::primitive& primitive, std::unordered_map<int, dnnl::memory> arguments) {
    steps_.steps.push_back({primitive, std::move(arguments)});
  }

  /// The memory itself, or a copy in the layout that is asked for.
  dnnl::memory as(const dnnl::memory& memory, const Description& wanted) {
    if (memory.get_desc() == wanted) return memory;
    dnnl::memory copy(wanted, engine());
    step(dnnl::reorder(memory, copy), {{DNNL_ARG_FROM, memory}, {DNNL_ARG_TO, copy}});
    ++steps_.copies;
    return copy;
  }

  const dnnl::memory& value(std::size_t index) const {
    check(static_cast<bool>(values_[index]), "bench: value {} is used before it is made", index);
    return values_[index];
  }

  /// Channels of several values side by side.
  dnnl::memory concatenated(const std::vector<dnnl::memory>& parts) {
    if (parts.size() == 1) return parts[0];
    std::vector<Description> descriptions;
    for (const dnnl::memory& part : parts) descriptions.push_back(part.get_desc());
#if DNNL_VERSION_MAJOR >= 3
    const dnnl::concat::primitive_desc description(engine(), 1, descriptions);
#else
    const dnnl::concat::primitive_desc description(1, descriptions, engine());
#endif
    dnnl::memory result(description.dst_desc(), engine());
    std::unordered_map<int, dnnl::memory> arguments = {{DNNL_ARG_DST, result}};
    for (std::size_t i = 0; i < parts.size(); ++i) {
      arguments.emplace(DNNL_ARG_MULTIPLE_SRC + static_cast<int>(i), parts[i]);
    }
    step(dnnl::concat(description), std::move(arguments));
    return result;
  }

  void add(const deploy::Convolution& operation) {
    const dnnl::memory result =
        operation.inputs.empty() ? rectified(operation) : multiplied(operation);
    for (const std::size_t index : operation.float_outputs) values_[index] = result;
    for (const std::size_t index : operation.symbol_outputs) values_[index] = result;
  }

  dnnl::memory multiplied(const deploy::Convolution& operation) {
    const kernels::Conv2dGeometry& g = operation.description.geometry;
    std::vector<dnnl::memory> parts;
    for (const std::size_t input : operation.inputs) parts.push_back(value(input));
    const Description result_description =
        operation.residual
            ? value(*operation.residual).get_desc()
            : Description({batch_, g.c_out, g.out_h, g.out_w}, activation_type(), Tag::any);
    const auto description = describe<dnnl::convolution_forward>(
        onednn::convolution_attributes(type_, g.c_out, operation.residual.has_value()), inference,
        dnnl::algorithm::convolution_direct,
        Description({batch_, g.c_in, g.h, g.w}, activation_type(), Tag::any),
        Description({g.c_out, g.c_in, g.kernel_h, g.kernel_w}, onednn::weight_type(type_),
                    Tag::any),
        Description({g.c_out}, onednn::bias_type(type_), Tag::a), result_description,
        dnnl::memory::dims{g.stride_h, g.stride_w}, dnnl::memory::dims{g.pad_top, g.pad_left},
        dnnl::memory::dims{g.pad_bottom, g.pad_right});
    const dnnl::memory source = as(concatenated(parts), description.src_desc());
    // The addition is in place.
    const dnnl::memory result = operation.residual ? value(*operation.residual)
                                                   : dnnl::memory(description.dst_desc(), engine());
    std::unordered_map<int, dnnl::memory> arguments = {
        {DNNL_ARG_SRC, source},
        {DNNL_ARG_WEIGHTS, filled(description.weights_desc())},
        {DNNL_ARG_BIAS, filled(description.bias_desc())},
        {DNNL_ARG_DST, result}};
    onednn::add_scales(type_, g.c_out, arguments);
    step(dnnl::convolution_forward(description), std::move(arguments));
    return result;
  }

  /// Pointwise work: one pass over the map.
  dnnl::memory rectified(const deploy::Convolution& operation) {
    check(operation.residual.has_value(), "bench: {} has no input", operation.name);
    const dnnl::memory source = value(*operation.residual);
    dnnl::memory result(source.get_desc(), engine());
#if DNNL_VERSION_MAJOR >= 3
    const dnnl::eltwise_forward::primitive_desc description(
        engine(), inference, dnnl::algorithm::eltwise_relu, source.get_desc(), source.get_desc());
#else
    const dnnl::eltwise_forward::primitive_desc description(
        {inference, dnnl::algorithm::eltwise_relu, source.get_desc(), 0, 0}, engine());
#endif
    step(dnnl::eltwise_forward(description), {{DNNL_ARG_SRC, source}, {DNNL_ARG_DST, result}});
    return result;
  }

  struct Window {
    std::int64_t height, width, stride, top, left;
  };

  void add_pool(dnnl::algorithm algorithm, std::size_t input, std::size_t output, Window window) {
    const deploy::Value& from = model_.values[input];
    const deploy::Value& to = model_.values[output];
    const dnnl::memory source = value(input);
    const Description target(dims_of(to, batch_), activation_type(), Tag::any);
    const dnnl::memory::dims strides = {window.stride, window.stride};
    const dnnl::memory::dims kernel = {window.height, window.width};
    const dnnl::memory::dims before = {window.top, window.left};
    const dnnl::memory::dims after = {
        std::max<std::int64_t>((to.h - 1) * window.stride + window.height - from.h - window.top, 0),
        std::max<std::int64_t>((to.w - 1) * window.stride + window.width - from.w - window.left,
                               0)};
#if DNNL_VERSION_MAJOR >= 3
    const dnnl::memory::dims dilation = {0, 0};
    const dnnl::pooling_forward::primitive_desc description(engine(), inference, algorithm,
                                                            source.get_desc(), target, strides,
                                                            kernel, dilation, before, after);
#else
    const dnnl::pooling_forward::primitive_desc description(
        {inference, algorithm, source.get_desc(), target, strides, kernel, before, after},
        engine());
#endif
    dnnl::memory result(description.dst_desc(), engine());
    step(dnnl::pooling_forward(description), {{DNNL_ARG_SRC, source}, {DNNL_ARG_DST, result}});
    values_[output] = result;
  }

  template <typename Pool>
  void add_window_pool(dnnl::algorithm algorithm, const Pool& operation) {
    add_pool(algorithm, operation.input, operation.output,
             {operation.kernel, operation.kernel, operation.stride, operation.pad_top,
              operation.pad_left});
  }
  void add(const deploy::MaxPool& operation) {
    add_window_pool(dnnl::algorithm::pooling_max, operation);
  }
  void add(const deploy::AveragePool& operation) {
    add_window_pool(dnnl::algorithm::pooling_avg_exclude_padding, operation);
  }
  void add(const deploy::GlobalAveragePool& operation) {
    const deploy::Value& from = model_.values[operation.input];
    add_pool(dnnl::algorithm::pooling_avg_exclude_padding, operation.input, operation.output,
             {from.h, from.w, 1, 0, 0});
  }
  void add(const deploy::Dequantize& operation) {
    values_[operation.output] = value(operation.input);
  }
  void add(const deploy::Concat& operation) {
    std::vector<dnnl::memory> parts;
    for (const std::size_t input : operation.inputs) parts.push_back(value(input));
    values_[operation.output] = concatenated(parts);
  }
  void add(const deploy::ChannelPad& operation) {
    const deploy::Value& from = model_.values[operation.input];
    const deploy::Value& to = model_.values[operation.output];
    const auto zeros = [&](std::int64_t channels) {
      return filled({{batch_, channels, to.h, to.w}, activation_type(), Tag::nhwc});
    };
    std::vector<dnnl::memory> parts;
    if (operation.before > 0) parts.push_back(zeros(operation.before));
    parts.push_back(value(operation.input));
    const std::int64_t after = to.c - from.c - operation.before;
    if (after > 0) parts.push_back(zeros(after));
    values_[operation.output] = concatenated(parts);
  }

  const deploy::PackedModel& model_;
  PeerType type_;
  std::int64_t batch_;
  Steps& steps_;
  std::vector<dnnl::memory> values_;
};

OneDnnNetwork::OneDnnNetwork(const deploy::PackedModel& model, PeerType type, std::int64_t batch)
    : steps_(std::make_unique<Steps>()) {
  try {
    const Builder builder(model, type, batch, *steps_);
  } catch (const dnnl::error& error) {
    fail("bench: oneDNN has no counterpart of {}: {}", model.name, error.what());
  }
}

OneDnnNetwork::~OneDnnNetwork() = default;

void OneDnnNetwork::run() {
  for (const Steps::Step& step : steps_->steps) {
    step.primitive.execute(steps_->stream, step.arguments);
  }
  steps_->stream.wait();
}

int OneDnnNetwork::primitives() const { return static_cast<int>(steps_->steps.size()); }
int OneDnnNetwork::copies() const { return steps_->copies; }

}  // namespace lq::bench
