#include <limits>

#include "core/error.h"
#include "kernels/batch_norm/batch_norm.h"
#include "kernels/common/cuda/assign_levels.h"
#include "kernels/common/cuda/channel_sums.h"
#include "kernels/common/cuda/divider.h"
#include "kernels/common/cuda/gradient.h"
#include "kernels/common/cuda/pixels.h"

namespace lq::kernels::cuda {

namespace {

constexpr int map_threads = 256;

/// What the elements of a channel are computed with; one access each.
struct alignas(16) Coefficients {
  float mean;
  float inverse_deviation;
  float scale;  // gamma times that
  float beta;

  /// z of a value. Backward passes ask again which side of a bound it was on, so there is one way
  /// to compute it.
  __device__ float normalized(float x) const { return __fmaf_rn(x - mean, scale, beta); }
  /// The value with mean 0 and variance 1.
  __device__ float standardized(float x) const { return (x - mean) * inverse_deviation; }
};

/// What coefficients are made of.
struct Parameters {
  const float* mean;
  const float* variance;
  const float* gamma;  // null: 1
  const float* beta;   // null: 0
  float epsilon;

  explicit Parameters(const BatchNormParameters& parameters)
      : mean(parameters.mean.data),
        variance(parameters.variance.data),
        gamma(parameters.gamma.data),
        beta(parameters.beta.data),
        epsilon(static_cast<float>(parameters.epsilon)) {}

  __device__ Coefficients of(std::int64_t c) const {
    const float inverse_deviation = 1.0F / sqrtf(variance[c] + epsilon);
    return {mean[c], inverse_deviation, (gamma != nullptr ? gamma[c] : 1.0F) * inverse_deviation,
            beta != nullptr ? beta[c] : 0.0F};
  }
};

/// A thread owns a channel: bound by the launch.
__global__ void __launch_bounds__(map_threads)
    coefficients_kernel(std::int64_t channels, Parameters parameters, Coefficients* coefficients) {
  const std::int64_t c = static_cast<std::int64_t>(blockIdx.x) * map_threads + threadIdx.x;
  if (c < channels) coefficients[c] = parameters.of(c);
}

LaunchShape thread_per(std::int64_t count) {
  return {dim3(static_cast<unsigned>(ceil_divide<std::int64_t>(count, map_threads))),
          dim3(map_threads)};
}

/// Of all channels, behind what computes the parameters.
class CoefficientArray {
 public:
  CoefficientArray(std::string_view operation, Stream& stream,
                   const BatchNormParameters& parameters)
      : memory_(stream, parameters.mean.elements()) {
    const std::int64_t channels = parameters.mean.elements();
    launch(operation, coefficients_kernel, thread_per(channels), stream, channels,
           Parameters(parameters), memory_.data());
  }
  const Coefficients* data() { return memory_.data(); }

 private:
  Scratch<Coefficients> memory_;
};

/// Deviations from the channel's first value, and their squares. In float they are taken from the
/// middle of the run, which stays in registers: there, squares are of the size of the variance
/// wherever the mean and single values are. From there to the first value they are moved in double,
/// where a channel far from zero loses nothing by it, and an outlier in the first row is a part of
/// the variance itself.
struct DeviationsOfChannel {
  const float* x;
  double origin;

  __device__ SumPair operator()(const ChannelRun& run) const {
    const auto count = static_cast<float>(run.count);
    const float first = x[run.first];
    float values[run_values];
    float rough_sum = 0;
#pragma unroll
    for (int k = 0; k < run_values; ++k) {
      values[k] = run.read(x, k, first);
      rough_sum += values[k] - first;
    }
    const float middle = first + rough_sum / count;
    float sum = 0;
    float squares = 0;
#pragma unroll
    for (int k = 0; k < run_values; ++k) {
      const float deviation = k < run.count ? values[k] - middle : 0.0F;
      sum += deviation;
      squares = __fmaf_rn(deviation, deviation, squares);
    }
    const double shift = static_cast<double>(middle) - origin;
    const double moved = count * shift;
    return {moved + sum, shift * (moved + 2 * static_cast<double>(sum)) + squares};
  }
};

struct Deviations {
  const float* x;

  __device__ DeviationsOfChannel of(std::int64_t c) const { return {x, static_cast<double>(x[c])}; }
};

struct FinishStatistics {
  const float* x;
  double rows;
  float* mean;
  float* variance;

