// What is computed of a convolution.
#pragma once

namespace lq::kernels::cuda {

enum class ConvolutionPass : unsigned char { forward, backward_data, backward_weights };

}  // namespace lq::kernels::cuda
