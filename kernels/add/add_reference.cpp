#include "kernels/add/add.h"

namespace lq::kernels::reference {

template <typename T>
void add_forward_loops(ConstView<T> a, ConstView<T> b, View<T> y) {
  for (std::int64_t i = 0; i < y.elements(); ++i) y[i] = a[i] + b[i];
}

template <typename T>
void add_into_loops(View<T> y, ConstView<T> x) {
  for (std::int64_t i = 0; i < y.elements(); ++i) y[i] += x[i];
}

template void add_forward_loops<float>(ConstView<float>, ConstView<float>, View<float>);
template void add_forward_loops<double>(ConstView<double>, ConstView<double>, View<double>);
template void add_into_loops<float>(View<float>, ConstView<float>);
template void add_into_loops<double>(View<double>, ConstView<double>);

void add_forward(Stream&, ConstView<float> a, ConstView<float> b, View<float> y) {
  add_forward_loops<float>(a, b, y);
}

void add_into(Stream&, View<float> y, ConstView<float> x) { add_into_loops<float>(y, x); }

}  // namespace lq::kernels::reference