  __device__ void operator()(std::int64_t c, const SumPair& sum) const {
    const double shift = sum.first / rows;
    mean[c] = static_cast<float>(static_cast<double>(x[c]) + shift);
    const double spread = sum.second / rows - shift * shift;
    variance[c] = spread < 0 ? 0.0F : static_cast<float>(spread);  // NaN stays
  }
};

/// A thread owns a channel: bound by the launch.
__global__ void __launch_bounds__(map_threads)
    update_running_kernel(std::int64_t channels, const float* mean, const float* variance,
                          float* running_mean, float* running_variance, double decay,
                          double unbiased) {
  const std::int64_t c = static_cast<std::int64_t>(blockIdx.x) * map_threads + threadIdx.x;
  if (c >= channels) return;
  running_mean[c] = static_cast<float>(decay * static_cast<double>(running_mean[c]) +
                                       (1.0 - decay) * static_cast<double>(mean[c]));
  running_variance[c] =
      static_cast<float>(decay * static_cast<double>(running_variance[c]) +
                         (1.0 - decay) * (static_cast<double>(variance[c]) * unbiased));
}

/// Elements are counted in 32 bits, which a division by the channels is fast for.
void check_elements(std::string_view operation, const ConstView<float>& x) {
  check(x.elements() <= std::numeric_limits<std::uint32_t>::max(),
        "{}: x is {}, on a GPU less than 2^32 elements are expected", operation, x.shape);
}

/// The lowest value that comes out of what may be a ReLU.
float floor_of(bool relu) { return relu ? 0.0F : -std::numeric_limits<float>::infinity(); }

__device__ float rectified(float z, float floor) {
  return z <= floor ? floor : z;  // NaN stays
}

/// What comes out of batch norm and ReLU, element by element.
struct NormalizedValues {
  struct Reader {
    const float* x;
    int first_channel;  // of x[0]
    Divider by_channels;
    const Coefficients* coefficients;
    float floor;

    __device__ float read(int offset) const { return x[offset]; }
    __device__ float value(float own_x, int offset) const {
      int channel = 0;
      by_channels.split(first_channel + offset, channel);
      return rectified(coefficients[channel].normalized(own_x), floor);
    }
  };

  const float* x;
  Divider by_channels;
  const Coefficients* coefficients;
  float floor;

  __device__ Reader from(std::int64_t /*row*/, std::int64_t first) const {
    const auto channels = static_cast<std::uint32_t>(by_channels.value());
    return {x + first, static_cast<int>(static_cast<std::uint32_t>(first) % channels), by_channels,
            coefficients, floor};
  }
};

/// The same, where nothing is quantized.
struct Normalize {
  const float* x;
  int channels;
  const Coefficients* coefficients;
  float floor;
  float* y;

  template <int group>
  __device__ void apply(int pixel, int channel) const {
    const std::int64_t at = static_cast<std::int64_t>(pixel) * channels + channel;
    Channels<group> values = load_channels<group>(x + at);
#pragma unroll
    for (int i = 0; i < group; ++i) {
      const float z = coefficients[channel + i].normalized(values.values[i]);
      values.values[i] = rectified(z, floor);
    }
    store_channels<group>(y + at, values);
  }
};

/// The values of z that gradients pass at; NaN is none.
struct PassedRange {
  float low;  // not passed
  float high;

  __device__ bool has(float z) const { return z > low && z <= high; }
};

/// The gradient of z: that of y where neither ReLU nor the quantizer's range stops it.
struct MaskedGradient {
  const float* grad_y;
  const float* x;
  float floor;              // of what may be a ReLU
  const float* pass_range;  // null: everywhere

  __device__ PassedRange passed() const {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    PassedRange range{-infinity, infinity};
    if (pass_range != nullptr) range = {pass_range[0], pass_range[1]};
    if (range.low < floor) range.low = floor;
    return range;
  }
};

struct GradientSumsOfChannel {
  const float* grad_y;
  const float* x;
  Coefficients coefficients;
  PassedRange passed;

  __device__ SumPair operator()(const ChannelRun& run) const {
    float sum = 0;
    float products = 0;
#pragma unroll
    for (int k = 0; k < run_values; ++k) {
      const float own_x = run.read(x, k);
      const float own_grad_y = run.read(grad_y, k);
      const float gradient = passed.has(coefficients.normalized(own_x)) ? own_grad_y : 0.0F;
      sum += gradient;
      products = __fmaf_rn(gradient, coefficients.standardized(own_x), products);
    }
    return {sum, products};
  }
};

struct GradientSums {
  MaskedGradient gradient;
  Parameters parameters;

  __device__ GradientSumsOfChannel of(std::int64_t c) const {
    return {gradient.grad_y, gradient.x, parameters.of(c), gradient.passed()};
  }
};

/// Means over the rows that the gradient of x takes off: of the gradient of z, and of its product
/// with standardized values.
struct alignas(8) GradientMeans {
  float gradient;
  float product;
};

__device__ void deliver(float* to, std::int64_t c, double value, GradientMode mode) {
  if (mode != GradientMode::ignore) deliver_gradient(to[c], static_cast<float>(value), mode);
}

/// Leaves behind what the gradient of x is computed with.
struct FinishGradients {
  float* grad_gamma;
  GradientMode gamma_mode;
  float* grad_beta;
  GradientMode beta_mode;
  Parameters parameters;
  Coefficients* coefficients;
  GradientMeans* means;
  double rows;

