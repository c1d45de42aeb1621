#include "kernels/add/add.h"
#include "kernels/common/check_view.h"
#include "kernels/common/dispatch.h"

namespace lq::kernels {

void add_forward(Stream& stream, ConstView<float> a, ConstView<float> b, View<float> y) {
  constexpr std::string_view operation = "add_forward";
  check_view(operation, "a", stream, a, a.shape);
  check_view(operation, "b", stream, b, a.shape);
  check_view(operation, "y", stream, y, a.shape);
  choose<AddForward>(operation, stream,
                     {reference::add_forward, cpu::add_forward,
                      LQNET_CUDA_KERNEL(cuda::add_forward)})(stream, a, b, y);
}

void add_into(Stream& stream, View<float> y, ConstView<float> x) {
  constexpr std::string_view operation = "add_into";
  check_view(operation, "y", stream, y, y.shape);
  check_view(operation, "x", stream, x, y.shape);
  choose<AddInto>(operation, stream,
                  {reference::add_into, cpu::add_into, LQNET_CUDA_KERNEL(cuda::add_into)})(stream,
                                                                                           y, x);
}

}  // namespace lq::kernels
