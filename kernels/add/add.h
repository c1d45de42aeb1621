// Elementwise sum, any shape.
#pragma once

#include "core/stream.h"
#include "core/view.h"

namespace lq::kernels {

/// y = a + b. Shapes equal; y may alias a or b. Throws Error for other shapes.
using AddForward = void(Stream& stream, ConstView<float> a, ConstView<float> b, View<float> y);

/// y += x: how the tape's operations add a gradient that they would otherwise hand on as it is.
/// Shapes equal; x may alias y. Throws Error for other shapes.
using AddInto = void(Stream& stream, View<float> y, ConstView<float> x);

AddForward add_forward;
AddInto add_into;

namespace reference {
AddForward add_forward;
AddInto add_into;

/// The same loops for float and double (explicitly instantiated); double is for gradient checks.
template <typename T>
void add_forward_loops(ConstView<T> a, ConstView<T> b, View<T> y);
template <typename T>
void add_into_loops(View<T> y, ConstView<T> x);
}  // namespace reference

namespace cpu {
AddForward add_forward;
AddInto add_into;
}  // namespace cpu

namespace cuda {
AddForward add_forward;
AddInto add_into;
}  // namespace cuda

}  // namespace lq::kernels