  __device__ void operator()(std::int64_t c, const SumPair& sum) const {
    deliver(grad_beta, c, sum.first, beta_mode);
    deliver(grad_gamma, c, sum.second, gamma_mode);
    coefficients[c] = parameters.of(c);
    means[c] = {static_cast<float>(sum.first / rows), static_cast<float>(sum.second / rows)};
  }
};

template <bool batch_statistics>
struct InputGradient {
  MaskedGradient source;
  const Coefficients* coefficients;
  const GradientMeans* means;
  int channels;
  float* grad_x;
  bool add;

  template <int group>
  __device__ void apply(int pixel, int channel) const {
    const std::int64_t at = static_cast<std::int64_t>(pixel) * channels + channel;
    const Channels<group> x = load_channels<group>(source.x + at);
    Channels<group> gradients = load_channels<group>(source.grad_y + at);
    const PassedRange passed = source.passed();
#pragma unroll
    for (int i = 0; i < group; ++i) {
      const Coefficients of_channel = coefficients[channel + i];
      const bool passes = passed.has(of_channel.normalized(x.values[i]));
      float gradient = passes ? gradients.values[i] : 0.0F;
      if constexpr (batch_statistics) {
        const GradientMeans mean = means[channel + i];
        gradient -= mean.gradient + of_channel.standardized(x.values[i]) * mean.product;
      }
      gradients.values[i] = gradient * of_channel.scale;
    }
    deliver_channels<group>(grad_x + at, gradients, add);
  }
};

}  // namespace

void batch_norm_statistics(Stream& stream, ConstView<float> x, View<float> mean,
                           View<float> variance) {
  channel_sums("batch_norm_statistics", stream, x.shape[0], x.shape[1], Deviations{x.data},
               FinishStatistics{x.data, static_cast<double>(x.shape[0]), mean.data, variance.data});
}

void batch_norm_update_running(Stream& stream, ConstView<float> mean, ConstView<float> variance,
                               const BatchNormRunning& running) {
  const auto values = static_cast<double>(running.values);
  const double unbiased = running.values > 1 ? values / (values - 1.0) : 1.0;
  launch("batch_norm_update_running", update_running_kernel, thread_per(mean.elements()), stream,
         mean.elements(), mean.data, variance.data, running.mean.data, running.variance.data,
         running.decay, unbiased);
}

void batch_norm_forward(Stream& stream, ConstView<float> x, const BatchNormParameters& parameters,
                        const BatchNormActivation& activation, View<float> y) {
  constexpr std::string_view operation = "batch_norm_forward";
  check_elements(operation, x);
  CoefficientArray coefficients(operation, stream, parameters);
  const int channels = index_extent(operation, x.shape[1]);
  if (activation.table) {
    const NormalizedValues source{x.data, Divider(channels), coefficients.data(),
                                  floor_of(activation.relu)};
    assign_levels(operation, stream, source, 1, x.elements(), activation.table, y,
                  activation.statistics, activation.planes);
  } else {
    const Normalize normalize{x.data, channels, coefficients.data(), floor_of(activation.relu),
                              y.data};
    for_each_pixel(operation, stream, x.shape[0], channels, fit_groups(channels, x.data, y.data),
                   normalize);
  }
}

void batch_norm_backward(Stream& stream, ConstView<float> grad_y, ConstView<float> x,
                         const BatchNormParameters& parameters,
                         const BatchNormBackwardOptions& options,
                         const BatchNormGradients& gradients) {
  constexpr std::string_view operation = "batch_norm_backward";
  check_elements(operation, x);
  const Parameters of_channels(parameters);
  const MaskedGradient source{grad_y.data, x.data, floor_of(options.relu), options.pass_range.data};
  Scratch<Coefficients> coefficients(stream, x.shape[1]);
  Scratch<GradientMeans> means(stream, x.shape[1]);
  channel_sums(operation, stream, x.shape[0], x.shape[1], GradientSums{source, of_channels},
               FinishGradients{gradients.gamma.data, gradients.gamma_mode, gradients.beta.data,
                               gradients.beta_mode, of_channels, coefficients.data(), means.data(),
                               static_cast<double>(x.shape[0])});
  if (gradients.x_mode == GradientMode::ignore) return;
  const auto deliver_gradients = [&]<bool batch_statistics>() {
    const InputGradient<batch_statistics> gradient{
        source,           coefficients.data(),
        means.data(),     index_extent(operation, x.shape[1]),
        gradients.x.data, gradients.x_mode == GradientMode::accumulate};
    for_each_pixel(operation, stream, x.shape[0], x.shape[1],
                   fit_groups(x.shape[1], grad_y.data, x.data, gradients.x.data), gradient);
  };
  if (options.batch_statistics) {
    deliver_gradients.template operator()<true>();
  } else {
    deliver_gradients.template operator()<false>();
  }
}

}  // namespace lq::kernels::cuda
