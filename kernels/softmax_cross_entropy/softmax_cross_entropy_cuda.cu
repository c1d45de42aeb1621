#include <algorithm>
#include <bit>

#include "kernels/common/cuda/divider.h"
#include "kernels/common/cuda/gradient.h"
#include "kernels/common/cuda/reduce.h"
#include "kernels/common/cuda/scratch.h"
#include "kernels/softmax_cross_entropy/softmax_cross_entropy.h"

namespace lq::kernels::cuda {

namespace {

constexpr int softmax_threads = 128;

/// The neighbouring lanes of one warp that own a row of N x K: a power of two, no more than K
/// needs. They walk the row side by side, so that their accesses are consecutive, and what they
/// find is combined by shuffles, in an order that depends on K alone. All lanes of a warp take part
/// in these; those behind the last row walk none.
struct RowTeam {
  int lane_bits;
  int rows;
  int classes;

  RowTeam(std::string_view operation, const Shape& scores)
      : rows(index_extent(operation, scores[0])), classes(index_extent(operation, scores[1])) {
    const auto useful = static_cast<unsigned>(std::min(classes, warp_threads));
    lane_bits = std::bit_width(useful - 1U);
  }

  LaunchShape launch_shape() const {
    return {dim3(static_cast<unsigned>(ceil_divide(rows, softmax_threads >> lane_bits))),
            dim3(softmax_threads)};
  }
  __device__ int lanes() const { return 1 << lane_bits; }
  __device__ int lane() const { return static_cast<int>(threadIdx.x) & (lanes() - 1); }
  __device__ bool has_row() const { return own_row() < rows; }
  __device__ int row() const { return min(own_row(), rows - 1); }
  /// Where the walk through the row ends.
  __device__ int end() const { return has_row() ? classes : 0; }

  template <typename T, typename Function>
  __device__ T combine(T value, Function function) const {
    for (int distance = lanes() / 2; distance > 0; distance /= 2) {
      value = function(value, __shfl_xor_sync(whole_warp, value, distance));
    }
    return value;
  }

