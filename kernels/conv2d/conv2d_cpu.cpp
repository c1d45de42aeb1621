#include <compare>
#include <optional>

#include "core/threads.h"
#include "kernels/common/column_sum.h"
#include "kernels/common/onednn.h"
#include "kernels/conv2d/conv2d.h"

// oneDNN takes and gives activations in NHWC as they are; that costs no speed against its blocked
// layouts. The weight's layout is its own choice: a reorder of the weight is cheap beside the
// convolution, and weights change with every step, so the reordered ones are not kept.

namespace lq::kernels::cpu {

namespace {

using onednn::Executable;
using onednn::Memory;
using onednn::MemoryDescription;
using onednn::PrimitiveCache;
using onednn::Scratch;

using Tag = Memory::format_tag;
constexpr auto f32 = Memory::data_type::f32;

enum class Pass : unsigned char { forward, backward_data, backward_weights };

struct PlanKey {
  Pass pass;
  Conv2dGeometry geometry;
  bool with_bias;  // forward only
  bool add;        // backward only: accumulate
  int threads;     // oneDNN compiles the division of the work into the primitive

  friend auto operator<=>(const PlanKey&, const PlanKey&) = default;
};

/// The tensors of a convolution in this project's layouts, and the free choice of the weight's.
struct Layouts {
  MemoryDescription x, weight, any_weight, bias, y;
  Memory::dims strides, padding_before, padding_after;

