#include "kernels/common/cuda/convolution_products.h"

#include "kernels/common/cuda/channel_sums.h"
#include "kernels/common/cuda/divider.h"
#include "kernels/common/cuda/for_each.h"
#include "kernels/common/cuda/gradient.h"
#include "kernels/common/cuda/tiled_product.h"

namespace lq::kernels::cuda {

namespace {

/// What factors need to know of a convolution. C and O are those of a group; c of the whole input
/// is group * C + c, and likewise o.
struct Layer {
  int h, w, p, q, stride_h, stride_w, pad_top, pad_left;
  std::int64_t c, o, all_c, all_o, kernel_h, kernel_w;
  Divider by_c, by_o, by_s, by_q, by_p, by_w, by_h;

  explicit Layer(const Conv2dGeometry& g)
      : h(static_cast<int>(g.h)),
        w(static_cast<int>(g.w)),
        p(static_cast<int>(g.out_h)),
        q(static_cast<int>(g.out_w)),
        stride_h(static_cast<int>(g.stride_h)),
        stride_w(static_cast<int>(g.stride_w)),
        pad_top(static_cast<int>(g.pad_top)),
        pad_left(static_cast<int>(g.pad_left)),
        c(g.c_in / g.groups),
        o(g.c_out / g.groups),
        all_c(g.c_in),
        all_o(g.c_out),
        kernel_h(g.kernel_h),
        kernel_w(g.kernel_w),
        by_c(c),
        by_o(o),
        by_s(g.kernel_w),
        by_q(g.out_w),
        by_p(g.out_h),
        by_w(g.w),
        by_h(g.h) {}

  /// A place in a window and a channel, from an index in R S C (or R S O).
  struct Tap {
    int r, s;
    std::uint32_t channel;
  };
  __device__ Tap tap(std::int64_t index, const Divider& by_channels) const {
    auto channel = static_cast<std::uint32_t>(index);
    std::uint32_t s = by_channels.divide(channel);
    const std::uint32_t r = by_s.divide(s);
    return {static_cast<int>(r), static_cast<int>(s), channel};
  }