 private:
  __device__ int own_row() const {
    return static_cast<int>(blockIdx.x * (softmax_threads >> lane_bits) +
                            (threadIdx.x >> lane_bits));
  }
};

struct Larger {
  __device__ float operator()(float a, float b) const { return fmaxf(a, b); }
};

struct Added {
  __device__ double operator()(double a, double b) const { return a + b; }
};

struct AddedCounts {
  __device__ std::int64_t operator()(std::int64_t a, std::int64_t b) const { return a + b; }
};

/// A team owns a row: its maximum, the exponentials with their sum, and the probabilities, which a
/// lane makes of what it has itself written, so that they may lie where the logits were. A row is
/// read twice and written twice, the second time in cache. Bound by memory for many classes and by
/// the launch for few.
__global__ void __launch_bounds__(softmax_threads)
    softmax_kernel(RowTeam team, const float* logits, const std::int32_t* labels,
                   float* probabilities, double* row_losses) {
  const std::int64_t first = static_cast<std::int64_t>(team.row()) * team.classes;
  const int label = labels[team.row()];
  // Warps behind the last row keep away from it: its owners may be writing probabilities there.
  const bool is_class = team.has_row() && label >= 0 && label < team.classes;
  const float label_logit = is_class ? logits[first + label] : NAN;
  float largest = -INFINITY;
  for (int k = team.lane(); k < team.end(); k += team.lanes()) {
    largest = fmaxf(largest, logits[first + k]);
  }
  // Behind this, every lane of the warp has read the logit of its label.
  largest = team.combine(largest, Larger{});
  __syncwarp();

  double sum = 0.0;
  for (int k = team.lane(); k < team.end(); k += team.lanes()) {
    const float exponential = expf(logits[first + k] - largest);
    probabilities[first + k] = exponential;
    sum += exponential;
  }
  sum = team.combine(sum, Added{});
  if (!team.has_row()) return;
  const auto scale = static_cast<float>(1.0 / sum);
  for (int k = team.lane(); k < team.end(); k += team.lanes()) probabilities[first + k] *= scale;
  if (team.lane() == 0) {
    row_losses[team.row()] = log(sum) + (largest - static_cast<double>(label_logit));
  }
}

constexpr int mean_threads = 256;

/// One block: a thread adds up every 256th row, and the block these, in an order of their own.
__global__ void __launch_bounds__(mean_threads)
    mean_loss_kernel(const double* row_losses, int rows, float* loss) {
  __shared__ double shared[mean_threads / warp_threads];
  double sum = 0.0;
  for (int row = static_cast<int>(threadIdx.x); row < rows; row += mean_threads) {
    sum += row_losses[row];
  }
  sum = block_sum<mean_threads>(sum, shared);
  if (threadIdx.x == 0) *loss = static_cast<float>(sum / rows);
}

/// A team owns a row. Bound by memory.
__global__ void __launch_bounds__(softmax_threads)
    softmax_gradient_kernel(RowTeam team, const float* grad_loss, const float* probabilities,
                            const std::int32_t* labels, float* grad_logits, GradientMode mode) {
  const std::int64_t first = static_cast<std::int64_t>(team.row()) * team.classes;
  const float scale = *grad_loss / static_cast<float>(team.rows);
  const int label = labels[team.row()];
  for (int k = team.lane(); k < team.end(); k += team.lanes()) {
    const float gradient = scale * (probabilities[first + k] - (k == label ? 1.0F : 0.0F));
    deliver_gradient(grad_logits[first + k], gradient, mode);
  }
}

/// A team owns a row and counts the classes that come before the label; a NaN counts as all of
/// them, and so does a label that is no class. A block adds its rows to the counts, which are
/// integers.
__global__ void __launch_bounds__(softmax_threads)
    count_correct_kernel(RowTeam team, const float* logits, const std::int32_t* labels, int tops,
                         unsigned long long* counts) {
  const float* const row = logits + static_cast<std::int64_t>(team.row()) * team.classes;
  const int label = labels[team.row()];
  const bool is_class = label >= 0 && label < team.classes;
  const float at_label = is_class ? row[label] : NAN;
  std::int64_t before = isnan(at_label) ? team.classes : 0;
  for (int k = team.lane(); k < team.end(); k += team.lanes()) {
    const float logit = row[k];
    const bool is_before = k < label ? logit >= at_label : logit > at_label;
    before += isnan(logit) ? team.classes : is_before ? 1 : 0;
  }
  before = team.combine(before, AddedCounts{});
  const bool counts_row = team.has_row() && team.lane() == 0;
  for (int t = 0; t < tops; ++t) {
    const int block_count = __syncthreads_count(counts_row && before <= t ? 1 : 0);
    if (threadIdx.x == 0) atomicAdd(counts + t, static_cast<unsigned long long>(block_count));
  }
}

}  // namespace

void softmax_cross_entropy_forward(Stream& stream, ConstView<float> logits,
                                   ConstView<std::int32_t> labels, View<float> probabilities,
                                   View<float> loss) {
  constexpr std::string_view operation = "softmax_cross_entropy";
  const RowTeam team(operation, logits.shape);
  Scratch<double> row_losses(stream, team.rows);
  launch(operation, softmax_kernel, team.launch_shape(), stream, team, logits.data, labels.data,
         probabilities.data, row_losses.data());
  launch(operation, mean_loss_kernel, {dim3(1), dim3(mean_threads)}, stream, row_losses.data(),
         team.rows, loss.data);
}

void softmax_cross_entropy_backward(Stream& stream, ConstView<float> grad_loss,
                                    ConstView<float> probabilities, ConstView<std::int32_t> labels,
                                    View<float> grad_logits, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  constexpr std::string_view operation = "softmax_cross_entropy_backward";
  const RowTeam team(operation, probabilities.shape);
  launch(operation, softmax_gradient_kernel, team.launch_shape(), stream, team, grad_loss.data,
         probabilities.data, labels.data, grad_logits.data, mode);
}

void count_correct(Stream& stream, ConstView<float> logits, ConstView<std::int32_t> labels,
                   View<std::int64_t> counts) {
  constexpr std::string_view operation = "count_correct";
  const RowTeam team(operation, logits.shape);
  const auto tops = static_cast<int>(counts.elements());
  device_memory(counts.device).zero(counts.data, tops * sizeof(*counts.data), stream);
  launch(operation, count_correct_kernel, team.launch_shape(), stream, team, logits.data,
         labels.data, tops, reinterpret_cast<unsigned long long*>(counts.data));
}

}  // namespace lq::kernels::cuda