  explicit Layouts(const Conv2dGeometry& g)
      : x({g.n, g.c_in, g.h, g.w}, f32, Tag::nhwc),
        bias({g.c_out}, f32, Tag::a),
        y({g.n, g.c_out, g.out_h, g.out_w}, f32, Tag::nhwc),
        strides{g.stride_h, g.stride_w},
        padding_before{g.pad_top, g.pad_left},
        padding_after{g.pad_bottom, g.pad_right} {
    Memory::dims extents{g.c_out / g.groups, g.c_in / g.groups, g.kernel_h, g.kernel_w};
    if (g.groups > 1) extents.insert(extents.begin(), g.groups);
    weight = MemoryDescription(extents, f32, g.groups > 1 ? Tag::gohwi : Tag::ohwi);
    any_weight = MemoryDescription(extents, f32, Tag::any);
  }
};

/// One pass of one convolution, compiled.
struct Plan {
  Layouts layouts;
  MemoryDescription weight;  // in the layout of oneDNN's choice
  Executable convolution;
  std::optional<Executable> pack;     // weight from our layout to oneDNN's
  std::optional<Executable> deliver;  // a gradient from scratch to its place, or added to it
};

dnnl::convolution_forward::primitive_desc describe_forward(const Layouts& layouts, bool with_bias) {
  const auto kind = dnnl::prop_kind::forward_training;
  const auto algorithm = dnnl::algorithm::convolution_direct;
  const auto attributes = onednn::attributes();
  if (with_bias) {
    return onednn::describe<dnnl::convolution_forward>(
        attributes, kind, algorithm, layouts.x, layouts.any_weight, layouts.bias, layouts.y,
        layouts.strides, layouts.padding_before, layouts.padding_after);
  }
  return onednn::describe<dnnl::convolution_forward>(attributes, kind, algorithm, layouts.x,
                                                     layouts.any_weight, layouts.y, layouts.strides,
                                                     layouts.padding_before, layouts.padding_after);
}

std::optional<Executable> make_pack(const Layouts& layouts, const MemoryDescription& weight) {
  if (weight == layouts.weight) return std::nullopt;
  return onednn::make_reorder(layouts.weight, weight, false);
}

Plan make_forward(const PlanKey& key) {
  const Layouts layouts(key.geometry);
  const auto description = describe_forward(layouts, key.with_bias);
  const MemoryDescription weight = description.weights_desc();
  return {layouts, weight, Executable(description), make_pack(layouts, weight), std::nullopt};
}

Plan make_backward_data(const PlanKey& key) {
  const Layouts layouts(key.geometry);
  const auto description = onednn::describe_backward<dnnl::convolution_backward_data>(
      onednn::attributes(), describe_forward(layouts, false), dnnl::algorithm::convolution_direct,
      layouts.x, layouts.any_weight, layouts.y, layouts.strides, layouts.padding_before,
      layouts.padding_after);
  const MemoryDescription weight = description.weights_desc();
  std::optional<Executable> deliver;
  if (key.add) deliver = onednn::make_reorder(layouts.x, layouts.x, true);
  return {layouts, weight, Executable(description), make_pack(layouts, weight), deliver};
}

Plan make_backward_weights(const PlanKey& key) {
  const Layouts layouts(key.geometry);
  const auto description = onednn::describe_backward<dnnl::convolution_backward_weights>(
      onednn::attributes(), describe_forward(layouts, false), dnnl::algorithm::convolution_direct,
      layouts.x, layouts.any_weight, layouts.y, layouts.strides, layouts.padding_before,
      layouts.padding_after);
  const MemoryDescription weight = description.diff_weights_desc();
  std::optional<Executable> deliver;
  if (key.add || weight != layouts.weight) {
    deliver = onednn::make_reorder(weight, layouts.weight, key.add);
  }
  return {layouts, weight, Executable(description), std::nullopt, deliver};
}

std::shared_ptr<const Plan> plan_for(const PlanKey& key) {
  static PrimitiveCache<PlanKey, Plan> plans;
  return plans.get(key, [&] {
    switch (key.pass) {
      case Pass::forward:
        return make_forward(key);
      case Pass::backward_data:
        return make_backward_data(key);
      case Pass::backward_weights:
        break;
    }
    return make_backward_weights(key);
  });
}

/// Calls body(memory) with the weight in the layout that the plan's convolution reads.
template <typename Body>
void with_packed_weight(const Plan& plan, ConstView<float> weight, Body&& body) {
  const Memory given = onednn::memory_of(plan.layouts.weight, weight.data);
  if (!plan.pack) {
    body(given);
    return;
  }
  const Scratch packed(plan.weight);
  plan.pack->run({{DNNL_ARG_FROM, given}, {DNNL_ARG_TO, packed.memory()}});
  body(packed.memory());
}

/// Calls body(memory) with where the plan's convolution is to write a gradient of the layout
/// `written`, and brings that to `gradient`.
template <typename Body>
void with_destination(const Plan& plan, const MemoryDescription& written, const Memory& gradient,
                      Body&& body) {
  if (!plan.deliver) {
    body(gradient);
    return;
  }
  const Scratch result(written);
  body(result.memory());
  plan.deliver->run({{DNNL_ARG_FROM, result.memory()}, {DNNL_ARG_TO, gradient}});
}

}  // namespace

void conv2d_forward(Stream&, const Conv2dGeometry& geometry, ConstView<float> x,
                    ConstView<float> weight, ConstView<float> bias, View<float> y) {
  onednn::guarded("conv2d_forward", geometry, [&] {
    const bool with_bias = static_cast<bool>(bias);
    const auto plan = plan_for({Pass::forward, geometry, with_bias, false, num_threads()});
    with_packed_weight(*plan, weight, [&](const Memory& packed) {
      std::unordered_map<int, Memory> arguments{
          {DNNL_ARG_SRC, onednn::memory_of(plan->layouts.x, x.data)},
          {DNNL_ARG_WEIGHTS, packed},
          {DNNL_ARG_DST, onednn::memory_of(plan->layouts.y, y.data)}};
      if (with_bias) {
        arguments.emplace(DNNL_ARG_BIAS, onednn::memory_of(plan->layouts.bias, bias.data));
      }
      plan->convolution.run(std::move(arguments));
    });
  });
}

void conv2d_backward_data(Stream&, const Conv2dGeometry& geometry, ConstView<float> grad_y,
                          ConstView<float> weight, View<float> grad_x, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  onednn::guarded("conv2d_backward_data", geometry, [&] {
    const bool add = mode == GradientMode::accumulate;
    const auto plan = plan_for({Pass::backward_data, geometry, false, add, num_threads()});
    const Memory gradient = onednn::memory_of(plan->layouts.x, grad_x.data);
    with_packed_weight(*plan, weight, [&](const Memory& packed) {
      with_destination(*plan, plan->layouts.x, gradient, [&](const Memory& destination) {
        plan->convolution.run({{DNNL_ARG_DIFF_DST, onednn::memory_of(plan->layouts.y, grad_y.data)},
                               {DNNL_ARG_WEIGHTS, packed},
                               {DNNL_ARG_DIFF_SRC, destination}});
      });
    });
  });
}

void conv2d_backward_weights(Stream&, const Conv2dGeometry& geometry, ConstView<float> grad_y,
                             ConstView<float> x, View<float> grad_weight, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  onednn::guarded("conv2d_backward_weights", geometry, [&] {
    const bool add = mode == GradientMode::accumulate;
    const auto plan = plan_for({Pass::backward_weights, geometry, false, add, num_threads()});
    const Memory gradient = onednn::memory_of(plan->layouts.weight, grad_weight.data);
    with_destination(*plan, plan->weight, gradient, [&](const Memory& destination) {
      plan->convolution.run({{DNNL_ARG_DIFF_DST, onednn::memory_of(plan->layouts.y, grad_y.data)},
                             {DNNL_ARG_SRC, onednn::memory_of(plan->layouts.x, x.data)},
                             {DNNL_ARG_DIFF_WEIGHTS, destination}});
    });
  });
}

void conv2d_backward_bias(Stream&, const Conv2dGeometry&, ConstView<float> grad_y,
                          View<float> grad_bias, GradientMode mode) {
  column_sum(grad_y, grad_bias, mode);
}

}  // namespace lq::kernels::cpu