  /// The input's element at a tap of the window of an output pixel; 0 outside of the map.
  __device__ float input_at(const float* x, std::int64_t group, std::int64_t out_pixel,
                            const Tap& tap) const {
    auto column = static_cast<std::uint32_t>(out_pixel);
    std::uint32_t row = by_q.divide(column);
    const std::uint32_t n = by_p.divide(row);
    const int y_at = static_cast<int>(row) * stride_h - pad_top + tap.r;
    const int x_at = static_cast<int>(column) * stride_w - pad_left + tap.s;
    if (y_at < 0 || y_at >= h || x_at < 0 || x_at >= w) return 0.0F;
    return x[((static_cast<std::int64_t>(n) * h + y_at) * w + x_at) * all_c + group * c +
             tap.channel];
  }
};

/// Windows of the input: output pixels x R S C.
struct Windows {
  static constexpr Contiguous contiguous = Contiguous::depth;
  Layer layer;
  const float* x;
  __device__ float operator()(std::int64_t group, std::int64_t pixel, std::int64_t k) const {
    return layer.input_at(x, group, pixel, layer.tap(k, layer.by_c));
  }
};

/// The same with output pixels in depth, for the gradient of the weights.
struct WindowsInDepth {
  static constexpr Contiguous contiguous = Contiguous::side;
  Layer layer;
  const float* x;
  __device__ float operator()(std::int64_t group, std::int64_t pixel, std::int64_t n) const {
    return layer.input_at(x, group, pixel, layer.tap(n, layer.by_c));
  }
};

/// R S C x O.
struct Weights {
  static constexpr Contiguous contiguous = Contiguous::depth;
  std::int64_t depth, o;
  const float* weight;
  __device__ float operator()(std::int64_t group, std::int64_t k, std::int64_t n) const {
    return weight[(group * o + n) * depth + k];
  }
};

/// What of the output's gradient reaches input pixels: input pixels x R S O.
struct Reached {
  static constexpr Contiguous contiguous = Contiguous::depth;
  Layer layer;
  const float* grad_y;
  __device__ float operator()(std::int64_t group, std::int64_t pixel, std::int64_t k) const {
    const Layer::Tap tap = layer.tap(k, layer.by_o);
    auto column = static_cast<std::uint32_t>(pixel);
    std::uint32_t row = layer.by_w.divide(column);
    const std::uint32_t n = layer.by_h.divide(row);
    const int y_at = static_cast<int>(row) + layer.pad_top - tap.r;
    const int x_at = static_cast<int>(column) + layer.pad_left - tap.s;
    if (y_at < 0 || x_at < 0 || y_at % layer.stride_h != 0 || x_at % layer.stride_w != 0) {
      return 0.0F;
    }
    const int p = y_at / layer.stride_h;
    const int q = x_at / layer.stride_w;
    if (p >= layer.p || q >= layer.q) return 0.0F;
    return grad_y[((static_cast<std::int64_t>(n) * layer.p + p) * layer.q + q) * layer.all_o +
                  group * layer.o + tap.channel];
  }
};

/// R S O x C.
struct WeightsByOutput {
  static constexpr Contiguous contiguous = Contiguous::side;
  Layer layer;
  const float* weight;
  __device__ float operator()(std::int64_t group, std::int64_t k, std::int64_t n) const {
    const Layer::Tap tap = layer.tap(k, layer.by_o);
    return weight[(((group * layer.o + tap.channel) * layer.kernel_h + tap.r) * layer.kernel_w +
                   tap.s) *
                      layer.c +
                  n];
  }
};

/// O x output pixels.
struct GradientInDepth {
  static constexpr Contiguous contiguous = Contiguous::side;
  std::int64_t o, all_o;
  const float* grad_y;
  __device__ float operator()(std::int64_t group, std::int64_t m, std::int64_t pixel) const {
    return grad_y[pixel * all_o + group * o + m];
  }
};

struct StoreOutput {
  std::int64_t o, all_o;
  const float* bias;
  float* y;
  __device__ void operator()(std::int64_t group, std::int64_t, std::int64_t pixel, std::int64_t n,
                             float sum) const {
    const std::int64_t channel = group * o + n;
    y[pixel * all_o + channel] = bias != nullptr ? sum + bias[channel] : sum;
  }
};

struct StoreInputGradient {
  std::int64_t c, all_c;
  float* grad_x;
  GradientMode mode;
  __device__ void operator()(std::int64_t group, std::int64_t, std::int64_t pixel, std::int64_t n,
                             float sum) const {
    deliver_gradient(grad_x[pixel * all_c + group * c + n], sum, mode);
  }
};

struct StorePart {
  std::int64_t o, depth, split_elements;
  float* parts;
  __device__ void operator()(std::int64_t group, std::int64_t split, std::int64_t m, std::int64_t n,
                             float sum) const {
    parts[split * split_elements + (group * o + m) * depth + n] = sum;
  }
};

/// Adds the parts of an element in the order of the splits.
struct AddParts {
  std::int64_t splits, elements;
  const float* parts;
  float* gradient;
  GradientMode mode;
  __device__ void operator()(std::int64_t i) const {
    float sum = 0;
    for (std::int64_t split = 0; split < splits; ++split) sum += parts[split * elements + i];
    deliver_gradient(gradient[i], sum, mode);
  }
};

struct BiasSource {
  const float* grad_y;
  __device__ SumPair operator()(std::int64_t i, std::int64_t) const {
    return {static_cast<double>(grad_y[i]), 0};
  }
};

struct FinishBias {
  float* grad_bias;
  GradientMode mode;
  __device__ void operator()(std::int64_t c, const SumPair& sum) const {
    deliver_gradient(grad_bias[c], static_cast<float>(sum.first), mode);
  }
};

/// Products of weights are small and deep: as many splits as make work for a large device, none of
/// them shorter than 512.
std::int64_t splits_of(const ProductShape& shape) {
  constexpr std::int64_t wanted_blocks = 512;
  constexpr std::int64_t least_depth = 512;
  const std::int64_t tiles = divide_up<std::int64_t>(shape.m, product_tile) *
                             divide_up<std::int64_t>(shape.n, product_tile) * shape.groups;
  const std::int64_t wanted = divide_up(wanted_blocks, tiles);
  return std::clamp<std::int64_t>(shape.k / least_depth, 1, wanted);
}

}  // namespace

void convolution_forward(std::string_view operation, Stream& stream, const Conv2dGeometry& geometry,
                         const float* x, const float* weight, const float* bias, float* y) {
  const Layer layer(geometry);
  const std::int64_t depth = geometry.kernel_h * geometry.kernel_w * layer.c;
  tiled_product(operation, stream,
                {geometry.n * geometry.out_h * geometry.out_w, layer.o, depth, geometry.groups},
                Windows{layer, x}, Weights{depth, layer.o, weight},
                StoreOutput{layer.o, layer.all_o, bias, y});
}

void convolution_backward_data(std::string_view operation, Stream& stream,
                               const Conv2dGeometry& geometry, const float* grad_y,
                               const float* weight, float* grad_x, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  const Layer layer(geometry);
  tiled_product(operation, stream,
                {geometry.n * geometry.h * geometry.w, layer.c,
                 geometry.kernel_h * geometry.kernel_w * layer.o, geometry.groups},
                Reached{layer, grad_y}, WeightsByOutput{layer, weight},
                StoreInputGradient{layer.c, layer.all_c, grad_x, mode});
}

void convolution_backward_weights(std::string_view operation, Stream& stream,
                                  const Conv2dGeometry& geometry, const float* grad_y,
                                  const float* x, float* grad_weight, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  const Layer layer(geometry);
  const std::int64_t depth = geometry.kernel_h * geometry.kernel_w * layer.c;
  const std::int64_t elements = geometry.c_out * depth;
  ProductShape shape{layer.o, depth, geometry.n * geometry.out_h * geometry.out_w, geometry.groups};
  shape.splits = splits_of(shape);
  Scratch<float> parts(stream, shape.splits * elements);
  tiled_product(operation, stream, shape, GradientInDepth{layer.o, layer.all_o, grad_y},
                WindowsInDepth{layer, x}, StorePart{layer.o, depth, elements, parts.data()});
  for_each(operation, stream, elements,
           AddParts{shape.splits, elements, parts.data(), grad_weight, mode});
}

void bias_gradient(std::string_view operation, Stream& stream, std::int64_t rows,
                   std::int64_t channels, const float* grad_y, float* grad_bias,
                   GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  channel_sums(operation, stream, rows, channels, BiasSource{grad_y}, FinishBias{grad_bias, mode});
}

}  // namespace lq::kernels::cuda
