#include <algorithm>
#include <vector>

#include "core/error.h"
#include "core/integers.h"
#include "core/tensor.h"
#include "core/threads.h"
#include "kernels/bitconv/bit_conv2d.h"
#include "kernels/bitconv/bitconv.h"
#include "kernels/common/level_basis.h"

namespace lq::kernels::cpu {

namespace {

std::vector<float> basis_of(std::string_view what, const LevelTableView& table,
                            CodeAlphabet alphabet) {
  auto basis = level_basis(table, alphabet);
  check(basis.has_value(), "bit_conv2d_forward: levels of {} are no sums of a basis", what);
  return std::move(*basis);
}

/// O x weight bits: a table for the whole tensor counts for each output channel.
std::vector<float> weight_basis(const LevelTableView& table, std::int64_t outputs) {
  const std::vector<float> rows = basis_of("the weights", table, CodeAlphabet::minus_plus_one);
  std::vector<float> basis;
  for (std::int64_t copy = 0; copy < outputs / table.rows(); ++copy) {
    basis.insert(basis.end(), rows.begin(), rows.end());
  }
  return basis;
}

/// The code of each weight: that of the highest level which it reaches.
std::vector<std::uint8_t> weight_codes(const LeveledWeights& weight) {
  const std::int64_t rows = weight.table.rows();
  const std::int64_t size = weight.table.size();
  const std::int64_t row_values = weight.values.elements() / rows;
  std::vector<std::uint8_t> codes(weight.values.elements());
  parallel_for(rows, [&](std::int64_t row) {
    const float* levels = weight.table.levels.data + row * size;
    const std::uint8_t* codes_of_levels = weight.table.codes.data + row * size;
    const float* from = weight.values.data + row * row_values;
    std::uint8_t* to = codes.data() + row * row_values;
    for (std::int64_t i = 0; i < row_values; ++i) {
      int position = 0;
      for (std::int64_t l = 1; l < size; ++l) position += from[i] >= levels[l] ? 1 : 0;
      to[i] = codes_of_levels[position];
    }
  });
  return codes;
}

BitconvDescription describe(const Conv2dGeometry& geometry, const CodedInput& x,
                            const LeveledWeights& weight, ConstView<float> bias) {
  BitSegment segment{.channels = geometry.c_in,
                     .input_bits = static_cast<int>(x.planes.shape[0]),
                     .weight_codes = weight_codes(weight),
                     .weight_basis = weight_basis(weight.table, geometry.c_out),
                     .input_basis = basis_of("x", x.table, CodeAlphabet::zero_one)};
  segment.weight_bits = static_cast<int>(std::ssize(segment.weight_basis) / geometry.c_out);
  BitconvDescription description{.geometry = geometry};
  description.geometry.n = 1;
  description.segments.emplace_back(std::move(segment));
  description.scale.assign(geometry.c_out, 1.0F);
  description.shift.assign(geometry.c_out, 0.0F);
  if (bias) std::copy_n(bias.data, geometry.c_out, description.shift.begin());
  description.float_outputs.emplace_back();
  return description;
}

}  // namespace

void bit_conv2d_forward(Stream& stream, const Conv2dGeometry& geometry, const CodedInput& x,
                        const LeveledWeights& weight, ConstView<float> bias, View<float> y) {
  const auto convolution = kernels::prepare_bitconv(stream, describe(geometry, x, weight, bias));
  const BitconvBuffer<const void*> input{x.planes.data, x.planes.shape[1] * x.planes.shape[2]};
  float* const result = y.data;
  const BitconvOperands operands{
      .batch = geometry.n, .inputs = {&input, 1}, .floats = {&result, 1}};
  const int workers = num_threads();
  constexpr std::int64_t alignment = 64;
  const std::int64_t pitch =
      round_up(static_cast<std::int64_t>(convolution->scratch_bytes()), alignment);
  Tensor scratch({workers, pitch}, DType::u8);
  auto* const bytes = reinterpret_cast<std::byte*>(scratch.data<std::uint8_t>());
  parallel_for(workers, [&](std::int64_t worker) {
    convolution->run(operands, {static_cast<int>(worker), workers},
                     {bytes + worker * pitch, static_cast<std::size_t>(pitch)});
  });
}

}  // namespace lq::kernels::cpu
