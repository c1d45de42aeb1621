#include "kernels/add/add.h"
#include "kernels/common/cuda/elementwise.h"

namespace lq::kernels::cuda {

namespace {

struct Sum {
  __device__ float operator()(float a, float b) const { return a + b; }
};

}  // namespace

void add_forward(Stream& stream, ConstView<float> a, ConstView<float> b, View<float> y) {
  elementwise("add_forward", stream, a.elements(), Sum{}, y.data, a.data, b.data);
}

void add_into(Stream& stream, View<float> y, ConstView<float> x) {
  elementwise("add_into", stream, y.elements(), Sum{}, y.data, static_cast<const float*>(y.data),
              x.data);
}

}  // namespace lq::kernels::cuda
