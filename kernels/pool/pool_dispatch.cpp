#include "kernels/common/check_view.h"
#include "kernels/common/dispatch.h"
#include "kernels/pool/pool.h"

namespace lq::kernels {

namespace {

constexpr std::int64_t max_kernel_of_argmax = 16;  // 16 x 16 places fit into 8 bits

AxisPadding resolve_axis(std::string_view operation, const Shape& x, const PoolOptions& options,
                         PlaneAxis axis) {
  const std::int64_t in = axis == PlaneAxis::height ? x[1] : x[2];
  const AxisPadding resolved =
      resolve(operation, options.padding, axis, in, options.kernel, options.stride);
  check(resolved.before < options.kernel && resolved.after < options.kernel,
        "{}: padding {} and {} for kernel {}, expected less than the kernel", operation,
        resolved.before, resolved.after, options.kernel);
  return resolved;
}

void check_argmax_fits(std::string_view operation, const PoolOptions& options) {
  check(options.kernel <= max_kernel_of_argmax, "{}: kernel {}, expected at most {}", operation,
        options.kernel, max_kernel_of_argmax);
}

Shape global_pool_shape(std::string_view operation, const Shape& x) {
  check(x.rank() == 4 && x[1] * x[2] > 0, "{}: x is {}, expected N H W C with a pixel or more",
        operation, x);
  return {x[0], x[3]};
}

}  // namespace

PoolGeometry resolve_pool(std::string_view operation, const Shape& x, const PoolOptions& options) {
  check(x.rank() == 4, "{}: x is {}, expected N H W C", operation, x);
  return {resolve_axis(operation, x, options, PlaneAxis::height),
          resolve_axis(operation, x, options, PlaneAxis::width)};
}

Shape pool_output_shape(std::string_view operation, const Shape& x, const PoolOptions& options) {
  const PoolGeometry geometry = resolve_pool(operation, x, options);
  return {x[0], geometry.height.out, geometry.width.out, x[3]};
}

void max_pool_forward(Stream& stream, ConstView<float> x, View<float> y, View<std::uint8_t> argmax,
                      const PoolOptions& options) {
  constexpr std::string_view operation = "max_pool_forward";
  const Shape expected = pool_output_shape(operation, x.shape, options);
  check_argmax_fits(operation, options);
  check_view(operation, "x", stream, x, x.shape);
  check_view(operation, "y", stream, y, expected);
  if (argmax) check_view(operation, "argmax", stream, argmax, expected);
  choose<MaxPoolForward>(operation, stream,
                         {reference::max_pool_forward, cpu::max_pool_forward,
                          LQNET_CUDA_KERNEL(cuda::max_pool_forward)})(stream, x, y, argmax,
                                                                      options);
}

void max_pool_backward(Stream& stream, ConstView<float> grad_y, ConstView<std::uint8_t> argmax,
                       View<float> grad_x, const PoolOptions& options, GradientMode mode) {
  constexpr std::string_view operation = "max_pool_backward";
  if (mode == GradientMode::ignore) return;
  const Shape expected = pool_output_shape(operation, grad_x.shape, options);
  check_argmax_fits(operation, options);
  check_view(operation, "grad_y", stream, grad_y, expected);
  check_view(operation, "argmax", stream, argmax, expected);
  check_view(operation, "grad_x", stream, grad_x, grad_x.shape);
  choose<MaxPoolBackward>(operation, stream,
                          {reference::max_pool_backward, cpu::max_pool_backward,
                           LQNET_CUDA_KERNEL(cuda::max_pool_backward)})(stream, grad_y, argmax,
                                                                        grad_x, options, mode);
}

void average_pool_forward(Stream& stream, ConstView<float> x, View<float> y,
                          const PoolOptions& options) {
  constexpr std::string_view operation = "average_pool_forward";
  const Shape expected = pool_output_shape(operation, x.shape, options);
  check_view(operation, "x", stream, x, x.shape);
  check_view(operation, "y", stream, y, expected);
  choose<AveragePoolForward>(operation, stream,
                             {reference::average_pool_forward, cpu::average_pool_forward,
                              LQNET_CUDA_KERNEL(cuda::average_pool_forward)})(stream, x, y,
                                                                              options);
}

void average_pool_backward(Stream& stream, ConstView<float> grad_y, View<float> grad_x,
                           const PoolOptions& options, GradientMode mode) {
  constexpr std::string_view operation = "average_pool_backward";
  if (mode == GradientMode::ignore) return;
  const Shape expected = pool_output_shape(operation, grad_x.shape, options);
  check_view(operation, "grad_y", stream, grad_y, expected);
  check_view(operation, "grad_x", stream, grad_x, grad_x.shape);
  choose<AveragePoolBackward>(operation, stream,
                              {reference::average_pool_backward, cpu::average_pool_backward,
                               LQNET_CUDA_KERNEL(cuda::average_pool_backward)})(
      stream, grad_y, grad_x, options, mode);
}

void global_average_pool_forward(Stream& stream, ConstView<float> x, View<float> y) {
  constexpr std::string_view operation = "global_average_pool_forward";
  const Shape expected = global_pool_shape(operation, x.shape);
  check_view(operation, "x", stream, x, x.shape);
  check_view(operation, "y", stream, y, expected);
  choose<GlobalAveragePoolForward>(
      operation, stream,
      {reference::global_average_pool_forward, cpu::global_average_pool_forward,
       LQNET_CUDA_KERNEL(cuda::global_average_pool_forward)})(stream, x, y);
}

void global_average_pool_backward(Stream& stream, ConstView<float> grad_y, View<float> grad_x,
                                  GradientMode mode) {
  constexpr std::string_view operation = "global_average_pool_backward";
  if (mode == GradientMode::ignore) return;
  const Shape expected = global_pool_shape(operation, grad_x.shape);
  check_view(operation, "grad_y", stream, grad_y, expected);
  check_view(operation, "grad_x", stream, grad_x, grad_x.shape);
  choose<GlobalAveragePoolBackward>(
      operation, stream,
      {reference::global_average_pool_backward, cpu::global_average_pool_backward,
       LQNET_CUDA_KERNEL(cuda::global_average_pool_backward)})(stream, grad_y, grad_x, mode);
}

}  // namespace lq::kernels
