#include <iterator>
#include <mutex>
#include <set>
#include <utility>

#include "kernels/common/cuda/float_convolution.h"
#include "kernels/conv2d/conv2d_library.h"
#include "kernels/conv2d/convolution_pass.h"

namespace lq::kernels::cuda {

namespace {

/// Null where own kernels are taken.
const Conv2dLibrary* chosen_library() { return choose_library(conv2d_variable, conv2d_library); }

/// Passes that the library could not compute.
class Fallbacks {
 public:
  void add(const Conv2dGeometry& geometry, ConvolutionPass pass) {
    const std::lock_guard lock(mutex_);
    passes_.emplace(geometry, pass);
  }
  std::int64_t count() const {
    const std::lock_guard lock(mutex_);
    return std::ssize(passes_);
  }

 private:
  mutable std::mutex mutex_;
  std::set<std::pair<Conv2dGeometry, ConvolutionPass>> passes_;
};

Fallbacks& fallbacks() {
  static Fallbacks all;
  return all;
}

}  // namespace

std::int64_t conv2d_fallbacks() { return fallbacks().count(); }

std::string conv2d_implementation() { return describe_choice(conv2d_variable, conv2d_library); }

void conv2d_forward(Stream& stream, const Conv2dGeometry& geometry, ConstView<float> x,
                    ConstView<float> weight, ConstView<float> bias, View<float> y) {
  const Conv2dLibrary* const library = chosen_library();
  if (library != nullptr) {
    if (library->forward(stream, geometry, x, weight, bias, y)) return;
    fallbacks().add(geometry, ConvolutionPass::forward);
  }
  float_convolution_forward("conv2d_forward", stream, geometry, x.data, weight.data, bias.data,
                            y.data);
}

void conv2d_backward_data(Stream& stream, const Conv2dGeometry& geometry, ConstView<float> grad_y,
                          ConstView<float> weight, View<float> grad_x, GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  const Conv2dLibrary* const library = chosen_library();
  if (library != nullptr) {
    if (library->backward_data(stream, geometry, grad_y, weight, grad_x, mode)) return;
    fallbacks().add(geometry, ConvolutionPass::backward_data);
  }
  float_convolution_backward_data("conv2d_backward_data", stream, geometry, grad_y.data,
                                  weight.data, grad_x.data, mode);
}

void conv2d_backward_weights(Stream& stream, const Conv2dGeometry& geometry,
                             ConstView<float> grad_y, ConstView<float> x, View<float> grad_weight,
                             GradientMode mode) {
  if (mode == GradientMode::ignore) return;
  const Conv2dLibrary* const library = chosen_library();
  if (library != nullptr) {
    if (library->backward_weights(stream, geometry, grad_y, x, grad_weight, mode)) return;
    fallbacks().add(geometry, ConvolutionPass::backward_weights);
  }
  float_convolution_backward_weights("conv2d_backward_weights", stream, geometry, grad_y.data,
                                     x.data, grad_weight.data, mode);
}

void conv2d_backward_bias(Stream& stream, const Conv2dGeometry& geometry, ConstView<float> grad_y,
                          View<float> grad_bias, GradientMode mode) {
  sum_over_pixels("conv2d_backward_bias", stream, grad_y.data,
                  geometry.n * geometry.out_h * geometry.out_w, geometry.c_out, grad_bias.data,
                  mode);
}

}  // namespace lq::kernels::cuda
