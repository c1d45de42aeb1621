#include <bit>

#include "core/packed_layout.h"
#include "kernels/bitconv/bit_conv2d.h"
#include "kernels/common/check_view.h"
#include "kernels/common/dispatch.h"

namespace lq::kernels {

namespace {

constexpr std::string_view operation = "bit_conv2d_forward";

/// Bits of a table's codes.
int code_bits(std::string_view what, const LevelTableView& table) {
  const auto size = static_cast<std::uint64_t>(table.size());
  check(std::has_single_bit(size) && size >= 2 && size <= 1U << max_bits,
        "{}: {} levels of {}, expected 2^K with K from 1 to {}", operation, size, what, max_bits);
  return std::countr_zero(size);
}

}  // namespace

void bit_conv2d_forward(Stream& stream, const Conv2dGeometry& geometry, const CodedInput& x,
                        const LeveledWeights& weight, ConstView<float> bias, View<float> y) {
  check(geometry.groups == 1, "{}: {} groups, expected one", operation, geometry.groups);
  check(weight.table && x.table, "{}: a table of levels is absent", operation);
  check_level_table(operation, stream, x.table, 1);
  const std::int64_t rows = weight.table.rows() == 1 ? 1 : geometry.c_out;
  check_level_table(operation, stream, weight.table, rows);
  code_bits("the weights", weight.table);
  check_view(operation, "x", stream, x.planes,
             {code_bits("x", x.table), geometry.n * geometry.h * geometry.w,
              packed::words(geometry.c_in)});
  check_view(operation, "weight", stream, weight.values, geometry.weight_shape());
  if (bias) check_view(operation, "bias", stream, bias, geometry.bias_shape());
  check_view(operation, "y", stream, y, geometry.y_shape());
  choose<BitConv2dForward>(operation, stream,
                           {reference::bit_conv2d_forward, cpu::bit_conv2d_forward,
                            LQNET_CUDA_KERNEL(cuda::bit_conv2d_forward)})(stream, geometry, x,
                                                                          weight, bias, y);
}

}  // namespace lq::kernels
