#include <bit>

#include "core/packed_layout.h"
#include "kernels/common/bitpack/bitpack.h"
#include "kernels/common/check_view.h"
#include "kernels/common/dispatch.h"

namespace lq::kernels {

void check_code_planes(std::string_view operation, const Stream& stream,
                       const LevelTableView& table, const Shape& values,
                       const ConstView<std::int32_t>& planes) {
  check_level_table(operation, stream, table, 1);
  const auto size = static_cast<std::uint64_t>(table.size());
  check(std::has_single_bit(size) && size <= 1U << max_packed_bits,
        "{}: {} levels, expected 2, 4, 8 or 16", operation, size);
  check_view(operation, "planes", stream, planes,
             {std::countr_zero(size), values[0], packed::words(values[1])});
}

namespace {

void check_arguments(std::string_view operation, const Stream& stream, const ConstView<float>& x,
                     const LevelTableView& table, const ConstView<std::int32_t>& planes) {
  check(x.shape.rank() == 2, "{}: x is {}, expected P x C", operation, x.shape);
  check_view(operation, "x", stream, x, x.shape);
  check_code_planes(operation, stream, table, x.shape, planes);
}

}  // namespace

void bitpack_forward(Stream& stream, ConstView<float> x, const LevelTableView& table,
                     View<std::int32_t> planes) {
  constexpr std::string_view operation = "bitpack_forward";
  check_arguments(operation, stream, x, table, planes);
  choose<BitpackForward>(operation, stream,
                         {reference::bitpack_forward, cpu::bitpack_forward,
                          LQNET_CUDA_KERNEL(cuda::bitpack_forward)})(stream, x, table, planes);
}

void bitpack_inverse(Stream& stream, ConstView<std::int32_t> planes, const LevelTableView& table,
                     View<float> x) {
  constexpr std::string_view operation = "bitpack_inverse";
  check_arguments(operation, stream, x, table, planes);
  choose<BitpackInverse>(operation, stream,
                         {reference::bitpack_inverse, cpu::bitpack_inverse,
                          LQNET_CUDA_KERNEL(cuda::bitpack_inverse)})(stream, planes, table, x);
}

}  // namespace lq::kernels
