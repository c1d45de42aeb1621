#include "kernels/batch_norm/batch_norm_isa.h"
#include "kernels/common/level_assign.h"

namespace lq::kernels::LQNET_ISA {

namespace {

/// body(begin, length) for every period of the run.
template <typename Body>
inline void for_each_period(const BatchNormRun& run, Body body) {
  for (std::int64_t begin = 0; begin < run.n; begin += run.period) {
    const std::int64_t rest = run.n - begin;
    body(begin, rest < run.period ? rest : run.period);
  }
}

void sums(const BatchNormRun& run, const float* __restrict shift, float* __restrict sum) {
  for_each_period(run, [&](std::int64_t begin, std::int64_t n) {
    const float* __restrict x = run.x + begin;
    for (std::int64_t i = 0; i < n; ++i) sum[i] += x[i] - shift[i];
  });
}

void moments(const BatchNormRun& run, const float* __restrict shift, float* __restrict sum,
             float* __restrict squares) {
  for_each_period(run, [&](std::int64_t begin, std::int64_t n) {
    const float* __restrict x = run.x + begin;
    for (std::int64_t i = 0; i < n; ++i) {
      const float difference = x[i] - shift[i];
      sum[i] += difference;
      squares[i] += difference * difference;
    }
  });
}

template <bool relu>
inline void activate(const float* __restrict x, std::int64_t n, const float* __restrict scale,
                     const float* __restrict offset, float* __restrict to) {
  for (std::int64_t i = 0; i < n; ++i) {
    const float z = x[i] * scale[i] + offset[i];
    // z <= 0 rather than z > 0 keeps NaN, which the statistics then report.
    to[i] = relu && z <= 0.0F ? 0.0F : z;
  }
}

void forward(const BatchNormForwardRun& job) {
  const bool quantize = job.threshold_count > 0;
  for_each_period(job.run, [&](std::int64_t begin, std::int64_t n) {
    float* to = quantize ? job.activated : job.y + begin;
    if (job.relu) {
      activate<true>(job.run.x + begin, n, job.scale, job.offset, to);
    } else {
      activate<false>(job.run.x + begin, n, job.scale, job.offset, to);
    }
    if (quantize) {
      assign_levels(to, job.y + begin, n, job.thresholds, job.levels, job.threshold_count,
                    {job.above_counts, job.above_sums}, *job.total);
    }
  });
}

void backward_sums(const BatchNormBackwardRun& job, const float* __restrict mean,
                   float* __restrict sum, float* __restrict product) {
  const float* __restrict scale = job.scale;
  const float* __restrict offset = job.offset;
  for_each_period(job.run, [&](std::int64_t begin, std::int64_t n) {
    const float* __restrict x = job.run.x + begin;
    const float* __restrict grad_y = job.grad_y + begin;
    for (std::int64_t i = 0; i < n; ++i) {
      const float z = x[i] * scale[i] + offset[i];
      const float all = grad_y[i];  // loaded unconditionally, or SSE loops do not vectorise
      const float grad_z = (z > job.low) & (z <= job.high) ? all : 0.0F;
      sum[i] += grad_z;
      product[i] += grad_z * (x[i] - mean[i]);
    }
  });
}

template <bool accumulate>
inline void input_gradient(const BatchNormBackwardRun& job, std::int64_t begin, std::int64_t n,
                           const float* __restrict slope, const float* __restrict constant,
                           float* __restrict grad_x) {
  const float* __restrict x = job.run.x + begin;
  const float* __restrict grad_y = job.grad_y + begin;
  const float* __restrict scale = job.scale;
  const float* __restrict offset = job.offset;
  for (std::int64_t i = 0; i < n; ++i) {
    const float z = x[i] * scale[i] + offset[i];
    const float all = grad_y[i];
    const float grad_z = (z > job.low) & (z <= job.high) ? all : 0.0F;
    const float gradient = grad_z * scale[i] + (x[i] * slope[i] + constant[i]);
    grad_x[i] = accumulate ? grad_x[i] + gradient : gradient;
  }
}

void backward_input(const BatchNormBackwardRun& job, const float* slope, const float* constant,
                    float* grad_x, bool accumulate) {
  for_each_period(job.run, [&](std::int64_t begin, std::int64_t n) {
    if (accumulate) {
      input_gradient<true>(job, begin, n, slope, constant, grad_x + begin);
    } else {
      input_gradient<false>(job, begin, n, slope, constant, grad_x + begin);
    }
  });
}

}  // namespace

extern const BatchNormKernels batch_norm_kernels = {sums, moments, forward, backward_sums,
                                                    backward_input};

}  // namespace lq::kernels::LQNET_ISA
