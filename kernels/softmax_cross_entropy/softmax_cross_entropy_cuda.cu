#include <cmath>
#include <limits>

#include "kernels/common/cuda/for_each.h"
#include "kernels/common/cuda/gradient.h"
#include "kernels/common/cuda/reduce.h"
#include "kernels/common/cuda/scratch.h"
#include "kernels/softmax_cross_entropy/softmax_cross_entropy.h"

namespace lq::kernels::cuda {

namespace {

constexpr int row_threads = 128;
constexpr int sum_threads = 256;

/// The lane's share of a row and of what is asked about it. A warp owns a row, a lane every 32nd
/// class.
struct Row {
  std::int64_t n;
  int lane;
};

__device__ Row own_row() {
  const std::int64_t thread = static_cast<std::int64_t>(blockIdx.x) * row_threads + threadIdx.x;
  return {thread / warp_threads, static_cast<int>(threadIdx.x) % warp_threads};
}

LaunchShape warp_per_row(std::int64_t rows) {
  return {dim3(static_cast<unsigned>(divide_up<std::int64_t>(rows * warp_threads, row_threads))),
          dim3(row_threads)};
}

/// Logits are read three times, from the cache but for the first: bound by the launch for the few
/// classes that there are.
__global__ void __launch_bounds__(row_threads)
    forward_kernel(std::int64_t rows, std::int64_t classes, const float* logits,
                   const std::int32_t* labels, float* probabilities, double* losses) {
  const Row row = own_row();
  if (row.n >= rows) return;  // the whole warp
  const float* const own = logits + row.n * classes;
  float largest = -std::numeric_limits<float>::infinity();
  bool has_nan = false;
  for (std::int64_t k = row.lane; k < classes; k += warp_threads) {
    has_nan = has_nan || isnan(own[k]);
    largest = own[k] > largest ? own[k] : largest;
  }
  largest = warp_max(largest);
  if (__any_sync(whole_warp, has_nan)) largest = std::numeric_limits<float>::quiet_NaN();
  const std::int32_t label = labels[row.n];
  double sum = 0;
  double at_label = 0;
  for (std::int64_t k = row.lane; k < classes; k += warp_threads) {
    sum += exp(static_cast<double>(own[k]) - static_cast<double>(largest));
    if (k == label) at_label = static_cast<double>(own[k]);
  }
  sum = warp_sum(sum);
  at_label = warp_sum(at_label);
  for (std::int64_t k = row.lane; k < classes; k += warp_threads) {
    probabilities[row.n * classes + k] =
        static_cast<float>(exp(static_cast<double>(own[k]) - static_cast<double>(largest)) / sum);
  }
  // A label that is no class, which the host could not see, makes the loss NaN.
  const bool is_class = label >= 0 && label < classes;
  const double loss = log(sum) + (static_cast<double>(largest) - at_label);
  if (row.lane == 0) losses[row.n] = is_class ? loss : nan("");
}

/// One block: a thread owns every 256th row.
__global__ void __launch_bounds__(sum_threads)
    mean_loss_kernel(std::int64_t rows, const double* losses, float* loss) {
  __shared__ double shared[sum_threads / warp_threads];
  double sum = 0;
  for (std::int64_t n = threadIdx.x; n < rows; n += sum_threads) sum += losses[n];
  sum = block_sum<sum_threads>(sum, shared);
  if (threadIdx.x == 0) *loss = static_cast<float>(sum / static_cast<double>(rows));
}

struct Gradient {
  std::int64_t rows, classes;
  const float* grad_loss;
  const float* probabilities;
  const std::int32_t* labels;
  float* grad_logits;
  GradientMode mode;

  __device__ void operator()(std::int64_t i) const {
    const float target = i % classes == labels[i / classes] ? 1.0F : 0.0F;
    const float scale = *grad_loss / static_cast<float>(rows);
    deliver_gradient(grad_logits[i], scale * (probabilities[i] - target), mode);
  }
};

/// The largest logit of a row and its class; of equal ones the first. A NaN wins, and has no class.
struct Prediction {
  float logit = -std::numeric_limits<float>::infinity();
  std::int32_t k = std::numeric_limits<std::int32_t>::max();

  __device__ void meet(float other, std::int32_t other_k) {
    if (other > logit || (other == logit && other_k < k)) {
      logit = other;
      k = other_k;
    }
  }
};

__global__ void __launch_bounds__(row_threads)
    predict_kernel(std::int64_t rows, std::int64_t classes, const float* logits,
                   const std::int32_t* labels, std::int32_t* is_correct) {
  const Row row = own_row();
  if (row.n >= rows) return;
  Prediction best;
  bool has_nan = false;
  for (std::int64_t k = row.lane; k < classes; k += warp_threads) {
    const float logit = logits[row.n * classes + k];
    has_nan = has_nan || isnan(logit);
    best.meet(logit, static_cast<std::int32_t>(k));
  }
#pragma unroll
  for (int distance = warp_threads / 2; distance > 0; distance /= 2) {
    best.meet(__shfl_xor_sync(whole_warp, best.logit, distance),
              __shfl_xor_sync(whole_warp, best.k, distance));
  }
  has_nan = __any_sync(whole_warp, has_nan);
  if (row.lane == 0) is_correct[row.n] = !has_nan && best.k == labels[row.n] ? 1 : 0;
}

/// One block: a thread owns every 256th row.
__global__ void __launch_bounds__(sum_threads)
    count_kernel(std::int64_t rows, const std::int32_t* is_correct, std::int64_t* count) {
  __shared__ std::int64_t shared[sum_threads / warp_threads];
  std::int64_t sum = 0;
  for (std::int64_t n = threadIdx.x; n < rows; n += sum_threads) sum += is_correct[n];
  sum = block_sum<sum_threads>(sum, shared);
  if (threadIdx.x == 0) *count = sum;
}

}  // namespace

void softmax_cross_entropy_forward(Stream& stream, ConstView<float> logits,
                                   ConstView<std::int32_t> labels, View<float> probabilities,
                                   View<float> loss) {
  constexpr std::string_view operation = "softmax_cross_entropy";
  const std::int64_t rows = logits.shape[0];
  Scratch<double> losses(stream, rows);
  launch(operation, forward_kernel, warp_per_row(rows), stream, rows, logits.shape[1], logits.data,
         labels.data, probabilities.data, losses.data());
  launch(operation, mean_loss_kernel, {dim3(1), dim3(sum_threads)}, stream, rows,
         static_cast<const double*>(losses.data()), loss.data);
}

void softmax_cross_entropy_backward(Stream& stream, ConstView<float> grad_loss,
                                    ConstView<float> probabilities, ConstView<std::int32_t> labels,
                                    View<float> grad_logits, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  for_each("softmax_cross_entropy_backward", stream, probabilities.elements(),
           Gradient{probabilities.shape[0], probabilities.shape[1], grad_loss.data,
                    probabilities.data, labels.data, grad_logits.data, mode});
}

void count_correct(Stream& stream, ConstView<float> logits, ConstView<std::int32_t> labels,
                   View<std::int64_t> count) {
  constexpr std::string_view operation = "count_correct";
  const std::int64_t rows = logits.shape[0];
  Scratch<std::int32_t> is_correct(stream, rows);
  launch(operation, predict_kernel, warp_per_row(rows), stream, rows, logits.shape[1], logits.data,
         labels.data, is_correct.data());
  launch(operation, count_kernel, {dim3(1), dim3(sum_threads)}, stream, rows,
         static_cast<const std::int32_t*>(is_correct.data()), count.data);
}

}  // namespace lq::kernels::cuda
